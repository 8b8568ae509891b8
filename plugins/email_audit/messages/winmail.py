"""winmail.dat: a TNEF stream that Outlook attached in place of a message's own parts."""

from dataclasses import replace

from email_audit.mapi.eml import Rendered, render_item
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode
from email_audit.tnef.reader import SIGNATURE, read_tnef


def open_winmail(
    data: bytes, limits: ReadLimits, depth: int, problems: Problems
) -> Rendered | None:
    """Give what a TNEF attachment at `depth` carries as a message, None where it is no TNEF.

    The bytes decide: its type is often application/octet-stream and its name is rewritten.
    """
    if not data.startswith(SIGNATURE):
        return None
    levels_left = limits.max_depth - depth
    if levels_left <= 0:
        problems.add(ProblemCode.TOO_DEEP, "a winmail.dat is nested too deep to be opened")
        return None
    inner = replace(limits, max_depth=levels_left)
    return render_item(read_tnef(data, inner), limits=inner)
