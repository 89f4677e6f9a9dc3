"""Kernel distances: MMD, the energy distance and kernel mean matching (level 3)."""

from __future__ import annotations

__all__: list[str] = []
