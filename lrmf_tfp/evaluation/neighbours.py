"""How much of its neighbourhoods a map keeps."""

from __future__ import annotations

import numpy as np

from lrmf_tfp._core.typing import Samples
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.samples.sample import Sample

__all__ = ["neighbourhood_preservation"]


def neighbourhood_preservation(
    x: Samples | Sample, y: Samples | Sample, *, num_neighbours: int = 10
) -> float:
    """Return the share of nearest neighbours that points keep when they are moved.

    `mean_i |N_k(x_i) & N_k(y_i)| / k`, where `N_k` are the k other rows that lie nearest. It is 1
    for isometries and changes of scale, and `k / (N - 1)` on average if rows are shuffled.

    Args:
        x: Points before the move, `[N, D]`; a `Sample` with weights gives the weighted mean.
        y: The same points after it, row by row, `[N, E]`.
        num_neighbours: k, from 1 to N - 1.

    Returns:
        Share in [0, 1].

    Raises:
        TypeError: If points are not numbers, or `num_neighbours` is no whole number.
        ValueError: If the numbers of rows differ, or `num_neighbours` is not below N.

    Examples:
        >>> x = np.array([[0.0], [1.0], [3.0]])
        >>> neighbourhood_preservation(x, 2.0 * x, num_neighbours=1)
        1.0

    References:
        [1] Lee and Verleysen, Quality Assessment of Dimensionality Reduction: Rank-Based Criteria,
            Neurocomputing 2009 (there `Q_NX(k)`).
    """
    from sklearn.neighbors import NearestNeighbors

    sample = Sample.of(x, name="x", min_rows=2)
    before, after = sample.rows, Sample.of(y, name="y", min_rows=2).rows
    if len(after) != len(before):
        raise ValueError(
            f"`y` must have {len(before)} rows to match `x`; got {list(after.shape)}."
        )
    if check_positive_int(num_neighbours, "num_neighbours") >= len(before):
        raise ValueError(
            f"`num_neighbours` must be below {len(before)}, the number of rows; "
            f"got {num_neighbours}."
        )
    first, second = (
        NearestNeighbors(n_neighbors=num_neighbours)
        .fit(points)
        .kneighbors_graph()  # of the rows themselves, none its own neighbour
        for points in (before, after)
    )
    kept = np.asarray(first.multiply(second).sum(axis=1)).ravel() / num_neighbours
    return float(np.average(kept, weights=sample.weights))
