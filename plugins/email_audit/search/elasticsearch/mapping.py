"""How hits lie in Elasticsearch: mappings and analysis, derived from `FIELDS` and `analysis.py`.

A text field's main index holds the words of `analysis.tokens`, so that a query means the same as
in the embedded index and Kibana, which asks the main field, finds the same. Running text has stems
besides, in sub-fields: `own_text.english : detain` also finds "detained". A caseless keyword has
its values as written in `.exact`.

References: the index modules `mapping` and `analysis` of Elasticsearch 9 (strict dynamic mapping,
`mapping` character filter, `pattern` tokenizer, `word_delimiter_graph` and `stemmer` filters).
"""

import hashlib
import json
from typing import Any, TypeAlias

from email_audit.search.analysis import (
    LONGEST_KEYWORD,
    VALUE_GAP,
    address_expression,
    word_expression,
)
from email_audit.search.fields import (
    FIELDS,
    GENERATION,
    SEARCHED,
    Field,
    FieldType,
    KeywordForm,
    field_named,
)
from email_audit.search.folding import FOLDED

JsonObject: TypeAlias = dict[str, Any]

NESTED = {"signals": "signals.text"}
"""Fields that are lists of objects, with the part of those that the field's name means."""

FINGERPRINT = "fingerprint"
"""The writer's digest of the document, by which it knows an unchanged one; not searchable."""

ENVELOPE = "envelope"
"""What the fields do not give back exactly; kept and not indexed."""

MAX_REGEX_LENGTH = 50_000
"""Characters of a pattern as spelled for Lucene; that of the longest query is shorter."""

_WORDS, _ENGLISH, _SPANISH = "email_words", "email_english", "email_spanish"
_NORMALIZERS = {KeywordForm.CASELESS: "email_caseless", KeywordForm.MESSAGE_ID: "email_message_id"}
_LETTER, _INSIDE = r"[\p{L}\p{N}]", r"\p{L}\p{N}_"
_INTERNAL: JsonObject = {
    FINGERPRINT: {"type": "keyword", "index": False},
    ENVELOPE: {"type": "object", "enabled": False},
}


def mappings() -> JsonObject:
    """Give the mappings of an index of hits: every field is known, any other is refused."""
    return {
        "dynamic": "strict",
        "_meta": {"generation": GENERATION, "sha256": mapping_hash()},
        "properties": _properties(),
    }


def analysis() -> JsonObject:
    """Give the analysis settings of an index of hits."""
    word = word_expression(_LETTER)
    address = address_expression(_LETTER, _INSIDE)

    def analyzer(*filters: str) -> JsonObject:
        return {
            "type": "custom",
            "char_filter": ["email_fold"],
            "tokenizer": "email_words",
            "filter": ["email_addresses", "lowercase", *filters],
        }

    return {
        "char_filter": {
            "email_fold": {"type": "mapping", "mappings": _folding_rules()},
            "email_angle_brackets": {"type": "mapping", "mappings": [r"\u003c=>", r"\u003e=>"]},
        },
        "tokenizer": {
            "email_words": {"type": "pattern", "pattern": f"{address}|{word}", "group": 0}
        },
        "filter": {
            "email_addresses": {
                "type": "word_delimiter_graph",
                "preserve_original": True,
                # By default it cuts at these three, which are numbers (Unicode category No).
                "type_table": [r"\u00bc=>DIGIT", r"\u00bd=>DIGIT", r"\u00be=>DIGIT"],
                "split_on_case_change": False,
                "split_on_numerics": False,
                "stem_english_possessive": False,
            },
            "email_english_stems": {"type": "stemmer", "language": "english"},
            "email_spanish_stems": {"type": "stemmer", "language": "light_spanish"},
        },
        "analyzer": {
            _WORDS: analyzer(),
            _ENGLISH: analyzer("email_english_stems"),
            _SPANISH: analyzer("email_spanish_stems"),
        },
        "normalizer": {
            _NORMALIZERS[KeywordForm.CASELESS]: {
                "type": "custom",
                "char_filter": ["email_fold"],
                "filter": ["lowercase"],
            },
            _NORMALIZERS[KeywordForm.MESSAGE_ID]: {
                "type": "custom",
                "char_filter": ["email_angle_brackets"],
            },
        },
    }


def index_settings() -> JsonObject:
    """Give the settings of an index of hits that the queries rely on."""
    return {
        "index": {
            "query": {"default_field": list(SEARCHED)},
            "max_regex_length": MAX_REGEX_LENGTH,
        },
        "analysis": analysis(),
    }


def mapping_hash() -> str:
    """Give the SHA-256 of fields and settings, by which an index made differently is told."""
    made = json.dumps([_properties(), index_settings()], sort_keys=True)
    return hashlib.sha256(made.encode("ascii")).hexdigest()


def _properties() -> JsonObject:
    return {field.name: _property(field) for field in FIELDS} | _INTERNAL


def _property(field: Field) -> JsonObject:
    if field.name in NESTED:
        return {
            "type": "nested",
            "dynamic": "strict",
            "properties": {
                "text": _text(field),
                "label": _keyword(field_named("signal_labels")),
                "part": {"type": "keyword"},
                "start": {"type": "integer"},
                "end": {"type": "integer"},
            },
        }
    match field.type:
        case FieldType.TEXT:
            return _text(field)
        case FieldType.KEYWORD:
            return _keyword(field)
        case FieldType.DATE:
            return {"type": "date", "format": "strict_date_optional_time"}
        case FieldType.FLOAT:
            return {"type": "double"}


def _text(field: Field) -> JsonObject:
    properties: JsonObject = {
        "type": "text",
        "analyzer": _WORDS,
        "position_increment_gap": VALUE_GAP,
    }
    if field.highlighted:
        properties["fields"] = {
            "english": {"type": "text", "analyzer": _ENGLISH},
            "spanish": {"type": "text", "analyzer": _SPANISH},
        }
    if field.name == "subject":
        properties["fields"]["exact"] = _EXACT
    return properties


def _keyword(field: Field) -> JsonObject:
    properties = dict(_EXACT)
    if field.form in _NORMALIZERS:
        properties["normalizer"] = _NORMALIZERS[field.form]
    if field.form is KeywordForm.CASELESS:
        properties["fields"] = {"exact": _EXACT}
    return properties


_EXACT: JsonObject = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}


def _folding_rules() -> list[str]:
    return [f"{_escaped(char)}=>{_escaped(bare)}" for char, bare in FOLDED.items()]


def _escaped(text: str) -> str:
    r"""Write UTF-16 units as the filter's rules take them, what is beyond ASCII as `\uXXXX`."""
    units = text.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)
