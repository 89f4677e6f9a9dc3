"""Functions that tell two sample sets apart, and what they are good for (level 5)."""

from __future__ import annotations

__all__: list[str] = []
