"""From the bytes of one message to a typed record."""
