"""What everything else stands on and that knows of nothing else here (level 0)."""

from __future__ import annotations

__all__: list[str] = []
