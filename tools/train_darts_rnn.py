"""Train random recurrent DARTS cells on the text that ships, all seeds of a cell at once.

    python tools/train_darts_rnn.py darts-rnn-mini.parquet --cells 300 --seeds 0,1,2 --jobs 2

The same runs as `archcast benchmark train` gives, up to the order in which numbers are added, in
half the time; but for their seconds, which `ship_table.py` measures. Each finished cell is kept at
once; the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state

from archcast.core.progress import track
from archcast.core.seeding import seeded
from archcast.core.workers import run_each
from archcast.making.journal import Journal
from archcast.making.recipe import AdamRecipe
from archcast.making.table_training import Setting, draws, train_one
from archcast.making.trainer import Run, batches, clock_of, described, drawing
from archcast.networks.blueprint import initialised
from archcast.spaces.darts_rnn import SPACE
from archcast.spaces.space import Architecture
from archcast.tasks.loading import load_task
from archcast.tasks.task import Data

Cell = tuple[Architecture, tuple[int, ...]]  # and the seeds that are lacking


def trained(cell: Cell, setting: Setting) -> list[dict[str, Any]]:
    """The rows of a cell; where one run diverges, each is trained alone."""
    architecture, seeds = cell
    data = load_task(setting.task).data(setting.device)
    with seeded(0):
        runs = at_once(architecture, seeds, setting, data)
    values = [value for run in runs for value in (*run.valid_loss, run.test_score)]
    if not all(map(math.isfinite, values)):
        return [train_one((architecture, seed), setting) for seed in seeds]
    measure = data["train"].measure
    return [
        {"architecture": str(architecture), "seed": seed, **run.columns(measure, setting.device)}
        for seed, run in zip(seeds, runs, strict=True)
    ]


def at_once(
    architecture: Architecture, seeds: tuple[int, ...], setting: Setting, data: Mapping[str, Data]
) -> list[Run]:
    """Networks side by side, each with its own weights and order of examples."""
    name, recipe, examples = str(architecture), setting.recipe, data["train"]
    assert isinstance(recipe, AdamRecipe)
    build = partial(setting.network, architecture)
    networks = [initialised(build, name, seed) for seed in seeds]
    known = described(networks[0], examples, recipe.batch_size)
    networks[0].train()
    runs = [copy.deepcopy(known) for _ in seeds]
    stacked, _ = stack_module_state(networks)
    weights = {key: value.detach().requires_grad_() for key, value in stacked.items()}

    def outputs_of(inputs: Tensor) -> Tensor:
        over_sequences = {
            "embedding": weights["embedding"][:, None], "bias": weights["bias"][:, None, None]
        }  # fmt: skip
        outputs: Tensor = functional_call(networks[0], weights | over_sequences, (inputs,))
        return outputs

    drawn = [drawing(name, seed) for seed in seeds]
    count = len(examples.inputs)
    steps = recipe.epochs * len(batches(torch.arange(count), recipe.batch_size))
    optimizer = recipe.optimizer(weights.values())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    clock = clock_of(examples.inputs.device)
    seconds = 0.0
    for _ in range(recipe.epochs):
        start = clock()
        orders = torch.stack([_order(count, generator) for generator in drawn])
        losses, scores = torch.zeros(len(seeds)), torch.zeros(len(seeds), dtype=torch.float64)
        for batch in batches(orders.T, recipe.batch_size):
            outputs = outputs_of(examples.inputs[batch.T])
            loss, score = _judged(examples, outputs, examples.targets[batch.T])
            optimizer.zero_grad()
            loss.sum().backward()
            _clip(weights, recipe.clip)
            optimizer.step()
            schedule.step()
            losses += loss.detach() * len(batch)
            scores += score.detach() * len(batch)
        seconds += clock() - start
        valid = _evaluated(outputs_of, data["valid"], len(seeds))
        for run, *values in zip(runs, losses / count, scores / count, *valid, strict=True):
            curves = run.train_loss, run.train_score, run.valid_loss, run.valid_score
            for curve, value in zip(curves, values, strict=True):
                curve.append(value.item())
    _, tested = _evaluated(outputs_of, data["test"], len(seeds))
    for run, score in zip(runs, tested, strict=True):
        run.test_score = score.item()
        run.epoch_seconds = seconds / recipe.epochs / len(seeds)
    return runs


def _order(count: int, generator: torch.Generator) -> Tensor:
    torch.rand(count, generator=generator)  # as the trainer draws for images
    return torch.randperm(count, generator=generator)


def _clip(weights: dict[str, Tensor], longest: float) -> None:
    """Of each network alone."""
    gradients = [weight.grad for weight in weights.values() if weight.grad is not None]
    norms = torch.stack([each.flatten(1).norm(dim=1) for each in gradients]).norm(dim=0)
    factors = (longest / (norms + 1e-6)).clamp(max=1.0)
    for each in gradients:
        each *= factors.view(-1, *[1] * (each.dim() - 1))


def _judged(data: Data, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss and score of each network."""
    pairs = list(zip(outputs, targets, strict=True))
    losses = torch.stack([data.loss(output, target) for output, target in pairs])
    return losses, torch.stack([data.score(output, target).mean() for output, target in pairs])


@torch.no_grad()
def _evaluated(outputs_of: Any, data: Data, count: int) -> tuple[Tensor, Tensor]:
    inputs = data.inputs.expand(count, *data.inputs.shape)
    return _judged(data, outputs_of(inputs), data.targets.expand(count, *data.targets.shape))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="the table to write, or to go on with")
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    setting = Setting.mini(SPACE, None, "cpu")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with Journal(options.out, setting.provenance()) as journal:
        lacking = [
            (cell, tuple(seed for seed in seeds if (str(cell), seed) not in journal.rows))
            for cell in islice(draws(SPACE), options.cells)
        ]
        todo = [(cell, some) for cell, some in lacking if some]
        for rows in track(
            run_each(partial(trained, setting=setting), todo, options.jobs), len(todo), "training"
        ):
            for row in rows:
                journal.append(row)
