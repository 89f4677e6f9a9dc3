"""Generators that are trained against samples: GAN, f-GAN, MMD and ratio matching."""

from __future__ import annotations

__all__: list[str] = []
