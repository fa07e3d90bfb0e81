"""The parts of AZ-NAS that look at the blocks of a network, for Gaussian noise (Lee & Ham, 2024).

Blocks are those that the network names as its `archcast_blocks`, one behind the other, or else the
modules with submodules that an `nn.Sequential` of it holds: the cells and reductions of
NAS-Bench-201, the residual blocks of a ResNet. The first block's input, which the stem gives,
counts as a block's output. Weights are drawn anew, as in the paper's code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.zero_cost.graph import Call, recording
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import eigenvalues
from archcast.zero_cost.weights import draw_weights, weights_of

TINY = 1e-6  # of the paper's code: a dead block has the trainability 2 - 1 / TINY


@proxy(version=4)
def az_expressivity(passes: Passes) -> float:
    """Sum over blocks of the entropy of the spectrum of their features."""
    return sum(passes.once(_entropies))


@proxy(version=4)
def az_progressivity(passes: Passes) -> float:
    """The least gain in that entropy from one block to the next."""
    entropies = passes.once(_entropies)
    return min(after - before for before, after in pairwise(entropies))


@proxy(version=4)
def az_trainability(passes: Passes) -> float:
    """Mean over blocks of 2 - s - 1/s, s the spectral norm of an estimate of the block's Jacobian.

    The estimate is the mean product of random signs at the output and what comes back of them to
    the input. The best is 0: signals come back as strong as they were. A block that does nothing
    but pass its input on counts as a dead one.
    """
    generator = torch.Generator().manual_seed(passes.seed)
    scores: list[float] = []
    for _, before, after in reversed(passes.once(_blocks)):
        signs = torch.randint(0, 2, after.shape, generator=generator).to(after) * 2.0 - 1.0
        returned = _pull_back(signs, before, after)
        if returned.shape == signs.shape and torch.equal(returned, signs):
            returned = torch.zeros_like(returned)
        returned = _on_the_grid_of(signs, returned)
        product = _positions(returned).T @ _positions(signs) / (signs.numel() / signs.shape[1])
        norm = torch.linalg.matrix_norm(product, 2).item()
        scores.append(2.0 - norm - 1.0 / (norm + TINY))
    return sum(scores) / len(scores)


def _blocks(passes: Passes) -> list[Call]:
    network = passes.fresh()
    found = weights_of(network, passes.batch.images[:1])
    draw_weights(found, passes.seed, deviation=_he)
    noise = passes.noise(passes.batch.images.shape).requires_grad_(True)
    named: Sequence[nn.Module] | None = getattr(network, "archcast_blocks", None)
    with recording(blocks_of(network) if named is None else named) as calls:
        passes.forward(network, noise)
    if not calls:
        raise InputError("the network has no blocks one behind the other")
    if named is None:
        return calls
    behind = (Call(each.module, last.output, each.output) for last, each in pairwise(calls))
    return [calls[0], *behind]


def _he(inputs: int) -> float:
    """The deviation of He et al., 2015."""
    return math.sqrt(2.0 / inputs)


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The blocks of a network, none within another, in the order of definition."""
    for child in module.children():
        inner = list(blocks_of(child))
        unrolled = isinstance(child, nn.Sequential) and inner
        if isinstance(module, nn.Sequential) and _is_block(child) and not unrolled:
            yield child
        else:
            yield from inner


def _is_block(module: nn.Module) -> bool:
    """Whether it has submodules, or its own parameters where several of these would have theirs."""
    own = len(list(module.parameters(recurse=False)))
    return bool(list(module.children())) or (own > 2 and "torch.nn." not in type(module).__module__)


def _entropies(passes: Passes) -> list[float]:
    calls = passes.once(_blocks)
    return [_entropy(features) for features in (calls[0].input, *(c.output for c in calls))]


def _entropy(features: Tensor) -> float:
    rows = _positions(features.detach())
    rows = rows - rows.mean(dim=0)
    values = eigenvalues(rows.T @ rows / len(rows))
    if not values.sum() > 0:
        return 0.0
    return float(torch.special.entr(values / values.sum()).sum())


def _pull_back(signs: Tensor, before: Tensor, after: Tensor) -> Tensor:
    if not (before.requires_grad and after.requires_grad):
        return torch.zeros_like(before)
    (found,) = torch.autograd.grad(after, before, signs, retain_graph=True, allow_unused=True)
    return torch.zeros_like(before) if found is None else found


def _on_the_grid_of(reference: Tensor, maps: Tensor) -> Tensor:
    """Give each pixel of larger `maps` to the pixel of `reference` that covers it, as channels."""
    if maps.ndim != 4 or maps.shape[2:] == reference.shape[2:]:
        return maps
    (height, width), (rows, columns) = maps.shape[2:], reference.shape[2:]
    stride = -(-height // rows)
    missing = (0, stride * columns - width, 0, stride * rows - height)
    if not all(0 <= pixels < stride for pixels in missing):
        raise InputError(f"a block turns maps of {height}x{width} into {rows}x{columns}")
    return nn.functional.pixel_unshuffle(nn.functional.pad(maps, missing), stride)


def _positions(features: Tensor) -> Tensor:
    """A row of channels for each position of each image."""
    return features.movedim(1, -1).flatten(0, -2)
