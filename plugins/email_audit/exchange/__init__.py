"""Live mailboxes of an on-premises Exchange server over Exchange Web Services (docs/exchange.md)."""
