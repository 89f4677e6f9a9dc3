"""KL and the other f-divergences: closed forms, estimates and bounds (level 2)."""

from __future__ import annotations

__all__: list[str] = []
