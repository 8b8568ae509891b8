"""One module per kind of mailbox export; `registry.py` finds the right one by content."""
