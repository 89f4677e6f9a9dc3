"""`load`: the folder of any ratio or critic, read as what it was."""

from __future__ import annotations

import json
from pathlib import Path

from lrmf_tfp.ratios.critic import SavedCritic
from lrmf_tfp.ratios.learned import LearnedCritic
from lrmf_tfp.ratios.saved import SavedRatio
from lrmf_tfp.ratios.wasserstein import WassersteinCritic
from lrmf_tfp.ratios.witness import MMDCritic

__all__ = ["load"]

_CRITICS = {kind.__name__: kind for kind in (LearnedCritic, MMDCritic, WassersteinCritic)}


def load(path: str | Path) -> SavedRatio | SavedCritic:
    """Read a ratio or a critic that `save` wrote.

    Args:
        path: The folder.

    Returns:
        A `SavedRatio`, or a critic of the class that it was saved as.

    Raises:
        ValueError: If the folder holds neither.

    Examples:
        >>> import tempfile
        >>> from lrmf_tfp.ratios.wasserstein import wasserstein_critic
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     wasserstein_critic([0.0, 1.0], [3.0, 5.0]).save(folder)
        ...     load(folder).distance
        3.5
    """
    return _class_of(Path(path)).load(path)


def _class_of(folder: Path) -> type[SavedRatio] | type[SavedCritic]:
    for kind in (SavedRatio, SavedCritic):
        mark = folder / "assets.extra" / f"{kind.KIND}.json"
        if mark.exists():
            made_by = json.loads(mark.read_text(encoding="utf-8")).get("made_by")
            return _CRITICS.get(made_by, kind)
    raise ValueError(
        f"`path` must be a folder of a ratio or a critic written by `save`; got {folder}."
    )
