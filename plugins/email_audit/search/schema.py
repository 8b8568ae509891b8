"""How documents lie in the embedded index: its tantivy schema and what is put into it."""

import tantivy

from email_audit.search.analysis import keyword, value_tokens
from email_audit.search.dates import milliseconds
from email_audit.search.documents import digest, text_values
from email_audit.search.fields import FIELDS, FieldType
from email_audit.search.interface import HitDocument

ID = "_id"
ID_ORDER = "_id_order"
PRESENT = "_present"
FINGERPRINT = "_fingerprint"
STORED = "_document"


def build_schema() -> tantivy.Schema:
    """Make the schema of the current generation.

    Text is cut into words by `analysis.py` and keywords are normalised there; `_present` holds
    the names of the fields that have a value, `_id_order` the first 64 bits of the id.
    """
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        match field.type:
            case FieldType.TEXT:
                builder.add_text_field(field.name, tokenizer_name="raw")
            case FieldType.KEYWORD:
                builder.add_text_field(field.name, tokenizer_name="raw", index_option="basic")
            case FieldType.DATE:
                # Not a date field: tantivy would round it to seconds.
                builder.add_integer_field(field.name, indexed=True, fast=True)
            case FieldType.FLOAT:
                builder.add_float_field(field.name, indexed=True, fast=True)
    for name in (ID, PRESENT, FINGERPRINT):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(ID_ORDER, fast=True)
    builder.add_bytes_field(STORED, stored=True)
    return builder.build()


def id_order(document_id: str) -> int:
    """Give the number by which documents are put in the order of their ids."""
    return int(document_id[:16], 16)


def indexed(document: HitDocument, stored: bytes) -> tantivy.Document:
    """Make the document that tantivy keeps for a hit; `stored` is its JSON.

    Its fingerprint is the id and the digest of `stored`, separated by a colon.
    """
    entry = tantivy.Document()
    values = text_values(document)
    for field in FIELDS:
        several = values.get(field.name, ())
        if several:
            entry.add_text(PRESENT, field.name)
        if field.type is FieldType.TEXT and several:
            words = [
                tantivy.Token(token.text, token.position, token.start, token.end)
                for token in value_tokens(several)
            ]
            entry.add_pre_tokenized_text(field.name, tantivy.PreTokenizedString("", words))
        elif field.type is FieldType.KEYWORD:
            for value in several:
                entry.add_text(field.name, keyword(value, field.form))
    if document.date is not None:
        entry.add_integer("date", milliseconds(document.date))
        entry.add_text(PRESENT, "date")
    entry.add_float("score", document.score)
    entry.add_text(PRESENT, "score")
    entry.add_text(ID, document.id)
    entry.add_unsigned(ID_ORDER, id_order(document.id))
    entry.add_text(FINGERPRINT, f"{document.id}:{digest(stored)}")
    entry.add_bytes(STORED, stored)
    return entry
