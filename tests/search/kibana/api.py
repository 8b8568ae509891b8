"""The part of Kibana's public API that we use, as schemas of its requests and answers.

Facts from elastic/kibana: `oas_docs/output/kibana.yaml` (commit 0003293f, the import) and the
route definitions that it is generated from: `spaces/server/lib/space_schema.ts` (01c1a0e8),
`plugin_types_server/src/authorization/role_schema.ts` (005be8e3), `roles/model/role_response.ts`
(b8659806), `core/packages/status/server-internal/src/routes/status_response_schemas.ts`
(057dcf9c), and for what an import really answers `import_saved_objects.ts` (127c4f53).
"""

import re
from dataclasses import dataclass

from tests.search.kibana.json_schema import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    Json,
    array,
    mapping,
    one_of,
    some,
    strict,
)

SPACE_ID = {"type": "string", "pattern": "^[a-z0-9_-]+$"}
FEATURE_ID = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"}

SPACE = strict(
    {"id": SPACE_ID, "name": {"type": "string", "minLength": 1}},
    description=STRING,
    initials={"type": "string", "maxLength": 2},
    color={"type": "string", "pattern": "^#[a-zA-Z0-9]{6}$"},
    disabledFeatures=array(STRING, maxItems=100),
    imageUrl=STRING,
    projectRouting=STRING,
    solution=one_of("es", "oblt", "security", "classic"),
    _reserved=BOOLEAN,
)

_INDEX_PRIVILEGES = strict(
    {
        "names": array(STRING, minItems=1, maxItems=100),
        "privileges": array(STRING, minItems=1, maxItems=100),
    },
    field_security=mapping(array(STRING)),
    query=STRING,
    allow_restricted_indices=BOOLEAN,
)
_ELASTICSEARCH_ROLE = some(
    cluster=array(STRING, maxItems=100),
    remote_cluster=array(OBJECT),
    indices=array(_INDEX_PRIVILEGES, maxItems=1000),
    remote_indices=array(OBJECT),
    run_as=array(STRING, maxItems=100),
    **{"global": OBJECT},
)
_KIBANA_PRIVILEGES = {
    **some(
        spaces=array(
            {"oneOf": [SPACE_ID, {"const": "*"}]},
            maxItems=1000,
        ),
        base=array(STRING, maxItems=50),
        feature={
            "type": "object",
            "propertyNames": FEATURE_ID,
            "additionalProperties": array(FEATURE_ID, maxItems=100),
        },
    ),
    # "either [base] or [feature] is expected", and not both
    "oneOf": [
        {
            "properties": {"base": {"minItems": 1}, "feature": {"maxProperties": 0}},
            "required": ["base"],
        },
        {
            "properties": {"base": {"maxItems": 0}, "feature": {"minProperties": 1}},
            "required": ["feature"],
        },
    ],
}
ROLE = strict(
    {"elasticsearch": _ELASTICSEARCH_ROLE},
    description={"type": "string", "maxLength": 2048},
    metadata=OBJECT,
    kibana=array(_KIBANA_PRIVILEGES),
)
ROLE_ANSWER = strict(
    {
        "name": STRING,
        "elasticsearch": _ELASTICSEARCH_ROLE,
        "kibana": array(
            strict(
                {
                    "spaces": array(STRING),
                    "base": array(STRING),
                    "feature": mapping(array(STRING)),
                },
                _reserved=array(STRING),
            )
        ),
    },
    description=STRING,
    metadata=OBJECT,
    transient_metadata=OBJECT,
    _transform_error=array(OBJECT),
    _unrecognized_applications=array(STRING),
)

_LEVEL = one_of("available", "degraded", "unavailable", "critical")
_SERVICE = strict(
    {"level": _LEVEL, "summary": STRING, "meta": OBJECT}, detail=STRING, documentationUrl=STRING
)
STATUS = {
    "oneOf": [
        strict(
            {
                "name": STRING,
                "uuid": STRING,
                "version": strict(
                    {
                        "number": STRING,
                        "build_hash": STRING,
                        "build_number": NUMBER,
                        "build_snapshot": BOOLEAN,
                        "build_flavor": one_of("serverless", "traditional"),
                        "build_date": STRING,
                    }
                ),
                "status": strict(
                    {
                        "overall": _SERVICE,
                        "core": strict(
                            {"elasticsearch": _SERVICE, "savedObjects": _SERVICE}, http=_SERVICE
                        ),
                        "plugins": mapping(_SERVICE),
                    }
                ),
                "metrics": strict(
                    {
                        "elasticsearch_client": OBJECT,
                        "last_updated": STRING,
                        "collection_interval_in_millis": NUMBER,
                    }
                ),
            }
        ),
        strict({"status": strict({"overall": strict({"level": _LEVEL})})}),
    ]
}

IMPORTED = strict(
    {"success": BOOLEAN, "successCount": INTEGER},
    warnings=array(OBJECT),
    successResults=array(
        strict(
            {"type": STRING, "id": STRING, "meta": OBJECT},
            managed=BOOLEAN,
            overwrite=BOOLEAN,
            destinationId=STRING,
            createNewCopy=BOOLEAN,
        )
    ),
    errors=array(
        strict(
            {"type": STRING, "id": STRING, "meta": OBJECT, "error": OBJECT},
            title=STRING,
            managed=BOOLEAN,
            overwrite=BOOLEAN,
        )
    ),
)
REFUSED = strict({"statusCode": INTEGER, "error": STRING, "message": STRING}, attributes=ANY)


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked: `body` is None where the request has none or no JSON."""

    method: str
    path: re.Pattern[str]
    answers: dict[int, Json | None]
    body: Json | None = None
    query: tuple[str, ...] = ()


_ROLE = re.compile(r"/api/security/role/(?P<name>[^/]{1,1024})")
_ONE_SPACE = re.compile(r"/api/spaces/space/(?P<id>[^/]+)")

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", re.compile("/api/status"), {200: STATUS, 503: STATUS}),
    Operation("GET", _ONE_SPACE, {200: SPACE, 404: REFUSED}),
    Operation("PUT", _ONE_SPACE, {200: SPACE, 404: REFUSED}, SPACE),
    Operation("POST", re.compile("/api/spaces/space"), {200: SPACE, 409: REFUSED}, SPACE),
    Operation("GET", _ROLE, {200: ROLE_ANSWER, 404: REFUSED}),
    Operation("PUT", _ROLE, {204: None}, ROLE),
    Operation(
        "POST",
        re.compile(r"(?:/s/(?P<space>[a-z0-9_-]+))?/api/saved_objects/_import"),
        {200: IMPORTED},
        query=("overwrite", "createNewCopies", "compatibilityMode"),
    ),
)
ALWAYS: dict[int, Json] = dict.fromkeys((400, 401, 403, 404, 413, 500, 503), REFUSED)
"""What every operation may answer besides its own."""
