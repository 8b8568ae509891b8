"""Opens the search index that the settings name: on a server, or embedded in the workspace."""

from email_audit.search.interface import SearchIndex
from email_audit.settings import Settings


def open_index(settings: Settings, case: str = "") -> SearchIndex:
    """Give the index on the Elasticsearch server of the settings, or the embedded one.

    Only the back end that is used is imported.

    Args:
        settings: Where the index is.
        case: `Case.identity` of the audit whose hits are written there; reading needs none.

    Raises:
        UserError: where a setting of the server is wrong.
    """
    if settings.elasticsearch_url:
        from email_audit.search.elasticsearch.index import ElasticsearchIndex

        return ElasticsearchIndex(settings, case)
    from email_audit.search.embedded import EmbeddedIndex

    return EmbeddedIndex(settings.index_folder)
