"""Run a step over many chunks, in this process or in several."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from email_audit.errors import RunError
from email_audit.settings import Settings
from email_audit.steps.acquire import acquire
from email_audit.steps.case import Case, open_case
from email_audit.steps.read import read_chunk
from email_audit.steps.tag import tag_chunk
from email_audit.tagging.records import Tagger

Work = Callable[[int], int]


class Worker:
    """What one process needs to work on chunks: an open audit and, once asked for, the model."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._tagger: Tagger | None = None

    @property
    def tagger(self) -> Tagger:
        """The classifier, loaded the first time it is needed."""
        if self._tagger is None:
            from email_audit.tagging.tagger import load_tagger

            settings = self.case.settings
            self._tagger = load_tagger(settings.model, threshold=settings.threshold)
        return self._tagger

    @property
    def model_version(self) -> str:
        """The classifier's version, without loading it."""
        from email_audit.tagging.version import model_version

        settings = self.case.settings
        return model_version(settings.model, threshold=settings.threshold)

    def acquire(self, acquisition_id: int) -> int:
        """Acquire one export; gives the acquisition that holds it."""
        return acquire(self.case, acquisition_id)

    def read(self, chunk_id: int) -> int:
        """Read one chunk; gives the number of items."""
        return read_chunk(self.case, chunk_id)

    def tag(self, chunk_id: int) -> int:
        """Tag one chunk; gives the number of messages."""
        return tag_chunk(self.case, chunk_id, self.tagger)


class WorkerPool:
    """A fixed number of processes that share the work of a step; one process works inline.

    Processes are started fresh (not forked): database connections and the model's threads do not
    survive a fork. They end by themselves when the parent is killed.
    """

    def __init__(self, case: Case, processes: int) -> None:
        self._worker = Worker(case)
        self._processes = processes
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._forget_executor()

    @property
    def worker(self) -> Worker:
        """The worker of this process."""
        return self._worker

    def each(self, step: str, ids: list[int]) -> Iterator[tuple[int, int | RunError]]:
        """Do `step` ("acquire", "read", "tag") for every id; yield (id, result) as they finish.

        A RunError of one id is yielded, not raised, so that the others still get done.

        A worker that dies costs only the id it was at: that one's result is a RunError.
        """
        if self._processes == 1 or len(ids) < 2:
            work: Work = getattr(self._worker, step)
            for identifier in ids:
                yield identifier, _outcome(work, identifier)
            return
        left = dict.fromkeys(ids)
        while left:
            try:
                for identifier, outcome in self._share(step, list(left)):
                    del left[identifier]
                    yield identifier, outcome
            except BrokenProcessPool:
                self._forget_executor()
                # Whoever killed a worker was being worked on: among the first that are left.
                for identifier in list(left)[: 2 * self._processes + 1]:
                    del left[identifier]
                    yield identifier, self._alone(step, identifier)

    def _share(self, step: str, ids: list[int]) -> Iterator[tuple[int, int | RunError]]:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._worker.case.settings,),
            )
        futures: dict[Future[int], int] = {
            self._executor.submit(_work, step, identifier): identifier for identifier in ids
        }
        for future in as_completed(futures):
            yield futures[future], _outcome(_result_of(future), futures[future])

    def _alone(self, step: str, identifier: int) -> int | RunError:
        """Do one id with no other beside it, so that a death is its own."""
        try:
            ((_, outcome),) = self._share(step, [identifier])
        except BrokenProcessPool:
            self._forget_executor()
            return RunError(
                f"{step} {identifier}: its worker process died (out of memory, or killed). "
                "Everything else is kept; run again, with more memory or fewer --processes"
            )
        return outcome

    def _forget_executor(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


def _result_of(future: Future[int]) -> Work:
    return lambda _: future.result()


def _outcome(work: Work, identifier: int) -> int | RunError:
    try:
        return work(identifier)
    except RunError as error:
        return error


_process_worker: Worker | None = None


def _start_worker(settings: Settings) -> None:
    global _process_worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    case = ExitStack().enter_context(open_case(settings))
    _process_worker = Worker(case)


def _end_with_parent() -> None:
    """Leave when the parent is gone: a killed parent cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work(step: str, identifier: int) -> int:
    if _process_worker is None:
        raise RunError("the worker process was not started properly; run again")
    work: Work = getattr(_process_worker, step)
    return work(identifier)
