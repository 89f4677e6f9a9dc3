"""Optimal transport: exact, on lines, and with entropy."""

from __future__ import annotations

__all__: list[str] = []
