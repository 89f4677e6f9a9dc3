"""Kernel distances: MMD, the energy distance and kernel mean matching."""

from __future__ import annotations

__all__: list[str] = []
