"""The indices behind an alias: one in use, perhaps one being built beside it.

An index's name is ALIAS-NNNNNN-GENERATION. A change of mapping changes the generation; the next
one is then built beside the one in use, and the alias moves in one step of the cluster's state,
so that every search sees the one or the other, whole.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError

from email_audit.errors import UserError
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.template import Templates
from email_audit.search.interface import HitDocument

log = logging.getLogger(__name__)

_SETTINGS = {
    "index.refresh_interval": "-1",  # the writer refreshes at its end: a reader sees whole writes
}
_DRAIN_S = 30.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents are laid out. `generation` changes whenever one of the others does.

    `templates` gives, for an alias, what the server makes the indices by; their mapping has a
    keyword `fingerprint`, which the writer fills. `source` gives a document as the server keeps
    it: a JSON object in UTF-8 without that field, the same bytes for equal documents.
    """

    generation: str
    templates: Callable[[str], Templates]
    source: Callable[[HitDocument], bytes]


@dataclass(frozen=True, slots=True)
class Generation:
    """One index behind an alias or beside it."""

    name: str
    number: int
    generation: str
    is_live: bool


class Generations:
    """Finds, makes, switches and drops the indices of one alias.

    `client` reads; `setup` is the client that may make indices and move aliases.
    """

    def __init__(
        self, client: Elasticsearch, setup: Elasticsearch, alias: str, patience: Patience
    ) -> None:
        self._client = client
        self._setup = setup
        self._alias = alias
        self._patience = patience
        self._pattern = re.compile(re.escape(alias) + r"-(\d{6})-(.+)")

    def listed(self) -> list[Generation]:
        """List all, the newest last.

        Raises:
            UserError: where the alias's name is taken by something that is not ours.
        """
        found = self._patience.call("listing the indices", self._aliases)
        generations = []
        for name, aliases in found.items():
            is_live = self._alias in aliases
            if match := self._pattern.fullmatch(name):
                generations.append(Generation(name, int(match[1]), match[2], is_live))
            elif name == self._alias or is_live:
                raise UserError(
                    f"{self._patience.url}: {self._alias} is "
                    + ("an index" if name == self._alias else f"an alias of index {name}")
                    + " that this audit did not make; choose another elasticsearch_alias, or "
                    "delete it there"
                )
        return sorted(generations, key=lambda known: known.number)

    def live(self) -> Generation | None:
        """Give the one that the alias leads to, the newest where there are several."""
        return next((known for known in reversed(self.listed()) if known.is_live), None)

    def create(self, layout: Layout) -> Generation:
        """Make the next index, empty and not yet behind the alias."""
        number = max((known.number for known in self.listed()), default=0) + 1
        name = f"{self._alias}-{number:06d}-{layout.generation}"

        def make() -> None:
            self._put(layout.templates(self._alias))
            try:
                self._setup.indices.create(index=name, settings=_SETTINGS)
            except ApiError as error:
                if error.error != "resource_already_exists_exception":
                    raise  # else the answer to our own first attempt was lost

        self._patience.call(f"making index {name}", make)
        log.info("made index %s", name)
        return Generation(name, number, layout.generation, is_live=False)

    def switch(self, target: Generation) -> None:
        """Let the alias lead to `target` alone, in one step."""

        def move() -> None:
            # Read anew at each attempt: the one whose answer was lost may have succeeded.
            leading = {name for name, aliases in self._aliases().items() if self._alias in aliases}
            actions: list[dict[str, Any]] = [
                {"remove": {"index": name, "alias": self._alias}}
                for name in sorted(leading - {target.name})
            ]
            if target.name not in leading:
                actions.append({"add": {"index": target.name, "alias": self._alias}})
            if actions:
                self._setup.indices.update_aliases(actions=actions)
                log.info("alias %s leads to %s", self._alias, target.name)

        self._patience.call(f"switching alias {self._alias}", move)

    def drop_others(self, target: Generation, check: Callable[[], None]) -> None:
        """Delete all other indices of the alias, once the searches begun on them have ended.

        `check` is called before each deletion; it raises where another run writes now.
        """
        for known in self.listed():
            if known.name == target.name:
                continue
            if known.number < target.number:
                self._drain(known.name)
            check()
            self._patience.call(f"dropping index {known.name}", lambda: self._delete(known.name))  # noqa: B023
            log.info("dropped index %s", known.name)

    def _put(self, templates: Templates) -> None:
        for name, component in templates.components.items():
            self._setup.cluster.put_component_template(name=name, **component)
        self._setup.indices.put_index_template(name=templates.name, **templates.index_template)

    def _aliases(self) -> dict[str, set[str]]:
        answer = self._client.indices.get_alias(
            index=f"{self._alias},{self._alias}-*",
            allow_no_indices=True,
            ignore_unavailable=True,
            expand_wildcards="open",
        )
        return {name: set(entry["aliases"]) for name, entry in answer.body.items()}

    def _drain(self, name: str) -> None:
        """Wait for searches in progress: they fail if their index goes away under them."""
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline:
            is_idle = self._patience.call(
                f"waiting for searches on index {name}", lambda: self._is_idle(name)
            )
            if is_idle:
                return
            time.sleep(_POLL_S)

    def _is_idle(self, name: str) -> bool:
        try:
            stats = self._setup.indices.stats(index=name, metric="search").body
        except NotFoundError:
            return True
        search = stats["_all"]["total"]["search"]
        return not search.get("open_contexts") and not search.get("query_current")

    def _delete(self, name: str) -> None:
        with suppress(NotFoundError):  # the answer to our own first attempt was lost
            self._setup.indices.delete(index=name)
