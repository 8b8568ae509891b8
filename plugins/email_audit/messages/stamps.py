"""Stamps that a records office puts on the pages it releases: nobody's words in the message.

The wordings are those of the State Department's releases under the Freedom of Information Act;
"B6" and "1.4(D)" name the exemption (5 USC 552(b)(6)) or the ground of secrecy (Executive Order
13526, 1.4(d)) by which something was blacked out.
"""

import re

_EXEMPTIONS = r"(?:[ \t,]*(?:B\d(?:\([A-F]\))?|1\.4\([A-H]\)|CIA|PERS/ORG))*[ \t]*$"
_STAMP = re.compile(
    r"^[ \t\f]*(?:"
    r"(?:UNCLASSIFIED[ \t]+)?(?:U\.S\. Department of [A-Z][a-z]+[ \t]+)?"
    r"Case No\.?[ \t]*[A-Z]{0,2}-?\d[\d-]*"
    r"(?:[ \t]+Doc No\.[ \t]*C\d+)?(?:[ \t]+Date:[ \t]*\d\d/\d\d/\d{4})?[._' \d]*"
    r"|Doc No\.[ \t]*C\d{6,}(?:[ \t]+RELEASE IN)?"
    r"|(?:Reason: 1\.4\([A-H]\)[ \t]*\S?[ \t]*)?"
    r"Declassify on:[ \t]*[\d/]+(?:[ \t]+RELEASE IN PART)?"
    r"|RELEASE IN(?:[ \t]+(?:FULL|PART))?"
    r"|(?:U\.S\. Department of [A-Z][a-z]+[ \t]+)?"
    r"SUBJECT TO AGREEMENT ON SENSITIVE INFORMATION[^\n]*"
    r"|(?:UNCLASSIFIED[ \t]+)?STATE DEPT\. - PRODUCED TO[^\n]*"
    r")" + _EXEMPTIONS,
    re.MULTILINE,
)
_HINTS = ("RELEASE IN", "Case No", "Doc No", "Declassify on", "PRODUCED TO", "SUBJECT TO AGREEMENT")


def release_stamps(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """Find the lines of `body[start:end]` that are nothing but a release stamp."""
    if not any(body.find(hint, start, end) >= 0 for hint in _HINTS):
        return []
    return [
        (max(match.start(), start), min(match.end() + 1, end))
        for match in _STAMP.finditer(body, start, end)
    ]
