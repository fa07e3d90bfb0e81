"""Train the transformer of the predictor `lc-pfn` on learning curves that are made up.

    python tools/train_curve_transformer.py

No curve of a benchmark is seen. Curves come in tables of sixteen networks, which have a task, a
horizon of 6 to 200 epochs and a schedule of learning rates in common: cosine, linear, in steps, or
constant. A network's error on training examples decays with the sum of the learning rates by a
power law or a stretched exponential; its validation error is larger by a gap that opens as the
training error falls; a part of the error, and noise, fade with the learning rate; first epochs may
be spoiled, as by batch norm that has not settled. The training loss knows little noise and nothing
of the gap. Networks of a table differ little or much in each of these.

The transformer learns the distribution of the last accuracy, by cross-entropy; its value without
noise, by absolute error; and which of two networks of a table ends ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from archcast.core.files import replacing
from archcast.core.progress import track
from archcast.predictors.helpers.curve_transformer import BINS, CurveTransformer, tokens_of
from archcast.predictors.learned_curves import WEIGHTS

OUT = Path(__file__).parent.parent / "archcast" / "predictors" / "shipped" / WEIGHTS
STEPS, TABLES, NETWORKS = 12_000, 16, 16
LEARNING_RATE, DECAY, CLIP = 1e-3, 0.01, 1.0
VALUE, PAIRS = 10.0, 3.0  # weights of the absolute error, and of the loss of pairs
STEEPNESS, MOST = 4.0, 2.0  # of the loss of a pair; and the most that it weighs, in deviations
SHORTEST, LONGEST = 6, 200  # epochs
KNOWN_LOSS = 0.7  # the chance that the training loss is given


def uniform(low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(shape)


def log_uniform(low: float, high: float, *shape: int) -> Tensor:
    return uniform(float(np.log(low)), float(np.log(high)), *shape).exp()


def of_each(tables: Tensor) -> Tensor:
    """What a table has, for each of its networks."""
    return tables.repeat_interleave(NETWORKS, 0)


def around(tables: Tensor, least: float = 0.02, most: float = 0.6) -> Tensor:
    """Of each network: what its table has, but for a factor, which differs little or much."""
    spread = of_each(log_uniform(least, most, TABLES, 1))
    return of_each(tables) * (spread * torch.randn(TABLES * NETWORKS, 1)).exp()


def schedules(horizon: int) -> Tensor:
    """Learning rates by epoch, (tables, horizon), of which the greatest is 1."""
    at = torch.linspace(0, 1, horizon)
    cosine = 0.5 * (1 + torch.cos(torch.pi * at))
    drops = torch.rand(TABLES, 3, 1).sort(dim=1).values.clamp(min=0.2)
    factors = log_uniform(0.05, 0.5, TABLES, 1, 1)
    stepped = torch.where(at > drops, factors, 1.0).prod(dim=1)
    kinds = torch.stack([cosine, 1 - at, torch.ones(horizon)]).expand(TABLES, -1, -1)
    kinds = torch.cat([kinds, stepped[:, None]], dim=1)
    chances = torch.tensor([0.35, 0.1, 0.3, 0.25])
    chosen = torch.multinomial(chances, TABLES, replacement=True)
    return kinds[torch.arange(TABLES), chosen].clamp(min=1e-3)


def trainings(horizon: int) -> tuple[Tensor, Tensor, Tensor]:
    """Validation accuracies, training losses (networks, horizon), and ends without noise."""
    networks = TABLES * NETWORKS
    rate = of_each(schedules(horizon))
    done = rate.cumsum(dim=1) / horizon
    classes = of_each(log_uniform(2, 200, TABLES, 1))
    worst = 1 - 1 / classes
    least = worst * around(log_uniform(0.01, 0.8, TABLES, 1))  # error after endless training
    least = least.clamp(max=1.0).minimum(0.98 * worst)
    time = around(log_uniform(0.005, 0.5, TABLES, 1))
    power = around(uniform(0.4, 2.5, TABLES, 1), most=0.3)
    stretch, stretched = of_each(uniform(0.4, 1, TABLES, 1)), of_each(torch.rand(TABLES, 1) < 0.4)
    fading = around(uniform(0, 0.3, TABLES, 1) * torch.rand(TABLES, 1)) * worst
    fading = fading * rate ** of_each(uniform(0.3, 1.5, TABLES, 1))

    def trained(done: Tensor) -> Tensor:
        since = done / time
        decay = torch.where(stretched, torch.exp(-(since**stretch)), (1 + since) ** -power)
        return (least + (worst - least) * decay + 0.5 * fading).clamp(max=worst)

    seen = trained(done - rate / horizon / 2)  # the network changes as its loss is averaged
    scale = classes.log() * of_each(log_uniform(0.8, 1.25, TABLES, 1))
    level = around(log_uniform(0.002, 0.3, TABLES, 1))
    level = level * rate ** of_each(uniform(0.5, 1.5, TABLES, 1))
    loss = scale * (seen / worst) ** of_each(uniform(0.8, 1.4, TABLES, 1))
    own = of_each(log_uniform(0.002, 0.1, TABLES, 1)) * torch.randn(networks, 1)
    loss = loss * own.exp() * (1 + 0.1 * level * torch.randn(networks, horizon))

    error = trained(done)
    gap = around(uniform(0, 0.25, TABLES, 1) * torch.rand(TABLES, 1))
    error = error + gap * (1 - error / worst) ** 2
    hidden = of_each(log_uniform(0.001, 0.03, TABLES, 1) * torch.rand(TABLES, 1))
    error = error + hidden * torch.randn(networks, 1) * (1 - error / worst)
    error = error + 0.5 * fading
    ends = (1 - error[:, -1]).clamp(0, 1)
    noise = level + of_each(log_uniform(0.001, 0.01, TABLES, 1))
    noise = noise * torch.randn(networks, horizon)
    error = error + noise.where(noise > 0, 0.5 * noise)  # rather worse than better
    settling = of_each(log_uniform(0.3, 3, TABLES, 1))
    spoiled = torch.exp(-torch.arange(horizon) / settling) * of_each(torch.rand(TABLES, 1))
    spoiled = spoiled * of_each(torch.rand(TABLES, 1) < 0.6)
    spoiled = spoiled * torch.rand(networks, horizon) ** 0.5
    error = error + (worst - error).clamp(min=0) * spoiled
    accuracy = (1 - error.clamp(max=worst + 0.02)).clamp(0, 1)
    return accuracy, loss.clamp(min=1e-4), ends


def made_up() -> tuple[Tensor, Tensor, Tensor]:
    """Tokens of the starts of curves, the bins of their ends, and ends without noise."""
    horizon = int(log_uniform(SHORTEST, LONGEST + 1, 1))
    epochs = min(horizon - 1, max(1, int(horizon * torch.rand(1) ** 1.5)))
    accuracy, loss, ends = trainings(horizon)
    given = loss[:, :epochs] if torch.rand(1) < KNOWN_LOSS else None
    bins = (accuracy[:, -1] * BINS).long().clamp(max=BINS - 1)
    return tokens_of(accuracy[:, :epochs], given, horizon), bins, ends


def misplaced(values: Tensor, ends: Tensor) -> Tensor:
    """The mean loss of pairs of a table, logistic in units of the table's deviation."""
    values, ends = values.view(TABLES, NETWORKS), ends.view(TABLES, NETWORKS)
    unit = ends.std(dim=1)[:, None, None].clamp(min=1e-3)
    told, true = ((each[:, :, None] - each[:, None]) / unit for each in (values, ends))
    weight = true.abs().clamp(max=MOST)
    return (weight * functional.softplus(-STEEPNESS * told * true.sign())).mean()


def losses(model: CurveTransformer) -> Iterator[tuple[float, float, float]]:
    """Train; by step the cross-entropy, the absolute error and the loss of pairs."""
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        tokens, bins, ends = made_up()
        logits, values = model(tokens)
        parts = (
            functional.cross_entropy(logits, bins),
            (values - ends).abs().mean(),
            misplaced(values, ends),
        )
        loss = parts[0] + VALUE * parts[1] + PAIRS * parts[2]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        yield parts[0].item(), parts[1].item(), parts[2].item()


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = CurveTransformer()
    of_steps = list(track(losses(model), STEPS, "training"))
    entropy, off, pairs = np.mean(of_steps[-STEPS // 10 :], axis=0)
    print(f"{entropy:.3f} nats, {100 * off:.2f} points, {pairs:.3f} of pairs")
    weights = {name: each.half().numpy() for name, each in model.state_dict().items()}
    with replacing(OUT) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **weights)
