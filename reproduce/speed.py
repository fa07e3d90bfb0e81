"""How long things take: commands that compute nothing new, zero-cost proxies, predictors.

    python -m reproduce.speed [commands] [proxies] [supernets] [predictors] [--device cuda]

Commands: wall and processor seconds, the least of three runs each, of `--help`, `list predictors`,
a leaderboard of 5,000 results that are there (of made-up predictions), and the page of the sweep
that ships. Proxies: in forward and backward passes of the same network in PyTorch's own layout,
beside the public code of Abdelfattah et al. (2021, SamsungLabs/zero-cost-nas) on a similar machine.
Supernets: seconds of an epoch of each way to train them on small images, over those of its forward
and backward passes alone. Predictors: seconds of a fit on 100 labels, less what training these
takes, and of a query, in one split of 200. Each ends with the most memory that was used.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch.nn import functional

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.core.errors import InputError
from archcast.core.workers import one_thread
from archcast.evaluation.engine import split, truth_of
from archcast.evaluation.record import Cost, Record, save_record
from archcast.making.policies import POLICIES
from archcast.making.policy_training import PolicyPlan, Searched, searched
from archcast.making.samplers import SAMPLERS
from archcast.making.supernet_training import Plan, Trained, trained_supernet
from archcast.making.table_training import Setting
from archcast.making.trainer import clock_of
from archcast.networks.blueprint import Blueprint, Untrained, networks_of
from archcast.networks.networks import MINI, OFFICIAL
from archcast.networks.supernet import Supernet
from archcast.networks.table_networks import blueprint_of
from archcast.spaces import registry as spaces
from archcast.studies.experiment import Experiment
from archcast.studies.recommendation import shipped_sweep
from archcast.tasks.loading import load_task
from archcast.zero_cost import Batch, score
from archcast.zero_cost import registry as proxies
from reproduce.page import table

REPEATS = 80  # of every predictor: some 5,000 records
# A convolution on each kind of edge; deep, wide, and with little to compute.
CELLS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "|nor_conv_1x1~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|",
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",
)
PUBLIC = {  # two cores, one thread, 64 images, three cells of the official network
    "grad-norm": 1.30, "snip": 1.23, "fisher": 1.43, "plain": 1.29, "grasp": 4.32, "jacov": 1.56,
    "synflow": 0.33,
}  # fmt: skip
IMAGES = 64
SHARED = ("nasbench201", "nasbench101", "size", "mobilenet", "darts", "darts-rnn")  # spaces
EPOCHS = 3
WAYS: dict[str, Callable[..., Trained | Searched]] = {
    **{name: partial(trained_supernet, Plan(name, EPOCHS)) for name in SAMPLERS},
    **{name: partial(searched, PolicyPlan(name, EPOCHS)) for name in POLICIES},
}


def main() -> None:
    kinds: dict[str, Callable[[str], None]] = {
        "commands": commands, "proxies": of_proxies, "supernets": of_supernets,
        "predictors": predictors,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[*kinds, []], help="without any, all")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    for name in given.what or kinds:
        kinds[name](given.device)
        most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, -1))
        print(f"\nPeak memory of a process: {most / 2**20:.1f} GB\n", flush=True)


def commands(_: str) -> None:
    with TemporaryDirectory() as folder:
        board, sweep, page = (Path(folder) / name for name in ("board", "sweep", "page.html"))
        count = make_records(board)
        records = shipped_sweep()
        sweep.mkdir()
        for record in records:
            save_record(sweep, record.job.key(record.table), record)
        asked = {
            "`archcast --help`": ["--help"],
            "`archcast list predictors`": ["list", "predictors"],
            f"`archcast leaderboard`, {count:,} results that are there": [
                "leaderboard", "--repeats", str(REPEATS), "--results", str(board),
            ],
            f"`archcast report` of {len(records):,} results": [
                "report", "--out", str(page), "--results", str(sweep),
            ],
        }  # fmt: skip
        rows = [[what, *map("{:.2f}".format, seconds(words))] for what, words in asked.items()]
    print(table(["command", "wall, s", "processor, s"], rows))


def of_proxies(device: str) -> None:
    space = spaces.get("nasbench201")
    mini = blueprint_of(open_table(DEFAULT_BENCHMARK))
    assert mini is not None
    networks = mini.networks
    official = Blueprint(networks, networks.scale(OFFICIAL), networks.signatures["cifar10"])
    cells = [space.parse(text) for text in CELLS]
    found = {}
    with one_thread():
        for scale, blueprint in ((MINI, mini), (OFFICIAL, official)):
            batch = Batch.gaussian((IMAGES, *blueprint.signature.shape))
            batch = Batch(batch.images, torch.arange(IMAGES) % blueprint.signature.classes)
            build = Untrained(blueprint, seed=0)
            unit = np.mean([pass_seconds(build(cell), batch.to(device)) for cell in cells])
            scored = [build(cell) for cell in cells]
            score(scored[:1], [*proxies], batch, device=device)
            alone = score(scored, [*proxies], batch, device=device).seconds
            begun = perf_counter()
            score(scored, [*PUBLIC], batch, device=device)
            together = (perf_counter() - begun) / len(cells)
            found[scale] = {each: alone[each].mean() / unit for each in alone}
            found[scale]["these seven together"] = together / unit
            print(f"forward and backward, {scale}: {1e3 * unit:.0f} ms")
    public = PUBLIC | {"these seven together": sum(PUBLIC.values())}
    rows = [
        [name, *(f"{found[scale][name]:.2f}" for scale in found), f"{public.get(name, ''):.5}"]
        for name in found[MINI]
    ]
    print("\n" + table(["proxy", *found, "public code, official"], rows))


def pass_seconds(network: torch.nn.Module, batch: Batch) -> float:
    """Of a forward and a backward pass, the least of three."""
    network.to(batch.images.device)
    clock, found = clock_of(batch.images.device), []
    for _ in range(4):
        begun = clock()
        functional.cross_entropy(network(batch.images), batch.labels).backward()
        found.append(clock() - begun)
    return min(found[1:])


def of_supernets(name_of_device: str) -> None:
    rows, device = [], torch.device(name_of_device)
    with one_thread():
        for name in SHARED:
            setting = Setting.mini(spaces.get(name), None, device.type)
            networks, task = networks_of(setting.space), load_task(setting.task)
            blueprint = Blueprint(networks, networks.scale(MINI), task.signature)
            for way, train in WAYS.items():
                try:
                    with TemporaryDirectory() as folder, passes(clock_of(device)) as spent:
                        trained = train(blueprint, task, device.type, Path(folder))
                except InputError:  # of searches by size, where no option is a whole module
                    continue
                an_epoch, of_passes = trained.seconds / EPOCHS, sum(spent) / EPOCHS
                rows.append([name, way, f"{an_epoch:.2f}", f"{an_epoch / of_passes:.2f}"])
    print(table(["space", "way", "an epoch, s", "over its passes"], rows))


@contextmanager
def passes(clock: Callable[[], float]) -> Iterator[list[float]]:
    """Seconds of each forward pass of a supernet and each backward pass, as they come."""
    spent: list[float] = []

    def timed(run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def running(*given: Any, **named: Any) -> Any:
            begun = clock()
            try:
                return run(*given, **named)
            finally:
                spent.append(clock() - begun)

        return running

    with (
        patch.object(Supernet, "__call__", timed(Supernet.__call__)),
        patch.object(torch.Tensor, "backward", timed(torch.Tensor.backward)),
        patch.object(torch.autograd, "grad", timed(torch.autograd.grad)),
    ):
        yield spent


def predictors(device: str) -> None:
    with TemporaryDirectory() as folder:
        experiment = Experiment(open_table(DEFAULT_BENCHMARK), repeats=1, device=device)
        records = experiment.run(folder)
    rows = [
        [record.job.predictor, f"{record.cost.fit:.2f}", f"{1e3 * record.cost.query:.2f}"]
        for record in records
        if record.cost
    ]
    print(table(["predictor", "fit, s", "query, ms"], rows))


def make_records(folder: Path) -> int:
    """A record of each job of a leaderboard, as if it had been run."""
    benchmark = open_table(DEFAULT_BENCHMARK)
    jobs, _ = Experiment(benchmark, repeats=REPEATS).plan()
    rng = np.random.default_rng(0)
    folder.mkdir()
    for planned in jobs:
        job = planned.job
        parts = split(job, benchmark)
        test = parts.test
        truth = truth_of(benchmark, job.objective, job.truth, parts.run)[test]
        record = Record(
            job=job,
            table=benchmark.hash,
            architectures=test.tolist(),
            truth=truth.tolist(),
            predictions=(truth + rng.normal(size=len(test))).tolist(),
            cost=Cost(labels=200.0, fit=0.1, evidence=0.3, query=0.01),
        )
        save_record(folder, job.key(benchmark.hash), record)
    return len(jobs)


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """Wall and processor seconds of a command."""
    found = []
    for _ in range(3):
        begun, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "archcast", *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((perf_counter() - begun, used))
    return min(found)


if __name__ == "__main__":
    main()
