"""Work shared by processes: one that dies costs at most what it was at."""

import os
import signal
from pathlib import Path

from email_audit.steps.case import open_case
from email_audit.steps.pool import WorkerPool
from email_audit.steps.register import register
from tests.audits import audit_in, mail, mbox


def test_workers_that_are_killed_are_replaced_and_everything_is_done(tmp_path: Path) -> None:
    officers = {f"P{n}": f"box{n}@city.example" for n in range(6)}
    audit = audit_in(tmp_path, **officers)
    for n in range(6):
        audit.write(f"box{n}.mbox", mbox(mail(f"box {n}")))
    with open_case(audit.settings(), create=True) as case, WorkerPool(case, 2) as pool:
        ids = list(register(case).acquisition_ids)
        results = {}
        for identifier, outcome in pool.each("acquire", ids):
            if not results:
                assert pool._executor is not None
                for worker in list(pool._executor._processes):
                    os.kill(worker, signal.SIGKILL)
            results[identifier] = outcome
    assert results == {identifier: identifier for identifier in ids}
