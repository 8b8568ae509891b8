"""Addresses of servers that secrets are sent to: what is wrong with one, and whether it is safe."""

import ipaddress
from urllib.parse import urlsplit


def url_fault(url: str) -> str | None:
    """Say what is wrong with the address of a server, without repeating it: secrets may be in it.

    Scheme http or https, host, port and path belong there, nothing else.
    """
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname)
        _ = parts.port
    except ValueError:
        return "is not a URL such as https://server.example"
    if parts.username is not None or parts.password is not None:
        return "holds credentials, where logs would show them; they have settings of their own"
    if parts.scheme not in {"http", "https"} or not has_host:
        return "is not a URL such as https://server.example"
    if parts.query or parts.fragment:
        return "has a query or a fragment; only scheme, host, port and path belong there"
    return None


def is_safe_for_secrets(url: str) -> bool:
    """Say whether a secret may travel there: encrypted, or to this machine itself."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
