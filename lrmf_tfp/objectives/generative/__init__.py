"""Generators that are trained against samples: GAN, f-GAN, MMD and ratio matching (level 4)."""

from __future__ import annotations

__all__: list[str] = []
