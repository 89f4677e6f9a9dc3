"""What goes in: rows of a domain, how they are split and standardised (level 2)."""

from __future__ import annotations

__all__: list[str] = []
