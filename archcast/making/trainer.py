"""Train one network and write down everything that a predictor might later pay for."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from archcast.making.robustness import ATTACK, Attack, robustness
from archcast.networks.arithmetic import layout_of
from archcast.networks.blueprint import entropy, initialised
from archcast.networks.flops import count_flops
from archcast.networks.memory import training_memory
from archcast.tasks.images import ImageData
from archcast.tasks.task import Data

LATENCY_RUNS = 31


@dataclass(frozen=True, slots=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum and a cosine schedule to zero."""

    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4


@dataclass(slots=True)
class Run:
    """What one training run measured. Accuracies in percent; curves have one value an epoch.

    The training figures are running means over the epoch, as the network changes. A run whose loss
    leaves the finite numbers has diverged and ends there: its curves are cut before that epoch, and
    its accuracies on test images are those of guessing.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    test_accuracy: float = math.nan
    fgsm_accuracy: float = math.nan  # on attacked test images
    pgd_accuracy: float = math.nan
    diverged: bool = False
    epoch_seconds: float = math.nan  # training alone, without the evaluation
    parameters: int = 0
    flops: int = 0  # multiply-adds of one image
    memory: int = 0  # bytes of tensors in a training step, at most
    latency: float = math.nan  # milliseconds for one image, median


def train(build: Callable[[], nn.Module], name: str, seed: int, data: Mapping[str, Data],
          recipe: Recipe = Recipe(), attack: Attack = ATTACK) -> Run:  # fmt: skip
    """Build a network, train it on `data["train"]`, and evaluate it; on images also under attack.

    `name` and `seed` fix the weights at the start and the order of the examples: the same pair
    gives the same run on one device and thread count. PyTorch's global random state is left alone.
    """
    examples = data["train"]
    inputs, targets = examples.inputs, examples.targets
    device, clock = inputs.device, clock_of(inputs.device)
    network = initialised(build, name, seed).to(device)
    network.to(memory_format=layout_of(network, device))  # type: ignore[call-overload]
    draw = torch.Generator().manual_seed(int.from_bytes(entropy(name, seed)[8:15], "big"))

    run = Run(parameters=sum(p.numel() for p in network.parameters()))
    run.flops = count_flops(network, inputs[:1])
    first = slice(recipe.batch_size)
    run.memory = training_memory(network, inputs[first], targets[first], examples.loss)
    run.latency = measure_latency(network, inputs[:1])
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.learning_rate, recipe.momentum,
        weight_decay=recipe.weight_decay, nesterov=True, fused=True,
    )  # fmt: skip
    steps_an_epoch = math.ceil(len(inputs) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps_an_epoch)
    seconds = 0.0
    for _ in range(recipe.epochs):
        start = clock()
        network.train()
        seen = examples.augmented(inputs, torch.rand(len(inputs), generator=draw))
        loss_sum = torch.zeros((), device=device)
        score_sum = torch.zeros((), device=device, dtype=torch.float64)
        order = torch.randperm(len(inputs), generator=draw).to(device)
        for batch in order.split(recipe.batch_size):
            outputs = network(seen[batch])
            loss = examples.loss(outputs, targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.detach() * len(batch)
            score_sum += examples.score(outputs.detach(), targets[batch]).sum()
        train_loss = loss_sum.item() / len(inputs)
        seconds += clock() - start
        valid_loss, valid_accuracy = evaluate(network, data["valid"])
        if not math.isfinite(train_loss) or not math.isfinite(valid_loss):
            run.diverged = True
            run.test_accuracy = run.fgsm_accuracy = run.pgd_accuracy = examples.chance
            break
        run.train_loss.append(train_loss)
        run.train_accuracy.append(score_sum.item() / len(inputs))
        run.valid_loss.append(valid_loss)
        run.valid_accuracy.append(valid_accuracy)
    else:
        _, run.test_accuracy = evaluate(network, data["test"])
        if isinstance(data["test"], ImageData):
            run.fgsm_accuracy, run.pgd_accuracy = robustness(network, data["test"], attack)
    run.epoch_seconds = seconds / min(recipe.epochs, len(run.train_loss) + 1)
    return run


@torch.no_grad()
def evaluate(network: nn.Module, data: Data, batch_size: int = 1_000) -> tuple[float, float]:
    """Mean loss and score: of images cross-entropy, and accuracy in percent."""
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
