"""How well zero-cost proxies rank cells of NAS-Bench-201, and what they cost, on one thread.

    python reproduce/zero_cost.py cifar10.parquet
    python reproduce/zero_cost.py nasbench201-mini --cells 500
    python reproduce/zero_cost.py cifar10.parquet --cells 3 --seven

Of a table whose images are not at hand: a minibatch of Gaussian noise, 64 images, for the proxies
that need no labels; others, if `--proxies` names them, see arbitrary labels. Else a minibatch of 64
training images, and all proxies. The truth is the mean test accuracy.

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
from archcast.networks.blueprint import Untrained
from archcast.networks.table_networks import blueprint_of, task_of
from archcast.spaces.space import Architecture
from archcast.zero_cost import Batch, score
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy

SEVEN = ("grad-norm", "snip", "fisher", "plain", "grasp", "jacov", "synflow")


def unit(cell: Architecture, batch: Batch, build: Untrained) -> float:
    """Seconds of a forward and backward pass in the default layout."""
    network = build(cell)
    start = time.process_time()
    torch.nn.functional.cross_entropy(network(batch.images), batch.labels).backward()
    return time.process_time() - start


def seven(cells: list[Architecture], batch: Batch, build: Untrained) -> None:
    single = [one for name in SEVEN if isinstance(one := proxies.get(name), Proxy)]
    print(f"{'cell':>10}{'unit':>10}{'the seven':>12}{'units':>8}")
    for number, cell in enumerate(cells):
        unit(cell, batch, build)  # first calls
        base = min(unit(cell, batch, build) for _ in range(2))
        passes = Passes(partial(build, cell), batch)
        gc.collect()  # what the cell before left
        start = time.process_time()
        alone = [passes.measure(partial(one.of, passes))[1] for one in single]
        together = time.process_time() - start
        each = ", ".join(f"{n} {s / base:.2f}" for n, s in zip(SEVEN, alone, strict=True))
        print(f"{number:10}{base:8.2f} s{together:10.2f} s{together / base:8.2f}  alone: {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="a Parquet file of nasbench201")
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--proxies", help="instead of all that the minibatch allows")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="a folder that keeps scores")
    parser.add_argument("--seven", action="store_true", help="compare costs and rank nothing")
    options = parser.parse_args()

    table = open_table(options.table)
    rows = np.random.default_rng(0).permutation(len(table))[: options.cells]
    cells = [table.architectures[row] for row in rows]
    blueprint, task = blueprint_of(table), task_of(table)
    assert blueprint, f"{options.table}: its space has no networks"
    families = {"data-free", "noise", "images"}
    if task:
        batch, families = Batch.draw(task), families | {"labels"}
    else:
        noise = Batch.gaussian((64, *blueprint.signature.shape)).images
        batch = Batch(noise, torch.arange(len(noise)) % blueprint.signature.classes)
    if options.seven:
        return seven(cells, batch, Untrained(blueprint))

    names = [name for name in proxies if proxies.entry(name).family in families]
    if options.proxies:
        names = options.proxies.split(",")
    found = score(
        cells, names, batch, scale=blueprint.scale, classes=blueprint.signature.classes,
        workers=options.workers, cache=options.cache,
    )  # fmt: skip
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
