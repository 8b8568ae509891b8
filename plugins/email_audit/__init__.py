"""Audit the e-mail of officers on federal task forces for civil immigration enforcement."""

from typing import Final

__version__: Final = "0.1.0"
