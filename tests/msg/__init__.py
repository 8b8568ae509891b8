"""Tests of the MSG reader."""
