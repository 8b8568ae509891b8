"""Every acquired byte, content-addressed and never changed, and the log of who did what to it."""
