"""The case database: one row per message and attachment with its fate, and the balance."""
