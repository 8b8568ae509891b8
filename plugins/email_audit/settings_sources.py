"""Where settings come from, in what order, and which source set each.

    option > environment > settings file > Airflow Variable > default

An option is one of the command line or, under Airflow, a parameter of the DAG run or a connection
that one names. The settings file is TOML, named by EMAIL_AUDIT_SETTINGS. A key in it, and in the
JSON of the Airflow Variable `email_audit_settings`, is the variable's name without EMAIL_AUDIT_, in
lower case: EMAIL_AUDIT_MARGIN_DAYS is `margin_days`. All classes of settings share one file, so a
key that none of them knows is a typing error, and so is such a variable.
"""

import difflib
import importlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from email_audit.errors import UserError

PREFIX = "EMAIL_AUDIT_"
FILE_VARIABLE = f"{PREFIX}SETTINGS"
AIRFLOW_VARIABLE = "email_audit_settings"

SETTINGS_CLASSES = (
    "email_audit.settings:Settings",
    "email_audit.exchange.settings:ExchangeSettings",
    "email_audit.search.kibana.settings:KibanaSettings",
)
"""Every class of settings; imported only to know the names of all."""

DAG_VARIABLES = {
    "SCHEDULE": "When `email_audit` runs: cron or preset, or `after-sync`; empty: by hand.",
    "SYNC_SCHEDULE": "When `email_audit_sync` runs; empty: by hand.",
    "POOL": "Airflow pool of the mapped tasks; default: default_pool.",
    "ACQUIRE_QUEUE": "Celery queue of the tasks that need the roster, the exports or Exchange.",
    "OUTPUT_QUEUE": "Celery queue of the tasks that write bundles and the embedded index.",
    "CASE": "Name of the case that `email_audit_bundle` exports; default: all-hits.",
    "EXCHANGE_CONNECTION": "Airflow connection of type exchange.",
    "ELASTICSEARCH_CONNECTION": "Airflow connection of type elasticsearch.",
    "DATABASE_CONNECTION": "Airflow connection of type postgres: the case database.",
}
"""What the DAG files read when Airflow parses them: variables of the environment only."""

_OTHER_VARIABLES = frozenset({"SETTINGS"})
_APART = (f"{PREFIX}TEST_", f"{PREFIX}TRAINING_")
"""Starts of the names that tests and the classifier's training read (nlp/README.md)."""
_MASK = "********"
_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):\S*@")
_SECRET_IN_QUERY = re.compile(
    r"(?i)([?&][^=&\s]*(?:password|passwd|secret|token|key)[^=&\s]*=)[^&\s]*"
)

_Settings = TypeVar("_Settings", bound=BaseSettings)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source sets: values by field, and how each is named there."""

    values: Mapping[str, Any]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting in force: its value as it may be shown, and who set it."""

    name: str
    value: str
    source: str

    def as_json(self) -> dict[str, str]:
        """Give it as one JSON object."""
        return {"name": self.name, "value": self.value, "source": self.source}


def load(
    cls: type[_Settings],
    options: Mapping[str, Any],
    *,
    variable: str | None = None,
    hint: str = "",
    is_quoting: bool = False,
) -> _Settings:
    """Make settings from all sources; None among `options` is no option.

    `variable` is the JSON of the Airflow Variable, where there is an Airflow to ask. With
    `is_quoting` errors repeat the value that is wrong, unless it may hold a secret.

    Raises:
        UserError: naming every setting that is wrong and where it was set, never a secret.
    """
    layers = list(_layers(cls, options, variable))
    faults = list(_unknown(layers))
    values = {name: value for layer in reversed(layers) for name, value in layer.values.items()}
    try:
        settings = cls(_env_ignore_empty=True, **values)  # it reads the environment once more
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False)
        faults += [_told(cls, fault, layers, is_quoting=is_quoting) for fault in told]
    else:
        if not faults:
            return settings
    # Out of the handler: the cause would hold every value given, secrets too.
    listed = f" {faults[0]}" if len(faults) == 1 else "\n  ".join(["", *faults])
    raise UserError(f"settings:{listed}{hint and f'. {hint}'}")


def effective(
    cls: type[_Settings], options: Mapping[str, Any], *, variable: str | None = None
) -> list[Effective]:
    """Give every setting in force with its source; raises as `load` does."""
    settings = load(cls, options, variable=variable, is_quoting=True)
    layers = list(_layers(cls, options, variable))
    return [
        Effective(
            _key(cls, name), shown(getattr(settings, name)), _source(name, layers) or "default"
        )
        for name in cls.model_fields
    ]


def shown(value: object) -> str:
    """Give a value as it may be printed: a secret, or a password in an URL, is masked."""
    if isinstance(value, SecretStr):
        return _MASK if value.get_secret_value() else ""
    if value is None:
        return ""
    masked = _PASSWORD.sub(rf"\1:{_MASK}@", str(value))
    return _SECRET_IN_QUERY.sub(rf"\1{_MASK}", masked)


def variable_of(cls: type[BaseSettings], name: str) -> str:
    """Give the environment variable that sets a field."""
    return f"{cls.model_config['env_prefix']}{name}".upper()


def every_class() -> Iterator[type[BaseSettings]]:
    """Yield every class of settings."""
    for place in SETTINGS_CLASSES:
        module, _, name = place.partition(":")
        yield getattr(importlib.import_module(module), name)


def is_secret(field: FieldInfo) -> bool:
    """Say whether a setting's value is never shown."""
    return field.annotation is SecretStr


def _key(cls: type[BaseSettings], name: str) -> str:
    """Give a field's name in the settings file."""
    return variable_of(cls, name).removeprefix(PREFIX).lower()


def _layers(
    cls: type[BaseSettings], options: Mapping[str, Any], variable: str | None
) -> Iterator[Layer]:
    given = {name: value for name, value in options.items() if value is not None}
    yield Layer(given, {name: f"option {_option(name)}" for name in given})
    environment = _environment(cls)
    yield Layer(environment, {name: variable_of(cls, name) for name in environment})
    if path := os.environ.get(FILE_VARIABLE):
        yield _flat(cls, _file(Path(path)), lambda key: f"{path}, {key}")
    if variable:
        yield _flat(cls, _json(variable), lambda key: f"Airflow Variable {AIRFLOW_VARIABLE}, {key}")


def _option(name: str) -> str:
    return "--out" if name == "workspace" else f"--{name.replace('_', '-')}"


def _environment(cls: type[BaseSettings]) -> dict[str, Any]:
    """Read what the environment sets; an empty variable is one that is not set."""
    try:
        return dict(EnvSettingsSource(cls, env_ignore_empty=True)())
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = variable_of(cls, field.group(1)) if field else PREFIX
        raise UserError(f'settings: {name}: is not JSON; a list is written as ["a", "b"]') from None


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: the settings file cannot be read: {error.strerror}. {FILE_VARIABLE} names it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the settings file is not TOML in UTF-8: {error}") from error


def _flat(
    cls: type[BaseSettings], values: Mapping[str, Any], name_of: Callable[[str], str]
) -> Layer:
    """Take the keys of one class by its fields; `names` has all keys, for `_unknown`."""
    fields = {_key(cls, name): name for name in cls.model_fields}
    return Layer(
        {fields[key]: value for key, value in values.items() if key in fields},
        {fields.get(key, key): name_of(key) for key in values},
    )


def _known_keys() -> frozenset[str]:
    return frozenset(_key(cls, name) for cls in every_class() for name in cls.model_fields)


def _json(variable: str) -> dict[str, Any]:
    try:
        values = json.loads(variable)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise UserError(
            f"Airflow Variable {AIRFLOW_VARIABLE}: is not a JSON object of settings, such as "
            '{"margin_days": 30}'
        )
    return values


def _unknown(layers: list[Layer]) -> Iterator[str]:
    """Yield a sentence for each name that no class of settings knows: a typing error."""
    known = _known_keys()
    for layer in layers[1:]:
        for key, name in layer.names.items():
            if name.endswith(f", {key}") and key not in known:
                yield f"{name}: is no setting{_meant(key, known)}"
    names = {f"{PREFIX}{key}".upper() for key in known}
    names |= {f"{PREFIX}{name}" for name in {*DAG_VARIABLES, *_OTHER_VARIABLES}}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not name.startswith(_APART) and name not in names:
            yield f"{name}: is no setting{_meant(name, names)}"


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return f"; is {close[0]} meant?" if close else "; docs/settings.md lists all"


def _source(name: str, layers: list[Layer]) -> str | None:
    return next((layer.names[name] for layer in layers if name in layer.values), None)


def _told(
    cls: type[BaseSettings], fault: ErrorDetails, layers: list[Layer], *, is_quoting: bool
) -> str:
    """Say what is wrong with one setting and where it was set, never what a secret is."""
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = str(fault["loc"][0])
    if fault["type"] == "missing":
        option = f"{_option(name)}, " if name == "workspace" else ""
        places = f"{option}{variable_of(cls, name)} or {_key(cls, name)} in the settings file"
        return f"{_key(cls, name)}: is not set; set {places}"
    field = cls.model_fields.get(name)
    # Who gave an option knows where; what they typed is the name.
    source = _source(name, layers[1:] if name not in layers[0].values else []) or _key(cls, name)
    if not is_quoting or field is None or is_secret(field) or not field.repr:
        return f"{source}: {message}"
    return f"{source}: {message} (was {fault['input']!r})"
