"""Saved objects of Kibana: what one is, the versions ours have, and the file that is imported.

Sources of the formats: elastic/kibana, `src/core/packages/saved-objects` (import and validation)
and the plugins' own schemas; named in docs/decisions/0016-kibana-objects-from-code.md.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object."""


class ObjectType(StrEnum):
    """The types of saved objects that we write, as Kibana names them."""

    TAG = "tag"
    DATA_VIEW = "index-pattern"
    SEARCH = "search"
    LENS = "lens"
    DASHBOARD = "dashboard"


CORE_VERSION = "8.8.0"
TYPE_VERSIONS: dict[ObjectType, str] = {
    ObjectType.TAG: "8.0.0",
    ObjectType.DATA_VIEW: "8.0.0",
    ObjectType.SEARCH: "10.5.0",
    ObjectType.LENS: "8.9.0",
    ObjectType.DASHBOARD: "10.2.0",
}
"""The oldest version of each type that has the shape we write: Kibana migrates up, never down."""

OLDEST_KIBANA = (9, 0)
NEWEST_MAJOR = 9
"""Versions of Kibana whose sources take these objects: 9.0 and later minors of 9."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One object's link to another, under the name that its attributes call it by."""

    type: ObjectType
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One saved object; `attributes` hold JSON within strings where Kibana stores it so."""

    type: ObjectType
    id: str
    attributes: Json
    references: tuple[Reference, ...] = ()

    def as_json(self) -> Json:
        """Give the object as Kibana's export writes it, without its dates and its version."""
        return {
            "type": self.type.value,
            "id": self.id,
            "coreMigrationVersion": CORE_VERSION,
            "typeMigrationVersion": TYPE_VERSIONS[self.type],
            "managed": False,
            "attributes": self.attributes,
            "references": [
                {"type": link.type.value, "id": link.id, "name": link.name}
                for link in self.references
            ],
        }


def in_string(value: Any) -> str:
    """Give a JSON value as the string that an attribute ending in JSON holds."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def as_ndjson(objects: Iterable[SavedObject]) -> bytes:
    """Give the file that Kibana imports: one object a line; equal objects give equal bytes."""
    return "".join(in_string(saved.as_json()) + "\n" for saved in objects).encode()
