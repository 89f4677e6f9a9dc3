"""Pictures and animations of an alignment; arrays in, matplotlib figures out.

Every function returns a `matplotlib.figure.Figure` (or writes a GIF) without pyplot and without
global state. Colours are safe for colour-blind readers: the source is vermillion and the target
blue (Okabe-Ito), coordinates run through viridis.
"""

from __future__ import annotations

from lrmf_tfp.plotting.alignment import plot_alignment
from lrmf_tfp.plotting.animation import animate_alignment, animate_comparison
from lrmf_tfp.plotting.comparison import ComparisonColumn, plot_comparison
from lrmf_tfp.plotting.conditional import plot_conditional
from lrmf_tfp.plotting.fields import plot_displacement, plot_flow_steps
from lrmf_tfp.plotting.history import plot_history
from lrmf_tfp.plotting.images import plot_images
from lrmf_tfp.plotting.trajectories import plot_trajectories

__all__ = [
    "ComparisonColumn",
    "animate_alignment",
    "animate_comparison",
    "plot_alignment",
    "plot_comparison",
    "plot_conditional",
    "plot_displacement",
    "plot_flow_steps",
    "plot_history",
    "plot_images",
    "plot_trajectories",
]
