"""What everything else stands on and that knows of nothing else here."""

from __future__ import annotations

__all__: list[str] = []
