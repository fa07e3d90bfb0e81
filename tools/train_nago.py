"""Train random generators of NAGO, two samples of each, on the images that ship.

    python tools/train_nago.py nago-mini.parquet --generators 300 --seeds 0,1 --jobs 2

Each finished run is kept at once; the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from archcast.making.table_training import Setting, draws, train_runs
from archcast.spaces.nago import SAMPLES, Node, drawn
from archcast.spaces.nago_small import SPACE
from archcast.spaces.space import Architecture


def two_samples(architecture: Architecture) -> list[Architecture]:
    """The sample that was drawn, and the next one of the same generator."""
    *generator, sample = architecture.choices
    other = (sample + 1) % len(SAMPLES)
    return [architecture, Architecture(SPACE, (*generator, other))]


def differing(pairs: Iterable[list[Architecture]]) -> Iterator[list[Architecture]]:
    """Those of whose samples none is the network of an earlier one: few edges may be rewired."""
    seen = set[Node]()
    for pair in pairs:
        if len(new := {*map(drawn, pair)}) == len(pair) and seen.isdisjoint(new):
            seen |= new
            yield pair


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="the table to write, or to go on with")
    parser.add_argument("--generators", type=int, default=300)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--epochs", type=int, help="of a training; those of the recipe by default")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    pairs = islice(differing(map(two_samples, draws(SPACE))), options.generators)
    networks = [each for pair in pairs for each in pair]
    seeds = [int(seed) for seed in options.seeds.split(",")]
    runs = [(each, seed) for seed in seeds for each in networks]
    setting = Setting.mini(SPACE, None, options.device, epochs=options.epochs)
    train_runs(runs, setting, options.out, options.jobs)
