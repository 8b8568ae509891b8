"""Set Kibana up for an audit: space, roles and saved objects, as often as one likes."""

from dataclasses import dataclass
from enum import StrEnum

from email_audit.errors import RunError, UserError
from email_audit.search.kibana.build import ObjectSet
from email_audit.search.kibana.client import ImportFailure, Kibana
from email_audit.search.kibana.objects import NEWEST_MAJOR, OLDEST_KIBANA, Json
from email_audit.search.kibana.roles import FEATURES, roles, says_the_same

_SPACE_NAME = "E-mail audit"
_SPACE_DESCRIPTION = "Hits of the audit of officers' e-mail: search, charts, review progress."
_NUMBERS = 2


class Change(StrEnum):
    """What was done to one thing that should be there."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Installed:
    """What a set-up found and did; `roles` by name; objects are written anew each time."""

    kibana_version: str
    space: Change
    roles: dict[str, Change]
    written: int
    overwritten: int


def set_up(kibana: Kibana, space: str, alias: str, objects: ObjectSet) -> Installed:
    """Make the space and the roles what they should be, and write the objects.

    What is already right is left alone; of an existing space only hidden features are shown, which
    investigators need. Objects are written over those of the same ids: what somebody changed in
    them is lost, and what was deleted is back.

    Raises:
        UserError: for wrong settings, or an account that lacks a privilege, which it names.
        RunError: for a Kibana that cannot be reached or used, or objects that it does not take.
    """
    version = kibana.version()
    _check_version(kibana.url, version)
    space_change = _ensure_space(kibana, space)
    role_changes = {
        name: _ensure_role(kibana, name, role) for name, role in roles(space, alias).items()
    }
    result = kibana.import_objects(space, objects.as_ndjson())
    if result.failures or result.written != len(objects.objects):
        raise RunError(
            f"{kibana.url}: Kibana {version} took {result.written} of {len(objects.objects)} "
            f"objects into space {space}"
            + "".join(f"\n  {_told(failure)}" for failure in result.failures)
            + "\nSpace and roles are done. Update email-audit if Kibana is newer than it, and run "
            "again"
        )
    return Installed(version, space_change, role_changes, result.written, result.overwritten)


def _check_version(url: str, version: str) -> None:
    try:
        numbers = tuple(int(part) for part in version.split(".")[:_NUMBERS])
    except ValueError:
        numbers = ()
    if len(numbers) != _NUMBERS:
        raise UserError(f"{url}: {version!r} is no version of Kibana; see kibana_url")
    oldest = ".".join(map(str, OLDEST_KIBANA))
    if numbers < OLDEST_KIBANA:
        raise UserError(
            f"{url}: Kibana has version {version}; its objects and privileges are older than "
            f"this audit's, which needs {oldest} or later. Update Kibana"
        )
    if numbers[0] > NEWEST_MAJOR:
        raise UserError(
            f"{url}: Kibana has version {version}; this audit knows {oldest} to {NEWEST_MAJOR}.x. "
            "Update email-audit. To try it nevertheless, import the file of `email-audit kibana "
            "export` by hand into a space for trying"
        )


def _ensure_space(kibana: Kibana, space: str) -> Change:
    known = kibana.space(space)
    if known is None:
        kibana.create_space(
            {
                "id": space,
                "name": _SPACE_NAME,
                "description": _SPACE_DESCRIPTION,
                "disabledFeatures": [],
            }
        )
        return Change.CREATED
    hidden = set(known.get("disabledFeatures", ())) & set(FEATURES)
    if not hidden:
        return Change.UNCHANGED
    shown = [name for name in known["disabledFeatures"] if name not in hidden]
    kibana.update_space({**known, "disabledFeatures": shown})
    return Change.CHANGED


def _ensure_role(kibana: Kibana, name: str, role: Json) -> Change:
    known = kibana.role(name)
    if known is not None and says_the_same(role, known):
        return Change.UNCHANGED
    kibana.put_role(name, role)
    return Change.CREATED if known is None else Change.CHANGED


def _told(failure: ImportFailure) -> str:
    name = f"{failure.type} {failure.id}".strip() or "the import"
    title = f" ({failure.title})" if failure.title else ""
    return f"{name}{title}: {failure.reason}"
