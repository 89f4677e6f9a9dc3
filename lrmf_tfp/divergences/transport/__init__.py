"""Optimal transport: exact, on lines, and with entropy (level 3)."""

from __future__ import annotations

__all__: list[str] = []
