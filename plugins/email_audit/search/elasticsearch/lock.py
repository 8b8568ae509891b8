"""One writer at a time: a document on the server that its holder renews.

Whoever finds another's document watches it for the length of a lease by a clock of its own, so
that no two machines' clocks are compared: if it was renewed meanwhile its holder is at work, else
the holder is gone and the document is taken over. A holder on this machine whose process has
ended is replaced at once. Every change is made on condition that nobody made one since
(`if_seq_no`), so two never both succeed.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from elastic_transport import TransportError
from elasticsearch import ApiError, ConflictError, Elasticsearch, NotFoundError

from email_audit.errors import RunError
from email_audit.search.elasticsearch.patience import Patience, is_transient

log = logging.getLogger(__name__)

LEASE_S = 30.0
_ID = "writer"
_MAPPINGS = {"dynamic": False, "properties": {}}


class WriterLock:
    """The right to write behind `alias`, for a `with` block.

    `setup` is the client that may make the lock's index, once. Renewed by a thread; `check` or
    `confirm` is to be called before each write.
    """

    def __init__(
        self,
        client: Elasticsearch,
        setup: Elasticsearch,
        alias: str,
        patience: Patience,
        *,
        lease_s: float = LEASE_S,
    ) -> None:
        self._client = client
        self._setup = setup
        self._index = lock_index(alias)
        self._alias = alias
        self._patience = patience
        self._lease_s = lease_s
        self._record = _this_process()
        self._state: tuple[int, int] = (0, 0)
        self._renewed = 0.0
        self._is_lost = False
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="index-lock")

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            RunError: when another run is writing.
        """
        self._patience.call("taking the index's lock", self._acquire)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._is_lost:
            return
        seq_no, term = self._state
        try:
            self._client.delete(index=self._index, id=_ID, if_seq_no=seq_no, if_primary_term=term)
        except (ApiError, TransportError) as failure:
            # The next run finds this process gone, or waits for one lease.
            log.warning("the index's lock could not be given back: %s", type(failure).__name__)

    def check(self) -> None:
        """Make sure that the lock is still held; renew it where the thread could not of late.

        Raises:
            RunError: where another run took it over, for instance while this one was suspended.
        """
        self._patience.call("renewing the index's lock", self.confirm)

    def confirm(self) -> None:
        """Make sure as `check` does, in one attempt: errors of the client are left to the caller.

        Raises:
            RunError: as `check`.
            ApiError, TransportError: where the lock had to be renewed and could not be.
        """
        if not self._is_lost and time.monotonic() - self._renewed > self._lease_s:
            self._renew()
        if self._is_lost:
            raise RunError(
                f"the index behind {self._alias} was taken over by another run, as this one did "
                "not answer for a while; what it wrote is kept, run again when that one has ended"
            )

    def _acquire(self) -> None:
        while True:
            self._ensure_index()
            try:
                sent = time.monotonic()
                answer = self._client.create(index=self._index, id=_ID, document=self._record)
            except ConflictError:
                holder = self._holder()
                if holder is None or not self._take_over(holder):
                    continue
            else:
                self._note(answer.body, sent)
            return

    def _ensure_index(self) -> None:
        if self._client.indices.exists(index=self._index):
            return
        try:
            self._setup.indices.create(
                index=self._index,
                settings={"index.hidden": True, "index.auto_expand_replicas": "0-1"},
                mappings=_MAPPINGS,
            )
        except ApiError as error:
            if error.error != "resource_already_exists_exception":
                raise

    def _holder(self) -> Mapping[str, Any] | None:
        try:
            holder: Mapping[str, Any] = self._client.get(index=self._index, id=_ID).body
        except NotFoundError:
            return None
        return holder

    def _take_over(self, holder: Mapping[str, Any]) -> bool:
        """Replace a holder that is gone; say false where somebody else was quicker.

        Raises:
            RunError: where the holder is at work.
        """
        record = holder["_source"]
        is_own = record["token"] == self._record["token"]  # an answer to `create` was lost
        if not is_own and not _has_ended(record):
            self._watch(holder)
        if not is_own:
            log.warning("the run that held the index's lock is gone; taking it over")
        try:
            self._replace(holder["_seq_no"], holder["_primary_term"])
        except ConflictError:
            return False
        return True

    def _watch(self, holder: Mapping[str, Any]) -> None:
        """Wait for one lease for a sign of life.

        Raises:
            RunError: when there is one.
        """
        deadline = time.monotonic() + self._lease_s
        while time.monotonic() < deadline:
            self._ended.wait(self._lease_s / 10)
            current = self._holder()
            if current is None:
                return
            if current["_seq_no"] != holder["_seq_no"]:
                record = current["_source"]
                raise RunError(
                    f"the index behind {self._alias} is being written by another run (process "
                    f"{record['pid']} on {record['host']}, since {record['since']}); nothing was "
                    "changed, run again when that one has ended"
                )

    def _replace(self, seq_no: int, term: int) -> None:
        sent = time.monotonic()
        answer = self._client.index(
            index=self._index,
            id=_ID,
            document=self._record,
            if_seq_no=seq_no,
            if_primary_term=term,
        )
        self._note(answer.body, sent)

    def _renew(self) -> None:
        with self._guard:
            try:
                self._replace(*self._state)
            except ConflictError:
                # Perhaps our own renewal, of which the answer was lost.
                holder = self._holder()
                if holder is None or holder["_source"]["token"] != self._record["token"]:
                    self._is_lost = True
                else:
                    self._state = (holder["_seq_no"], holder["_primary_term"])
                    self._renewed = time.monotonic()

    def _note(self, answer: Mapping[str, Any], sent: float) -> None:
        self._state = (answer["_seq_no"], answer["_primary_term"])
        self._renewed = sent  # whoever watches may count from before the answer came

    def _keep(self) -> None:
        while not self._ended.wait(self._lease_s / 3) and not self._is_lost:
            try:
                self._renew()
            except (ApiError, TransportError) as error:
                if not is_transient(error):
                    # `check` meets the same error in the thread that can report it.
                    log.warning("the index's lock was not renewed: %s", type(error).__name__)


def lock_index(alias: str) -> str:
    """Give the name of the index that holds an alias's lock."""
    return f"{alias}-lock"


def holder_of(client: Elasticsearch, alias: str) -> str | None:
    """Name the process that holds the lock, None where nobody does; it may be gone."""
    try:
        record = client.get(index=lock_index(alias), id=_ID).body["_source"]
    except NotFoundError:
        return None
    return f"process {record['pid']} on {record['host']}, since {record['since']}"


def _this_process() -> dict[str, Any]:
    return {
        "token": uuid4().hex,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "place": _place(),
        "started": _start_of(os.getpid()),
    }


def _has_ended(record: Mapping[str, Any]) -> bool:
    """Say whether the holder's process was one of this machine and is no more."""
    place = _place()
    return (
        place is not None
        and record["place"] == place
        and record["started"] != _start_of(record["pid"])
    )


def _place() -> str | None:
    """Name what process numbers are unique in: this start of this machine, this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None  # no Linux: a holder is then watched for one lease


def _start_of(pid: int) -> str | None:
    """Give when a process started, in clock ticks since the machine did (proc(5)); None if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
