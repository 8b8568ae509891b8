"""Paragraphs of format=flowed text put together again (RFC 3676)."""

_SIGNATURE = "-- "


def unwrap_flowed(text: str, *, deletes_space: bool) -> str:
    """Join the soft-broken lines of `text`; quote marks become one run of `>` and a space.

    `deletes_space` is the DelSp parameter: the space that marks a soft break is not content.
    """
    lines: list[str] = []
    parts: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        rest = line.lstrip(">")
        depth = len(line) - len(rest)
        rest = rest.removeprefix(" ")
        is_soft = rest.endswith(" ") and rest != _SIGNATURE
        if parts and (depth != open_depth or rest == _SIGNATURE):
            lines.append("".join(parts))
            parts = []
        if not parts:
            parts.append(f"{'>' * depth} " if depth else "")
            open_depth = depth
        parts.append(rest[:-1] if is_soft and deletes_space else rest)
        if not is_soft:
            lines.append("".join(parts))
            parts = []
    if parts:
        lines.append("".join(parts))
    return "\n".join(lines)
