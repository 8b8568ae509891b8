"""On which database the audits of the tests keep their cases.

A test module that takes the fixture `backend` runs once on each back end. An audit finds its own
database by its workspace, so that two audits of one test have two.
"""

from pathlib import Path

from tests.servers.postgresql import PostgreSQL


class Backend:
    """A kind of database, and the databases made in it by workspace."""

    def __init__(self, name: str, server: PostgreSQL | None = None) -> None:
        self.name = name
        self._server = server
        self._known: dict[Path, str] = {}

    @property
    def is_postgresql(self) -> bool:
        return self._server is not None

    def url(self, workspace: Path) -> str:
        """Give the database of the audit in `workspace`, made when it is first asked for.

        Empty for SQLite: the workspace's own.
        """
        if self._server is None:
            return ""
        key = workspace.resolve()
        if key not in self._known:
            self._known[key] = self._server.new_database()
        return self._known[key]


SQLITE = Backend("sqlite")
current = SQLITE


def use(backend: Backend) -> None:
    """Have audits keep their cases in `backend` from now on."""
    global current
    current = backend
