"""What a step of supernet training runs: paths through the supernet, or a mixture of all.

A sampler is a function of how many options each decision has, of a random generator, and of the
latest paths, an array (paths, decisions); it returns the selections whose gradients the step
averages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from archcast.networks.supernet import Selection

ARCHIVE = 100  # how many of the latest paths samplers see
CANDIDATES, NEAREST = 10, 10  # of novelty

Paths = NDArray[np.int64]  # (paths, decisions)
Options = Sequence[int]  # of each decision, how many


def mixture(options: Options, rng: np.random.Generator, archive: Paths) -> list[Selection]:
    """The mean of the options of a decision, each left out by chance of a half.

    Options that always train together do not work alone: the dropout is what makes them (Bender
    et al., 2018, Understanding and Simplifying One-Shot Architecture Search).
    """
    kept = rng.random((len(options), max(options))) < 0.5
    kept &= np.arange(max(options)) < np.array(options)[:, None]
    weights = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    return [torch.from_numpy(weights).float()]


def uniform(options: Options, rng: np.random.Generator, archive: Paths) -> list[Selection]:
    """One path, uniform over all (Guo et al., 2020, Single Path One-Shot NAS)."""
    return _listed(rng.integers(options, size=(1, len(options))))


def fair(options: Options, rng: np.random.Generator, archive: Paths) -> list[Selection]:
    """Paths that use every option of every decision once (Chu et al., 2021, FairNAS).

    Where a decision has fewer options than another, some of them are used again.
    """
    every = np.arange(max(options)) % np.array(options)[:, None]
    return _listed(rng.permuted(every, axis=1).T)


def novel(options: Options, rng: np.random.Generator, archive: Paths) -> list[Selection]:
    """Of some random paths the one farthest from its nearest in the archive.

    Novelty is the mean distance to the nearest paths, as in Zhang et al., 2020 (One-Shot NAS via
    Novelty Driven Sampling), who climb it by an evolution strategy; distance is the number of
    decisions that differ, and the archive is the latest paths.
    """
    candidates = rng.integers(options, size=(CANDIDATES, len(options)))
    distances = np.sort((candidates[:, None] != archive).sum(axis=2), axis=1)
    best = distances[:, :NEAREST].mean(axis=1).argmax() if len(archive) else 0
    return _listed(candidates[[best]])


def _listed(paths: Paths) -> list[Selection]:
    return [tuple(path) for path in paths.tolist()]


SAMPLERS: dict[str, Callable[[Options, np.random.Generator, Paths], list[Selection]]] = {
    "mixture": mixture,
    "uniform": uniform,
    "fair": fair,
    "novel": novel,
}
