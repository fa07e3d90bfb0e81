"""What a step of supernet training runs: paths through the supernet, or a mixture of all.

A sampler is a function of how many options each decision has, of a random generator, and of an
archive, in which those that look back keep paths; it returns the selections whose gradients the
step averages.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from archcast.networks.networks import Options
from archcast.networks.supernet import Selection

ARCHIVE = 100  # paths at most
CANDIDATES, NEAREST = 10, 10  # of novelty
DEVIATION, RATE = 1.0, 0.01  # of the steps that try how novelty grows, and of that which follows it

Paths = NDArray[np.int64]  # (paths, decisions)
Archive = list[list[float]]


def mixture(options: Options, rng: np.random.Generator, archive: Archive) -> list[Selection]:
    """The mean of the options of a decision, each left out by chance of a half.

    Options that always train together do not work alone: the dropout is what makes them (Bender
    et al., 2018, Understanding and Simplifying One-Shot Architecture Search).
    """
    kept = rng.random((len(options), max(options))) < 0.5
    kept &= np.arange(max(options)) < np.array(options)[:, None]
    weights = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    return [torch.from_numpy(weights).float()]


def uniform(options: Options, rng: np.random.Generator, archive: Archive) -> list[Selection]:
    """One path, uniform over all (Guo et al., 2020, Single Path One-Shot NAS)."""
    return _listed(options.paths(1, rng))


def fair(options: Options, rng: np.random.Generator, archive: Archive) -> list[Selection]:
    """Paths that use every option of every decision once (Chu et al., 2021, FairNAS).

    Where a decision has fewer options than another, some of them, drawn anew, are used again.
    """
    most = max(options)
    every = [
        rng.permutation(np.concatenate([rng.permutation(n) for _ in range(-(-most // n))])[:most])
        for n in options
    ]
    return _listed(np.array(every).T)


def novel(options: Options, rng: np.random.Generator, archive: Archive) -> list[Selection]:
    """Of some random paths the one farthest from its nearest in the archive.

    Novelty is the mean distance to the nearest paths, as in Zhang et al., 2020 (One-Shot NAS via
    Novelty Driven Sampling), who climb it by an evolution strategy; distance is the number of
    decisions that differ, and the archive is the latest paths.
    """
    candidates = options.paths(CANDIDATES, rng)
    best = int(novelty(candidates, np.array(archive)).argmax()) if archive else 0
    archive.append(candidates[best].tolist())
    del archive[:-ARCHIVE]
    return _listed(candidates[[best]])


def climbed(options: Options, rng: np.random.Generator, archive: Archive) -> list[Selection]:
    """A path of the archive, after a step to where novelty grows (Zhang et al., 2020, EN2AS).

    The archive is random at first. Then a random one of its paths moves, in real numbers, along the
    direction in which by an evolution strategy the mean distance to the nearest grows; distance is
    the share of decisions that differ. What runs is the nearest path.
    """
    if len(archive) < ARCHIVE:
        [path] = options.paths(1, rng)
        archive.append(path.tolist())
        return _listed(path[None])
    at = int(rng.integers(len(archive)))
    steps = rng.normal(scale=DEVIATION, size=(CANDIDATES, len(options)))
    tried, known = (nearest_paths(each, options) for each in (archive[at] + steps, archive))
    gained = novelty(tried, known) / len(options)
    moved = archive[at] + RATE / (CANDIDATES * DEVIATION) * gained @ steps
    archive[at] = moved.tolist()
    return _listed(nearest_paths([moved], options))


def novelty(paths: Paths, archive: Paths) -> NDArray[np.float64]:
    """Of each path the mean number of decisions in which it differs from its nearest ones."""
    distances = np.sort((paths[:, None] != archive).sum(axis=2), axis=1)
    means: NDArray[np.float64] = distances[:, :NEAREST].mean(axis=1)
    return means


def nearest_paths(points: ArrayLike, options: Options) -> Paths:
    """The options nearest to real numbers (paths, decisions)."""
    return np.clip(np.rint(points), 0, np.array(options) - 1).astype(np.int64)


def _listed(paths: Paths) -> list[Selection]:
    return [tuple(path) for path in paths.tolist()]


SAMPLERS: dict[str, Callable[[Options, np.random.Generator, Archive], list[Selection]]] = {
    "mixture": mixture,
    "uniform": uniform,
    "fair": fair,
    "novel": novel,
    "climbed": climbed,
}
