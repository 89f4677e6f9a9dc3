"""KL and the other f-divergences: closed forms, estimates and bounds."""

from __future__ import annotations

__all__: list[str] = []
