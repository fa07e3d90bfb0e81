"""Eigenvalues and correlations, with a say on what has no variance."""

from __future__ import annotations

import torch
from torch import Tensor


def eigenvalues(matrix: Tensor) -> Tensor:
    """Eigenvalues of a positive semi-definite matrix, ascending, none negative by rounding."""
    values: Tensor = torch.linalg.eigvalsh(matrix.double().cpu())
    return values.clamp(min=0.0)


def correlations(rows: Tensor, constant: float) -> Tensor:
    """Pearson correlations between `rows`, of shape (rows, rows), in double precision.

    A row without variance has the correlation `constant` with every row, itself included.
    """
    rows = rows.detach().double()
    centred = rows - rows.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1)
    flat = norms <= torch.finfo(torch.float32).eps * rows.norm(dim=1)
    scaled = centred / norms.where(~flat, 1.0)[:, None]
    found: Tensor = (scaled @ scaled.T).clamp(-1.0, 1.0)
    found[flat] = constant
    found[:, flat] = constant
    return found
