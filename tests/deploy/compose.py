"""Reads docker-compose.yml as Compose would: variables put in, merge keys followed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[?-])(?P<rest>[^}]*))?\})"
)


class MissingVariableError(Exception):
    """A variable that the file demands and nobody set."""


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Put variables in (Compose specification, "Interpolation")."""

    def put(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name, how, value = match["name"], match["how"] or "", values.get(match["name"])
        if value or (value == "" and not how.startswith(":")):
            return value
        if how.endswith("?"):
            raise MissingVariableError(f"{name}: {match['rest']}")
        return match["rest"] if how.endswith("-") else ""

    return _VARIABLE.sub(put, text)


def load(path: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """Give the file's content with every variable put in."""
    return _filled(yaml.safe_load(path.read_text(encoding="utf-8")), values)


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _filled(value, values) for key, value in node.items()}
        case list():
            return [_filled(value, values) for value in node]
        case str():
            return interpolate(node, values)
    return node


def environment(path: Path) -> dict[str, str]:
    """Read an .env file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)
