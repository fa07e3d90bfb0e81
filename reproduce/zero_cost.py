"""How well zero-cost proxies rank cells of NAS-Bench-201, and what they cost, on one thread.

    python -m reproduce.zero_cost cifar10.parquet --beside reproduce/published.csv
    python -m reproduce.zero_cost nasbench201-mini --cells 500
    python -m reproduce.zero_cost cifar10.parquet --cells 6 --units

Of a table whose images are not at hand: a minibatch of Gaussian noise, 64 images, for the proxies
that need no labels; others, if `--proxies` names them, see arbitrary labels. Else a minibatch of 64
training images, and all proxies. The truth is the mean test accuracy. `--beside` is a CSV of
correlations that have been published.

`--units` ranks nothing, and says what proxies cost. A unit is one forward and backward pass of the
same network over the same minibatch in PyTorch's default memory layout. The proxies of Abdelfattah
et al., 2021, are measured together too.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from archcast.benchmarks.opening import open_table
from archcast.core.workers import one_thread
from archcast.evaluation.metrics import kendall_tau, spearman, top_decile_spearman
from archcast.networks.blueprint import Untrained
from archcast.networks.table_networks import blueprint_of, task_of
from archcast.spaces.space import Architecture
from archcast.zero_cost import Batch, score
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy
from reproduce.page import number, table

SEVEN = ("grad-norm", "snip", "fisher", "plain", "grasp", "jacov", "synflow")


def unit(cell: Architecture, batch: Batch, build: Untrained) -> float:
    """Seconds of a forward and backward pass in the default layout."""
    network = build(cell)
    start = time.process_time()
    torch.nn.functional.cross_entropy(network(batch.images), batch.labels).backward()
    return time.process_time() - start


def in_units(
    cells: list[Architecture], names: list[str], batch: Batch, build: Untrained
) -> Iterator[tuple[str, list[float]]]:
    """What proxies alone, and the seven together, take of each cell, in units."""
    base = {cell: min(unit(cell, batch, build) for _ in range(3)) for cell in cells}
    for name in names:
        found = [[seconds_of(name, cell, batch, build) for _ in range(2)] for cell in cells]
        yield f"`{name}`", [min(s) / base[cell] for s, cell in zip(found, cells, strict=True)]
    known = [min(seven(cell, batch, build) for _ in range(2)) / base[cell] for cell in cells]
    yield "the seven of Abdelfattah et al., 2021, together", known


def seconds_of(name: str, cell: Architecture, batch: Batch, build: Untrained) -> float:
    """What a proxy of one cell takes alone."""
    gc.collect()  # what the proxy before left
    return float(score([build(cell)], [name], batch).seconds[name][0])


def seven(cell: Architecture, batch: Batch, build: Untrained) -> float:
    """Seconds of the proxies of Abdelfattah et al., which share passes."""
    passes = Passes(partial(build, cell), batch)
    gc.collect()
    start = time.process_time()
    for name in SEVEN:
        proxy = proxies.get(name)
        assert isinstance(proxy, Proxy)
        passes.measure(partial(proxy.of, passes))
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", help="a Parquet file of nasbench201")
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--proxies", help="instead of all that the minibatch allows")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="a folder that keeps scores")
    parser.add_argument("--beside", type=Path, help="a CSV with proxy and published")
    parser.add_argument("--units", action="store_true", help="say what proxies cost")
    options = parser.parse_args()

    results = open_table(options.table)
    rows = np.random.default_rng(0).permutation(len(results))[: options.cells]
    cells = [results.architectures[row] for row in rows]
    blueprint, task = blueprint_of(results), task_of(results)
    assert blueprint, f"{options.table}: its space has no networks"
    families = {"data-free", "noise", "images"}
    if task:
        batch, families = Batch.draw(task), families | {"labels"}
    else:
        noise = Batch.gaussian((64, *blueprint.signature.shape)).images
        batch = Batch(noise, torch.arange(len(noise)) % blueprint.signature.classes)
    names = [name for name in proxies if proxies.entry(name).family in families]
    if options.proxies:
        names = options.proxies.split(",")
    if options.units:
        rows_ = in_units(cells, names, batch, Untrained(blueprint))
        shown = ([name, f"{min(units):.2f} to {max(units):.2f}"] for name, units in rows_)
        return print(table(["proxy", "units"], shown))
    found = score(
        cells, names, batch, scale=blueprint.scale, classes=blueprint.signature.classes,
        workers=options.workers, cache=options.cache,
    )  # fmt: skip
    truth = results.mean_over_runs(results.values(results.objective(), "test"))[rows]
    published: dict[str, str] = {}
    if options.beside:
        published = dict(pd.read_csv(options.beside)[["proxy", "published"]].to_numpy().tolist())
    metrics = (kendall_tau, spearman, top_decile_spearman)
    ranked = {name: [m(truth, found.values[name]) for m in metrics] for name in names}
    lines = []
    for name, values in sorted(ranked.items(), key=lambda each: -each[1][0]):
        beside = [published.get(name, "")] if options.beside else []
        seconds = f"{found.seconds[name].mean():.3f}"
        lines.append([f"`{name}`", *map(number, values), *beside, seconds])
    theirs = ["published tau (rho)"] if options.beside else []
    print(table(["proxy", "tau", "rho", "rho, best 10 %", *theirs, "seconds"], lines))
    return None


if __name__ == "__main__":
    with one_thread():
        main()
