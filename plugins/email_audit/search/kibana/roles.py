"""Who may do what: the two roles of an audit, as Kibana's role API takes and gives them.

Source: elastic/kibana, `x-pack/platform/packages/shared/security/plugin_types_server/src/
authorization/role_schema.ts`; the features' names: `x-pack/platform/plugins/shared/features/server/
oss_features.ts`.
"""

from typing import Any

from email_audit.search.kibana.objects import Json

FEATURES = ("discover_v2", "dashboard_v2")
"""What investigators use; reading dashboards includes charts, searches, data views and tags."""


def roles(space: str, alias: str) -> dict[str, Json]:
    """Give the roles by name, named after the space: a second audit does not replace them.

    Investigators read one alias and one space and can change nothing in either. The writer does
    all that `email-audit index` takes: puts the template, makes the indices behind the alias,
    fills them, moves the alias, drops them. Privileges on an alias do not follow from those on its
    indices, so the writer has both.
    """
    return {
        f"{space}-investigator": {
            "description": f"Searches and reads the hits in {alias}; changes nothing.",
            "elasticsearch": {
                "cluster": [],
                "indices": [{"names": [alias], "privileges": ["read", "view_index_metadata"]}],
                "run_as": [],
            },
            "kibana": [
                {
                    "spaces": [space],
                    "base": [],
                    "feature": {feature: ["read"] for feature in FEATURES},
                }
            ],
        },
        f"{space}-writer": {
            "description": f"Builds the index behind {alias}; for email-audit itself.",
            "elasticsearch": {
                "cluster": ["monitor", "manage_index_templates"],
                "indices": [
                    {
                        "names": [alias, f"{alias}-*"],
                        "privileges": ["read", "index", "create", "delete", "manage"],
                    }
                ],
                "run_as": [],
            },
            "kibana": [],
        },
    }


def says_the_same(role: Json, known: Json) -> bool:
    """Say whether `known`, as Kibana gives it, grants exactly what `role` does.

    What Kibana and Elasticsearch add by themselves (defaults, metadata) makes no difference; any
    privilege more or less does.
    """
    return _granted(role) == _granted(known)


def _granted(role: Json) -> Json:
    known: Json = role.get("elasticsearch", {})
    elasticsearch = {name: value for name, value in known.items() if value}
    elasticsearch["indices"] = [_index_entry(entry) for entry in known.get("indices", [])]
    return {
        "description": role.get("description"),
        "elasticsearch": _in_order(elasticsearch),
        "kibana": _in_order(
            [{name: value for name, value in entry.items() if value} for entry in role["kibana"]]
        ),
    }


def _index_entry(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if value}


def _in_order(value: Any) -> Any:
    """Sort lists of names, which mean the same in any order."""
    if isinstance(value, dict):
        return {name: _in_order(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [_in_order(each) for each in value]
        return sorted(inner, key=repr)
    return value
