"""Our schemas accept objects that Kibana itself exported, of the versions that we write.

Such exports belong to others and are not in this repository. Point EMAIL_AUDIT_KIBANA_EXPORTS to a
folder of them (NDJSON, or packages' JSON files); decision 0016 says which were read and what came
of it.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.search.kibana.json_schema import Json, faults_of
from tests.search.kibana.kql import parse
from tests.search.kibana.lens_shapes import LENS_BY_VALUE
from tests.search.kibana.shapes import SCHEMAS, decoded, schema_of

FOLDER = os.environ.get("EMAIL_AUDIT_KIBANA_EXPORTS", "")

VERSIONS = {
    "tag": ("8.0.0",),
    "index-pattern": ("8.0.0",),
    "search": ("10.2.0", "10.3.0", "10.4.0", "10.5.0"),
    "lens": ("8.9.0",),
    "dashboard": ("8.9.0", "10.1.0", "10.2.0"),
}
"""Ours, and older ones whose shape ours contains."""


def exported(folder: Path) -> Iterator[Json]:
    seen = set()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".ndjson", ".json"):
            continue
        text = path.read_text(encoding="utf-8")
        for part in text.splitlines() if path.suffix == ".ndjson" else [text]:
            try:
                saved = json.loads(part)
            except json.JSONDecodeError:
                continue
            if isinstance(saved, dict) and saved.get("typeMigrationVersion") in VERSIONS.get(
                saved.get("type", ""), ()
            ):
                key = json.dumps(saved, sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    yield saved


def queries(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("language") == "kuery" and isinstance(value.get("query"), str):
            yield value["query"]
        for inner in value.values():
            yield from queries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from queries(inner)


@pytest.mark.skipif(not FOLDER, reason="EMAIL_AUDIT_KIBANA_EXPORTS names no folder of exports")
def test_objects_that_kibana_exported_have_the_shapes_of_our_schemas() -> None:
    checked: Counter[str] = Counter()
    faults: list[str] = []
    for saved in exported(Path(FOLDER)):
        attributes = decoded(saved)
        for query in queries(attributes):
            parse(query)
            checked["KQL"] += 1
        schema = schema_of(saved)
        if schema is not None:
            checked[saved["type"]] += 1
            faults += [f"{saved['id']} {fault}" for fault in faults_of(attributes, schema)]
        for panel in attributes.get("panelsJSON", []):
            inner = panel["embeddableConfig"].get("attributes", {})
            if inner.get("visualizationType") in LENS_BY_VALUE:
                checked[f"panel {inner['visualizationType']}"] += 1
                faults += faults_of(inner, LENS_BY_VALUE[inner["visualizationType"]])
    print(dict(checked))  # noqa: T201 - decision 0016 cites it
    assert not faults
    assert set(SCHEMAS) <= set(checked)
