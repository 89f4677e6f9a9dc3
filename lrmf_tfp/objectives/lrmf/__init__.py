"""Log-likelihood-ratio minimising flows and what they are made of."""

from __future__ import annotations

__all__: list[str] = []
