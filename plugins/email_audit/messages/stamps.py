"""Stamps that a records office puts on the pages it releases: nobody's words in the message.

The wordings are those of the State Department's releases under the Freedom of Information Act;
"B6" and "1.4(D)" name the exemption (5 USC 552(b)(6)) or the ground of secrecy (Executive Order
13526, 1.4(d)) by which something was blacked out.
"""

import re

_DATE = r"\d\d?[/-]\d\d?[/-]\d{4}"
_BEGINS = (
    r"(?:UNCLASSIFIED[ \t]+)?(?:U\.S\. Department of [A-Z][a-z]+[ \t]+)?"
    r"(?:Case No\.?[ \t]*[A-Z]{0,2}-?\d[\d-]*|SUBJECT TO AGREEMENT ON SENSITIVE INFORMATION[^\n]*"
    r"|STATE DEPT\. - PRODUCED TO[^\n]*)"
    r"|Doc No\.[ \t]*C\d{6,}"
    r"|RELEASE IN\b"
    rf"|Classified by [A-Z]{{2,4}},[ \t]*A/GIS,[ \t]*DoS on {_DATE}"
    rf"|(?:Reason: 1\.4\([A-H]\)[ \t]*\S?[ \t]*)?Declassify on:[ \t]*{_DATE}"
)
_EXEMPTION = r"B\d(?:\([A-F]\))?(?!\w)|1\.4\([A-H]\)|CIA\b|PERS/ORG\b"
_GOES_ON = (
    rf"{_EXEMPTION}|PART\b|FULL\b"
    rf"|Date:[ \t]*{_DATE}|Class:|CONFIDENTIAL\b|SECRET\b|Reason:|Declassify on:|Declassify$"
)
_BETWEEN = r"[ \t\f,._'\u2013\u2014-]*+"
_STAMP = re.compile(
    rf"^{_BETWEEN}(?:{_BEGINS})(?:{_BETWEEN}(?:{_BEGINS}|{_GOES_ON}|{_DATE}|\d{{1,3}}(?!\w)))*+"
    rf"{_BETWEEN}$"
    rf"(?:\n\s*+(?:(?:{_GOES_ON}|{_DATE}){_BETWEEN})++$)*+",
    re.MULTILINE,
)
_CODES = re.compile(rf"^{_BETWEEN}(?:(?:{_EXEMPTION}){_BETWEEN})++$", re.MULTILINE)
_HINTS = (
    "RELEASE IN", "Case No", "Doc No", "Classified by", "Declassify on", "PRODUCED TO",
    "SUBJECT TO AGREEMENT",
)  # fmt: skip


def release_stamps(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """Find the lines of `body[start:end]` that are nothing but a release stamp.

    A stamp may run over several lines, with empty ones between: "RELEASE IN", "PART", "B6". On a
    stamped page, a line of nothing but exemptions is one, too: it stood in the margin.
    """
    if not any(body.find(hint, start, end) >= 0 for hint in _HINTS):
        return []
    stamps = [match.span() for match in _STAMP.finditer(body, start, end)]
    if stamps:
        codes = (match.span() for match in _CODES.finditer(body, start, end))
        stamps += (code for code in codes if not any(a <= code[0] < b for a, b in stamps))
    return [(max(first, start), min(last + 1, end)) for first, last in sorted(stamps)]
