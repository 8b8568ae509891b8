"""Tests of the MAPI mapper."""
