"""A process that reads mail has one that reads documents below it: own limits, one end."""

from email_audit.documents.limits import DocumentLimits
from email_audit.isolation.process import IsolatedProcess
from email_audit.isolation.protocol import ProcessLimits
from tests.documents import nested
from tests.isolation.gone import is_gone

OUTER = ProcessLimits(max_bytes=512 << 20, max_item_seconds=60)


def test_the_inner_process_has_the_memory_of_documents_not_that_of_mail() -> None:
    with IsolatedProcess(OUTER) as process:
        ((extracted, soft),) = process.stream(nested.read_one, DocumentLimits())
    assert extracted.text == "all well"
    assert soft == [512 << 20, DocumentLimits().memory_bytes]


def test_both_end_in_the_middle_of_a_document() -> None:
    with IsolatedProcess(OUTER) as process:
        inner = next(process.stream(nested.read_without_end, DocumentLimits(seconds=600)))
        outer = process.pid
    assert inner is not None
    assert outer is not None
    assert is_gone(outer)
    assert is_gone(inner)
