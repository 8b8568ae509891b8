"""Tests of the TNEF reader."""
