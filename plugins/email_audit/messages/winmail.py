"""winmail.dat: a TNEF stream that Outlook attached in place of a message's own parts."""

from dataclasses import replace

from email_audit.mapi.eml import Rendered, render_item
from email_audit.messages.limits import ReadLimits
from email_audit.tnef.properties import TnefError
from email_audit.tnef.reader import SIGNATURE, read_tnef


def open_winmail(data: bytes, limits: ReadLimits, depth: int) -> Rendered | None:
    """Give what a TNEF attachment at `depth` carries as a message, None where it is no TNEF.

    The bytes decide: its type is often application/octet-stream and its name is rewritten.
    """
    levels_left = limits.max_depth - depth
    if not data.startswith(SIGNATURE) or levels_left <= 0:
        return None
    inner = replace(limits, max_depth=levels_left)
    try:
        return render_item(read_tnef(data, inner), limits=inner)
    except TnefError:
        return None
