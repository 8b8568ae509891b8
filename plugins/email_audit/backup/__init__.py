"""Backups of an audit that can be checked without us, and what brings one back."""
