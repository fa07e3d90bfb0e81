"""Learning-curve extrapolation by a network that has learned how curves go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np

from archcast.core.heavy import torch
from archcast.predictors.helpers.curves import ended_badly, whole
from archcast.predictors.lce import UNKNOWN_STD, Extrapolation
from archcast.predictors.predictor import Context, Tags, Vector
from archcast.spaces.space import Architecture

if TYPE_CHECKING:
    from archcast.predictors.helpers.curve_transformer import CurveTransformer

BATCH = 2_000  # curves in a pass: bounds memory
WEIGHTS = "curve_transformer.npz"


class LearnedCurves(Extrapolation):
    """The final validation accuracy by a transformer that was trained on curves made up for it.

    One pass tells the ends of all curves, where `lce` samples each. The transformer reads the
    validation accuracy and the training loss. It knows trainings of 6 to 200 epochs under four
    kinds of learning-rate schedules, and has seen no curve of a benchmark; besides accuracies it
    learned which of two networks of a table ends ahead (`tools/train_curve_transformer.py`). Scores
    and deviations are in percent accuracy. A run that diverged scores 0, and counts in
    `fallbacks_`.
    """

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({"valid_accuracy", "train_loss"}),
        learns=False,
        probabilistic=True,
        in_unit=True,
        paper="Adriaensen et al., 2023, Efficient Bayesian Learning Curve Extrapolation using PFNs",
        version=2,
    )

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        from archcast.predictors.helpers.curve_transformer import tokens_of

        assert context.curves is not None
        accuracy, loss = (
            torch.from_numpy(whole(context, name)).float()
            for name in ("valid_accuracy", "train_loss")
        )
        tokens = tokens_of(accuracy / 100, loss, context.curves.horizon)
        with torch.no_grad():
            parts = [trained().moments(part) for part in tokens.split(BATCH)]
        values, deviations = (100 * torch.cat(each).numpy() for each in zip(*parts, strict=True))
        diverged = ended_badly(context)
        self.fallbacks_ += int(diverged.sum())
        return np.where(diverged, 0.0, values), np.where(diverged, UNKNOWN_STD, deviations)


@lru_cache(maxsize=1)
def trained() -> CurveTransformer:
    """The transformer with the weights that ship."""
    from archcast.predictors.helpers.curve_transformer import CurveTransformer

    model = CurveTransformer()
    with (
        as_file(files("archcast.predictors") / "shipped" / WEIGHTS) as path,
        np.load(path, allow_pickle=False) as weights,
    ):
        model.load_state_dict({name: torch.from_numpy(weights[name]).float() for name in weights})
    return model.eval()
