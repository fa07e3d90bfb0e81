"""Train one network and write down everything that a predictor might later pay for."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from archcast.core.identity import versioned
from archcast.core.seeding import seeded
from archcast.making.recipe import RECIPE, AnyRecipe
from archcast.making.robustness import ATTACK, Attack, Robustness, robustness
from archcast.networks.arithmetic import layout_of
from archcast.networks.blueprint import entropy, initialised
from archcast.networks.flops import count_flops
from archcast.networks.memory import training_memory
from archcast.tasks.images import ImageData
from archcast.tasks.task import PARTS, Data, Measure

LATENCY_RUNS = 31


@dataclass(slots=True)
class Run:
    """What one training run measured; curves have one value an epoch.

    Scores are those of the task: accuracy in percent of images, bits a character of text. The
    training figures are running means over the epoch, as the network changes. A run whose loss
    leaves the finite numbers has diverged and ends there: its curves are cut before that epoch, and
    its scores on test examples are those of guessing. Of one that was stopped early, they are those
    of the network as it was then.
    """

    train_loss: list[float] = field(default_factory=list)
    train_score: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_score: list[float] = field(default_factory=list)
    test_score: float = math.nan
    attacked: Robustness | None = None  # accuracies on attacked test images; None of other tasks
    diverged: bool = False
    epoch_seconds: float = math.nan  # training alone, without the evaluation
    parameters: int = 0
    flops: int = 0  # multiply-adds of one example
    memory: int = 0  # bytes of tensors in a training step, at most
    latency: float = math.nan  # milliseconds for one example, median

    def columns(self, measure: Measure, device: str) -> dict[str, Any]:
        """As a row of a table, whose columns name the score and the device."""
        row = asdict(self)
        for part in PARTS:
            row[f"{part}_{measure.name}"] = row.pop(f"{part}_score")
        if (attacked := row.pop("attacked")) is not None:
            row |= {f"{name}_accuracy": value for name, value in attacked._asdict().items()}
        row[f"latency_{device}"] = row.pop("latency")
        return row


@versioned(1)
def train(build: Callable[[], nn.Module], name: str, seed: int, data: Mapping[str, Data],
          recipe: AnyRecipe = RECIPE, attack: Attack | None = ATTACK,
          goes_on: Callable[[Run], bool] | None = None) -> Run:  # fmt: skip
    """Build a network, train it on `data["train"]`, and evaluate it; on images also under attack.

    `name` and `seed` fix the weights at the start, the order of the examples and what a network
    draws in training: the same pair gives the same run on one device and thread count. PyTorch's
    global random state is left alone. `goes_on` is asked after each epoch but the last, of the run
    so far; where it does not, training is stopped.
    """
    with seeded(int.from_bytes(entropy(name, seed)[16:23], "big")):
        return _trained(build, name, seed, data, recipe, attack, goes_on)


def _trained(build: Callable[[], nn.Module], name: str, seed: int, data: Mapping[str, Data],
             recipe: AnyRecipe, attack: Attack | None,
             goes_on: Callable[[Run], bool] | None) -> Run:  # fmt: skip
    examples = data["train"]
    inputs, targets = examples.inputs, examples.targets
    device, clock = inputs.device, clock_of(inputs.device)
    network = initialised(build, name, seed).to(device)
    network.to(memory_format=layout_of(network, device))  # type: ignore[call-overload]
    draw = drawing(name, seed)
    run = described(network, examples, recipe.batch_size)
    optimizer = recipe.optimizer(network.parameters())
    steps_an_epoch = len(batches(torch.arange(len(inputs)), recipe.batch_size))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps_an_epoch)
    seconds = 0.0
    for _ in range(recipe.epochs):
        start = clock()
        network.train()
        seen = examples.augmented(inputs, torch.rand(len(inputs), generator=draw))
        loss_sum = torch.zeros((), device=device)
        score_sum = torch.zeros((), device=device, dtype=torch.float64)
        order = torch.randperm(len(inputs), generator=draw).to(device)
        for batch in batches(order, recipe.batch_size):
            outputs = network(seen[batch])
            loss = examples.loss(outputs, targets[batch])
            optimizer.zero_grad()
            loss.backward()
            if recipe.clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            schedule.step()
            loss_sum += loss.detach() * len(batch)
            score_sum += examples.score(outputs.detach(), targets[batch]).sum()
        train_loss = loss_sum.item() / len(inputs)
        seconds += clock() - start
        valid_loss, valid_score = evaluate(network, data["valid"])
        if not math.isfinite(train_loss) or not math.isfinite(valid_loss):
            run.diverged = True
            run.test_score = examples.chance
            if isinstance(examples, ImageData) and attack is not None:
                run.attacked = Robustness(examples.chance, examples.chance)
            break
        run.train_loss.append(train_loss)
        run.train_score.append(score_sum.item() / len(inputs))
        run.valid_loss.append(valid_loss)
        run.valid_score.append(valid_score)
        if goes_on and len(run.valid_score) < recipe.epochs and not goes_on(run):
            break
    if not run.diverged:
        _, run.test_score = evaluate(network, data["test"])
        if isinstance(data["test"], ImageData) and attack is not None:
            run.attacked = robustness(network, data["test"], attack)
    run.epoch_seconds = seconds / (len(run.train_loss) + run.diverged)
    return run


def drawing(name: str, seed: int) -> torch.Generator:
    """What draws the order of the examples."""
    return torch.Generator().manual_seed(int.from_bytes(entropy(name, seed)[8:15], "big"))


def described(network: nn.Module, examples: Data, batch_size: int) -> Run:
    """A run that has not begun: what its network costs."""
    inputs, targets = examples.inputs, examples.targets
    run = Run(parameters=sum(p.numel() for p in network.parameters()))
    run.flops = count_flops(network, inputs[:1])
    first = slice(batch_size)
    run.memory = training_memory(network, inputs[first], targets[first], examples.loss)
    run.latency = measure_latency(network, inputs[:1])
    return run


def batches(rows: Tensor, size: int) -> list[Tensor]:
    """Rows in batches; what is left over joins the last, if it is less than a quarter of one.

    A step by a few examples is one by their noise, and batch norm has no use for a single one.
    """
    split = [*rows.split(size)]
    if len(split) > 1 and 4 * len(split[-1]) < size:
        split[-2:] = [torch.cat(split[-2:])]
    return split


@torch.no_grad()
def evaluate(network: nn.Module, data: Data, batch_size: int = 1_000) -> tuple[float, float]:
    """Mean loss and score."""
    network.eval()
    loss, score = 0.0, 0.0
    for inputs, targets in zip(
        data.inputs.split(batch_size), data.targets.split(batch_size), strict=True
    ):
        outputs = network(inputs)
        loss += data.loss(outputs, targets, "sum").item()
        score += data.score(outputs, targets).sum().item()
    return loss / len(data.targets), score / len(data.targets)


@torch.no_grad()
def measure_latency(network: nn.Module, example: Tensor) -> float:
    """Median milliseconds of a forward pass, after warm-up."""
    network.eval()
    clock = clock_of(example.device)
    times = []
    for _ in range(LATENCY_RUNS + 5):
        start = clock()
        network(example)
        times.append(clock() - start)
    return 1_000.0 * statistics.median(times[5:])


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds of work: processor time on a CPU, so that a busy machine does not distort it."""
    if device.type == "cpu":
        return time.process_time

    def synchronised() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return synchronised
