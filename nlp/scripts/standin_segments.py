import re
HEAD = re.compile(r"^(?:\s*>|On .{5,160}wrote:|El .{5,160}escribi|-{3,}\s*(?:Original|Forwarded|Mensaje)|Begin forwarded|From: .*|De: .*|_{10,})", re.M)
MULTI = re.compile(r"^On [^\n]{5,120}\n[^\n]{0,120}wrote:", re.M)
SIG = re.compile(r"^--\s*$", re.M)
def split(body):
    cut = len(body)
    for r in (HEAD, MULTI):
        m = r.search(body)
        if m: cut = min(cut, m.start())
    own, quoted = body[:cut], body[cut:]
    m = SIG.search(own)
    if m: own = own[:m.start()]
    own = re.sub(r"\n?\s*sent from my [^\n]*", "", own, flags=re.I)
    return own.strip(), re.sub(r"^[ >]+", "", quoted, flags=re.M).strip()
