"""JSON schemas in short, and what one says against a value."""

from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]

STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
BOOLEAN: Json = {"type": "boolean"}
ANY: Json = {}
OBJECT: Json = {"type": "object"}


def strict(required: Json, **optional: Json) -> Json:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def some(**optional: Json) -> Json:
    return strict({}, **optional)


def array(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


def mapping(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def one_of(*values: object) -> Json:
    return {"enum": list(values)}


def faults_of(value: object, schema: Json) -> list[str]:
    return [
        f"{error.json_path}: {error.message[:300]}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
