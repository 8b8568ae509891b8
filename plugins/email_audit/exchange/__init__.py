"""Live mailboxes of an on-premises Exchange server over EWS (docs/exchange.md)."""
