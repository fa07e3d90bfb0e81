"""How well zero-cost proxies rank cells of NAS-Bench-201, and what they cost, on one thread.

    python reproduce/zero_cost.py cifar10.parquet
    python reproduce/zero_cost.py mini.parquet --images fashion-mnist-14 --cells 500
    python reproduce/zero_cost.py cifar10.parquet --cells 3 --seven

Without images: the official skeleton and a minibatch of Gaussian noise, 64 images of 32x32 pixels,
for the proxies that need no labels; others, if `--proxies` names them, see arbitrary labels. With
images: the skeleton of `archcast benchmark train`, a minibatch of 64 training images, and all
proxies. The truth is the mean test accuracy.

A unit of cost is one forward and backward pass of the same network over the same minibatch in
PyTorch's default memory layout. `--seven` compares with it the proxies of Abdelfattah et al., 2021,
all together.
"""

from __future__ import annotations

import argparse
import gc
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from archcast.benchmarks.opening import open_table
from archcast.evaluation.metrics import kendall_tau, spearman, top_decile_spearman
from archcast.networks.nasbench201_network import OFFICIAL, Skeleton
from archcast.networks.task import skeleton_for
from archcast.spaces.space import Architecture
from archcast.tasks.images import load_images
from archcast.zero_cost import Batch, score
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.scoring import build

SEVEN = ("grad-norm", "snip", "fisher", "plain", "grasp", "jacov", "synflow")


def unit(cell: Architecture, batch: Batch, skeleton: Skeleton) -> float:
    """Seconds of a forward and backward pass in the default layout."""
    network = build(cell, skeleton, 0)
    start = time.process_time()
    torch.nn.functional.cross_entropy(network(batch.images), batch.labels).backward()
    return time.process_time() - start


def seven(cells: list[Architecture], batch: Batch, skeleton: Skeleton) -> None:
    print(f"{'cell':>10}{'unit':>10}{'the seven':>12}{'units':>8}")
    for number, cell in enumerate(cells):
        unit(cell, batch, skeleton)  # first calls
        base = min(unit(cell, batch, skeleton) for _ in range(2))
        passes = Passes(partial(build, cell, skeleton, 0), batch)
        gc.collect()  # what the cell before left
        start = time.process_time()
        alone = [passes.measure(partial(proxies.get(name).of, passes))[1] for name in SEVEN]
        together = time.process_time() - start
        each = ", ".join(f"{n} {s / base:.2f}" for n, s in zip(SEVEN, alone, strict=True))
        print(f"{number:10}{base:8.2f} s{together:10.2f} s{together / base:8.2f}  alone: {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="a Parquet file of nasbench201")
    parser.add_argument("--images", help="name or .npz file of the table's images")
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--proxies", help="instead of all that the minibatch allows")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="a folder that keeps scores")
    parser.add_argument("--seven", action="store_true", help="compare costs and rank nothing")
    options = parser.parse_args()

    table = open_table(options.table)
    rows = np.random.default_rng(0).permutation(len(table))[: options.cells]
    cells = [table.architectures[row] for row in rows]
    if options.images:
        images = load_images(options.images)
        batch, skeleton, families = Batch.draw(images), skeleton_for(images), {"labels"}
    else:
        noise, skeleton, families = Batch.gaussian((64, 3, 32, 32)).images, OFFICIAL, set()
        batch = Batch(noise, torch.arange(len(noise)) % skeleton.classes)
    if options.seven:
        return seven(cells, batch, skeleton)

    families |= {"data-free", "noise", "images"}
    names = [name for name in proxies if proxies.entry(name).family in families]
    if options.proxies:
        names = options.proxies.split(",")
    found = score(
        cells, names, batch, skeleton=skeleton, workers=options.workers, cache=options.cache
    )
    truth = table.mean_over_runs(table.values(table.objective(), "test"))[rows]
    print(f"{table.source}: {len(cells)} cells, seconds of a proxy alone\n")
    print(f"{'proxy':18}{'tau':>8}{'rho':>8}{'top rho':>9}{'seconds':>10}")
    for name, values in found.values.items():
        measured = [m(truth, values) for m in (kendall_tau, spearman, top_decile_spearman)]
        seconds = found.seconds[name].mean()
        print(f"{name:18}{measured[0]:8.3f}{measured[1]:8.3f}{measured[2]:9.3f}{seconds:10.4f}")
    return None


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
