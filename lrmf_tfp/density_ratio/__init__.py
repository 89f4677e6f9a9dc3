"""The ratio of two densities, estimated from samples of each (level 5)."""

from __future__ import annotations

__all__: list[str] = []
