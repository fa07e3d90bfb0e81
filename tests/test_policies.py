"""Policies that learn which options of a supernet are good."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.core.seeding import seeded
from archcast.making.e2rnas import E2RNAS
from archcast.making.policies import DARTS, ENAS, GDAS, POLICIES, SETN, unrolled_gradient
from archcast.making.policy import Alpha, Step, kept, likeliest
from archcast.making.robustness import misled
from archcast.networks.blueprint import networks_of
from archcast.networks.nasbench201_modules import CellSupernet
from archcast.networks.networks import Options
from archcast.networks.scales import Skeleton, Widths
from archcast.networks.supernet import Selection, Supernet
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.tasks.images import ImageData
from archcast.tasks.task import Signature
from archcast.tasks.texts import TextData

OPTIONS = Options((5,) * 6)
UNEQUAL = Options((2, 4, 3))


def examples(seed: int) -> ImageData:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(6, 1, 8, 8, generator=draw, dtype=torch.float64)
    return ImageData(images, torch.arange(6) % 3, torch.zeros(1), torch.ones(1))


def cell_step(momentum: float = 0.0, decay: float = 0.0, progress: float = 0.5) -> Step:
    """Of a tiny supernet in double precision, with statistics that are fixed."""
    with seeded(0):
        supernet = CellSupernet(Signature((1, 8, 8), 3), Skeleton(4, 1, 1, "pool")).double().eval()
        for module in supernet.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, std=0.3)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum, weight_decay=decay)
    return Step(supernet, optimizer, examples(0), examples(1), progress, np.random.default_rng(0))


def alpha(kind: type[Alpha] = DARTS, scale: float = 1.0) -> Alpha:
    made = kind(OPTIONS, 100, 0).double()
    with torch.no_grad():
        made.logits *= scale / 1e-3
    return made


def differences(loss: object, logits: Tensor, places: list[tuple[int, int]], by: float) -> Tensor:
    found = []
    for place in places:
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                logits[place] += sign * by
                sides.append(loss().item())  # type: ignore[operator]
                logits[place] -= sign * by
        found.append((sides[0] - sides[1]) / (2 * by))
    return torch.tensor(found, dtype=torch.float64)


PLACES = [(0, 0), (1, 3), (3, 2), (5, 4)]


def gradients_of(policy: Alpha, step: Step, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    seen: list[Tensor] = []
    monkeypatch.setattr(policy, "follow", seen.append)
    policy.learn(step)
    return seen[0]


def test_first_order_by_central_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    step, policy = cell_step(), alpha(DARTS)
    found = gradients_of(policy, step, monkeypatch)
    expected = differences(
        lambda: step.loss(step.valid, policy.mixture), policy.logits, PLACES, 1e-5
    )
    at = tuple(zip(*PLACES, strict=True))
    torch.testing.assert_close(found[at], expected, rtol=1e-6, atol=1e-9)
    setn = alpha(SETN)
    torch.testing.assert_close(gradients_of(setn, step, monkeypatch), found)


def test_second_order_by_central_differences() -> None:
    """Of the validation loss after a plain step of the weights, which depends on the logits."""
    step, policy = cell_step(), alpha()
    weights = list(step.supernet.parameters())
    before = [weight.detach().clone() for weight in weights]
    found = unrolled_gradient(step, lambda: policy.mixture, policy.logits)
    assert all(torch.equal(*pair) for pair in zip(weights, before, strict=True))

    @torch.enable_grad()
    def unrolled() -> Tensor:
        loss = step.loss(step.train, policy.mixture.detach())
        by = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            for weight, gradient in zip(weights, by, strict=True):
                weight -= 0.1 * gradient
            value = step.loss(step.valid, policy.mixture)
            for weight, start in zip(weights, before, strict=True):
                weight.copy_(start)
        return value

    expected = differences(unrolled, policy.logits, PLACES, 1e-5)
    at = tuple(zip(*PLACES, strict=True))
    torch.testing.assert_close(found[at], expected, rtol=1e-3, atol=1e-6)
    step.optimizer.param_groups[0]["lr"] = 0.0
    first = torch.autograd.grad(step.loss(step.valid, policy.mixture), policy.logits)[0]
    torch.testing.assert_close(
        unrolled_gradient(step, lambda: policy.mixture, policy.logits), first
    )


class Quadratic(Supernet):
    """One weight; losses are of the weight and of the one logit's mixture."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def forward(self, inputs: Tensor, selection: Selection) -> Tensor:
        return self.weight - inputs * selection[0]  # type: ignore[operator]

    def inherit(self, architecture: Architecture) -> nn.Module:
        raise NotImplementedError


class Squares(ImageData):
    @staticmethod
    def loss(outputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
        return outputs.square().sum() / 2


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.01)])
def test_second_order_is_exact_on_a_quadratic(momentum: float, decay: float) -> None:
    """The weight is trained to be the logit, and is best at 0: the gradient is rate x weight."""
    one = torch.ones(1, dtype=torch.float64)
    data = {k: Squares(v * one, one, one, one) for k, v in (("train", 1.0), ("valid", 0.0))}
    supernet, logit = Quadratic(), torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum, weight_decay=decay)
    optimizer.state[supernet.weight]["momentum_buffer"] = torch.tensor(0.5, dtype=torch.float64)
    step = Step(supernet, optimizer, data["train"], data["valid"], 0.0, np.random.default_rng(0))
    found = unrolled_gradient(step, lambda: logit, logit)
    moved = 2.0 - 0.1 * (momentum * 0.5 + (2.0 - 0.7) + decay * 2.0)
    assert found.item() == pytest.approx(0.1 * moved, rel=1e-9)


def test_statistics_stay() -> None:
    step = cell_step()
    step.supernet.train()
    before = [buffer.clone() for buffer in step.supernet.buffers()]
    for name, make in POLICIES.items():
        make(OPTIONS, 10, 0).double().learn(step)
        after = list(step.supernet.buffers())
        assert all(torch.equal(*pair) for pair in zip(before, after, strict=True)), name
    with kept(step.supernet):
        step.supernet(step.train.inputs, [3] * 6)
    assert all(torch.equal(*p) for p in zip(before, step.supernet.buffers(), strict=True))


def test_hard_draws_are_single_paths() -> None:
    step, policy = cell_step(), alpha(GDAS)
    assert isinstance(policy, GDAS)
    hard = policy.hard(np.random.default_rng(3), 0.5)
    path = hard.argmax(dim=1).tolist()
    single = step.loss(step.valid, path)
    mixed = step.loss(step.valid, hard)
    assert mixed.item() == pytest.approx(single.item(), abs=1e-12)
    single.backward()
    expected = [w.grad for w in step.supernet.parameters()]
    step.optimizer.zero_grad()
    mixed.backward()
    for weight, gradient in zip(step.supernet.parameters(), expected, strict=True):
        assert (weight.grad is None) == (gradient is None), "others do not run"
        if gradient is not None:
            torch.testing.assert_close(weight.grad, gradient)
    assert policy.logits.grad is not None
    assert policy.logits.grad.any()


def test_the_gradient_of_a_hard_draw_is_that_of_the_chosen_weight() -> None:
    step, policy = cell_step(), alpha(GDAS)
    assert isinstance(policy, GDAS)
    hard = policy.hard(np.random.default_rng(3), 0.5)
    chosen = hard.argmax(dim=1)
    weights = hard.detach().clone().requires_grad_(True)
    (by_weights,) = torch.autograd.grad(step.loss(step.valid, weights), weights)
    upstream = by_weights.gather(1, chosen[:, None])
    (found,) = torch.autograd.grad(step.loss(step.valid, hard), policy.logits)
    noise = torch.from_numpy(np.random.default_rng(3).gumbel(size=(6, 5)))
    soft = ((policy.log_probabilities + noise) / 5.05).softmax(dim=1)
    (expected,) = torch.autograd.grad(
        (upstream * soft.gather(1, chosen[:, None])).sum(), policy.logits
    )
    torch.testing.assert_close(found, expected)


def test_draws_follow_the_probabilities() -> None:
    policy, rng = alpha(GDAS), np.random.default_rng(0)
    drawn = np.array([policy.drawn(rng, 0.3) for _ in range(4_000)])
    expected = policy.mixture.detach().numpy()
    for column, probabilities in zip(drawn.T, expected, strict=True):
        counts = np.bincount(column, minlength=5)
        assert chisquare(counts, 4_000 * probabilities).pvalue > 1e-4
    uniform = np.array([SETN(UNEQUAL, 10, 0).drawn(rng, 0.0) for _ in range(2_000)])
    for column, options in zip(uniform.T, UNEQUAL, strict=True):
        counts = np.bincount(column, minlength=options)
        assert len(counts) == options
        assert chisquare(counts).pvalue > 1e-4
    cold = GDAS(OPTIONS, 10, 0).double()
    soft = ((cold.log_probabilities + 5 * torch.randn(6, 5)) / 1e-3).softmax(dim=1)
    assert soft.max(dim=1).values.min() > 0.99, "nearly hard at a low temperature"


def test_options_that_are_not_there_are_never_chosen() -> None:
    rng = np.random.default_rng(0)
    for name, make in POLICIES.items():
        policy = make(UNEQUAL, 10, 0)
        paths = policy.candidates(rng).tolist()
        paths += [policy.best()] if policy.best() is not None else []
        drawn = policy.drawn(rng, 0.5)
        if isinstance(drawn, Tensor):
            assert drawn.sum(dim=1).tolist() == pytest.approx([1.0] * 3), name
            assert not drawn[0, 2:].any()
        else:
            paths.append(list(drawn))
        assert (np.array(paths) < UNEQUAL).all(), name


def test_likeliest_paths_by_a_full_sort() -> None:
    rng = np.random.default_rng(0)
    logs = np.log(rng.dirichlet(np.ones(5), size=6))
    every = sorted(
        product(range(5), repeat=6), key=lambda p: -sum(logs[i, o] for i, o in enumerate(p))
    )
    assert likeliest(logs, 200).tolist() == [list(path) for path in every[:200]]
    few = np.array([[0.0, -1.0], [0.0, -np.inf]])
    assert likeliest(few, 100).tolist() == [[0, 0], [1, 0]]
    planted = alpha(SETN)
    with torch.no_grad():
        planted.logits[range(6), [3, 1, 4, 1, 0, 2]] += 20.0
    first = planted.candidates(rng)[0].tolist()
    assert first == [3, 1, 4, 1, 0, 2] == planted.best()


def test_steps_leave_the_other_half_alone() -> None:
    step = cell_step()
    weights = [w.detach().clone() for w in step.supernet.parameters()]
    for name, make in POLICIES.items():
        policy = make(OPTIONS, 10, 0).double()
        before = [p.detach().clone() for p in policy.parameters()]
        policy.learn(step)
        changed = [not torch.equal(*pair) for pair in zip(before, policy.parameters(), strict=True)]
        assert any(changed) == (policy.adam is not None), name
        same = (
            torch.equal(*pair) for pair in zip(weights, step.supernet.parameters(), strict=True)
        )
        assert all(same), name


def test_a_controller_learns_what_pays() -> None:
    """One option of the first decision has reward 1: it rises towards what the bound allows."""
    policy, rng = ENAS((5, 5), 10, 0), np.random.default_rng(0)
    _, _, entropies = policy.sample(200, rng)
    assert entropies.mean().item() == pytest.approx(2 * math.log(5), rel=0.01)
    for _ in range(600):
        paths, logs, entropies = policy.sample(20, rng)
        policy.reinforce((paths[:, 0] == 3).float(), logs, entropies)
    share = (policy.sample(2_000, rng)[0][:, 0] == 3).float().mean().item()
    most = math.exp(2.5) / (math.exp(2.5) + 4 * math.exp(-2.5))
    assert 0.8 < share <= most + 0.02
    assert policy.best()[0] == 3
    assert 0.5 < policy.baseline.item() < 1.0, "the baseline moves"


class Louder(ImageData):
    @staticmethod
    def loss(outputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
        return 20 * nn.functional.cross_entropy(outputs, targets)


def test_size_and_loss_by_central_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sum, of which size is a share of what uniform paths have; and a mean of theirs."""
    step = cell_step()
    valid = step.valid
    assert isinstance(valid, ImageData)
    step = replace(step, valid=Louder(valid.inputs, valid.targets, valid.mean, valid.deviation))
    policy = E2RNAS(OPTIONS, 100, 0, combine="sum").double()
    with torch.no_grad():
        policy.logits *= 1e3
        policy.logits[:, 3] += 1.0  # 3x3 convolutions
    uniform = torch.full((6, 5), 0.2, dtype=torch.float64)
    at = tuple(zip(*PLACES, strict=True))

    def loss() -> Tensor:
        return step.loss(step.valid, policy.mixture)

    def share() -> Tensor:
        return step.supernet.size(policy.mixture) / step.supernet.size(uniform)

    both = [differences(each, policy.logits, PLACES, 1e-5) for each in (loss, share)]
    found = gradients_of(policy, step, monkeypatch)
    torch.testing.assert_close(found[at], sum(both), rtol=1e-6, atol=1e-8)
    policy.combine = "mgda"
    shortest = gradients_of(policy, step, monkeypatch)
    one, other = (torch.autograd.grad(each(), policy.logits)[0] for each in (loss, share))
    apart = one - other
    weight = ((other * -apart).sum() / apart.square().sum()).clamp(0, 1)
    assert 0.05 < weight < 0.95, "neither alone is the shortest"
    torch.testing.assert_close(shortest, weight * one + (1 - weight) * other)
    for each in (one, other):
        assert (each * shortest).sum() >= shortest.square().sum() * (1 - 1e-9)
    with torch.no_grad():
        policy.logits[:, 3] -= 3.0
    assert share() < 1
    for combine in ("mgda", "sum"):
        policy.combine = combine  # type: ignore[assignment]
        (alone,) = torch.autograd.grad(loss(), policy.logits)
        torch.testing.assert_close(gradients_of(policy, step, monkeypatch), alone)


def test_weights_follow_what_misleads_the_mixture_too() -> None:
    step, policy = cell_step(), E2RNAS(OPTIONS, 100, 0).double()
    assert isinstance(step.train, ImageData)
    pixels = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    step = replace(step, train=step.train.of(pixels, step.train.targets))
    selection = policy.drawn(step.rng, 0.5)
    assert torch.equal(selection, policy.mixture)
    step.supernet.train()
    counted = {n: b for n, b in step.supernet.named_buffers() if n.endswith("batches_tracked")}
    before = {name: value.clone() for name, value in counted.items()}
    found = policy.loss(step, selection)
    assert {int(value - before[name]) for name, value in counted.items()} == {2}, "not three times"

    def run(images: Tensor) -> Tensor:
        return step.supernet(images, selection)

    changed = misled(run, step.train, 8 / 255, np.random.default_rng(0))
    clean, wrong = (step.loss(each, selection) for each in (step.train, changed))
    assert wrong > clean, "they mislead"
    torch.testing.assert_close(found, (clean + wrong) / 2, rtol=1e-12, atol=0)


def test_robust_policies_refuse_what_has_no_pixels_or_no_size() -> None:
    step = cell_step()
    words = TextData(step.train.inputs, step.train.targets)
    policy = E2RNAS(OPTIONS, 10, 0).double()
    with pytest.raises(InputError, match="needs a task of images"):
        policy.loss(replace(step, train=words), [0] * 6)
    networks = networks_of(spaces.get("size"))
    supernet = networks.supernet(Signature((1, 8, 8), 3), Widths(unit=2)).double()
    policy = E2RNAS(networks.options, 10, 0).double()
    with pytest.raises(InputError, match="choose a space whose options are whole modules"):
        policy.learn(replace(step, supernet=supernet))


class Planted(Supernet):
    """Foretells the right class, the surer and the oftener the more of a selection is `good`.

    By training examples, which begin with a one, it is the other way round.
    """

    good = (1, 3, 0)

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(1.0))

    def forward(self, inputs: Tensor, selection: Selection) -> Tensor:
        if isinstance(selection, Tensor):
            share = torch.stack([selection[at, one] for at, one in enumerate(self.good)]).mean()
        else:
            right = [each == one for each, one in zip(selection, self.good, strict=True)]
            share = torch.tensor(right).float().mean()
        share = share if inputs.flatten()[0] == 0 else -share
        beyond = share - torch.linspace(0.1, 0.9, len(inputs))
        right = torch.stack([2.0 * beyond * self.sharpness, torch.zeros(len(inputs))], dim=1)
        return right[..., None].expand(-1, -1, inputs.shape[1]) if inputs.ndim == 3 else right

    def inherit(self, architecture: Architecture) -> nn.Module:
        raise NotImplementedError


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("name", ["darts", "darts-2", "gdas", "setn", "enas"])
def test_policies_come_to_like_what_validation_examples_say_is_good(name: str, text: bool) -> None:
    steps = 400
    policy = POLICIES[name](UNEQUAL, steps, 0)
    supernet, rng = Planted(), np.random.default_rng(0)
    parts = []
    for first in (1.0, 0.0):  # training, validation
        if text:
            inputs = torch.full((4, 3, 2), first)
            parts.append(TextData(inputs, torch.zeros(4, 3, dtype=torch.int64)))
        else:
            inputs = torch.full((4, 1, 2, 2), first)
            zeros = torch.zeros(4, dtype=torch.int64)
            parts.append(ImageData(inputs, zeros, torch.zeros(1), torch.ones(1)))
    optimizer = torch.optim.SGD(supernet.parameters(), 1e-6)
    for at in range(steps):
        policy.learn(Step(supernet, optimizer, *parts, at / steps, rng))
    liked = policy.best()
    assert liked is not None
    assert tuple(liked) == Planted.good
