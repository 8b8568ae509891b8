"""MAPI items, as PST, MSG and TNEF hold them, and their rendering as RFC 5322 messages."""
