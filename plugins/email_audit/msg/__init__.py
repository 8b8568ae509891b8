"""Outlook's MSG files: one item in a compound file (MS-OXMSG, MS-CFB)."""
