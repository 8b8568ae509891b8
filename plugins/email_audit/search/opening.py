"""Opens the search index that the settings name: on a server, or embedded in the workspace."""

from email_audit.search.interface import CaseIdentity, SearchIndex
from email_audit.settings import Settings


def open_index(settings: Settings, identity: CaseIdentity | None = None) -> SearchIndex:
    """Give the index on the Elasticsearch server of the settings, or the embedded one.

    Only the back end that is used is imported.

    Args:
        settings: Where the index is.
        identity: Of the audit that writes its hits there; None to read only.

    Raises:
        UserError: where a setting of the server is wrong.
    """
    if settings.elasticsearch_url:
        from email_audit.search.elasticsearch.index import ElasticsearchIndex

        return ElasticsearchIndex(settings, identity)
    from email_audit.search.embedded import EmbeddedIndex

    return EmbeddedIndex(settings.index_folder)
