"""The mean of a few gradients along which all of them descend."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from torch import Tensor


def minimum_norm(gradients: Tensor) -> Tensor:
    """Weights from 0 that add up to 1, by which the mean of gradients (number, ...) is shortest.

    Against it all objectives fall, each at least at the rate of its square; it is zero only where
    nothing lets all of them fall (Desideri, 2012, MGDA; Sener & Koltun, 2018, Multi-Task Learning
    as Multi-Objective Optimization). By an active set, which is exact: the least sum of its square
    and of that by which free weights from 0 miss 1 is at weights in the same proportions.
    """
    rows = gradients.detach().flatten(1).double().cpu().numpy()
    longest = np.linalg.norm(rows, axis=1).max()
    free, _ = nnls(
        np.vstack([rows.T / (longest or 1.0), np.ones(len(rows))]),
        np.append(np.zeros(rows.shape[1]), 1.0),
    )
    return gradients.new_tensor(free / free.sum())
