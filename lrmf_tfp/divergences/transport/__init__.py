"""Optimal transport: exact, on lines, and with entropy (level 2)."""

from __future__ import annotations

__all__: list[str] = []
