"""Puts a writer together from the settings."""

from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.documents import to_source
from email_audit.search.elasticsearch.generations import Layout
from email_audit.search.elasticsearch.mapping import mapping_hash
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.template import templates
from email_audit.search.elasticsearch.writing import Writer
from email_audit.search.fields import GENERATION
from email_audit.settings import Settings

LAYOUT = Layout(f"v{GENERATION}-{mapping_hash()[:8]}", templates, to_source)
"""How this version lays hits out."""


def open_writer(settings: Settings) -> Writer:
    """Give the writer of the index that `settings` name; nothing is asked of the server yet.

    Raises:
        UserError: where the file of certificates is none.
    """
    return Writer(
        connect(settings),
        connect(settings, is_setup=True),
        alias=settings.elasticsearch_alias,
        layout=LAYOUT,
        patience=Patience(settings.elasticsearch_url),
    )
