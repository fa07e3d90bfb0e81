"""What networks of every space promise, also of one whose decisions have unequal options."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.core.registry import Entry
from archcast.making import samplers
from archcast.making.supernet_training import _Training, few_shot, trained_supernet
from archcast.networks import registry as networks
from archcast.networks.blueprint import Blueprint, Untrained, initialised, networks_of
from archcast.networks.networks import Networks, Options
from archcast.networks.recalibration import recalibrate
from archcast.networks.scales import Widths
from archcast.networks.supernet import Selection, Subnet, Supernet
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature
from archcast.testing.toys import TASK
from archcast.zero_cost import Batch, score

GRAPH = spaces.get("nasbench-graph")
FUNCTIONS = (nn.Identity, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.CELU, nn.SELU)


@dataclass(frozen=True)
class Width:
    width: int


def layer(option: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), FUNCTIONS[option]())


class Layered(nn.Module):
    """A linear layer for each decision, its activation being the option."""

    def __init__(self, layers: nn.ModuleList, signature: Signature, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Flatten(), nn.Linear(int(np.prod(signature.shape)), width), nn.ReLU()
        )
        self.layers = layers
        self.head = nn.Linear(width, signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        for each in self.layers:
            features = features + each(features)
        logits: Tensor = self.head(features)
        return logits


class LayeredSupernet(Layered, Supernet):
    def forward(self, images: Tensor, selection: Selection) -> Tensor:  # type: ignore[override]
        features = self.stem(images)
        for options, chosen in zip(self.layers, selection, strict=True):
            assert isinstance(options, nn.ModuleList)
            if isinstance(chosen, Tensor):
                assert not chosen[len(options) :].any(), "weights of options that are not there"
                pairs = zip(chosen, options, strict=False)
                features = features + sum(w * each(features) for w, each in pairs if w != 0)
            else:
                features = features + options[chosen](features)
        logits: Tensor = self.head(features)
        return logits

    def inherit(self, architecture: Architecture) -> nn.Module:
        heir = copy.deepcopy(self)
        heir.__class__ = Layered
        chosen = zip(heir.layers, architecture.choices, strict=True)
        heir.layers = nn.ModuleList(options[choice] for options, choice in chosen)  # type: ignore[index]
        return heir


class GraphNetworks(Networks[Width]):
    space = GRAPH
    scales: ClassVar = {"mini": Width(4), "official": Width(8)}
    signatures: ClassVar = {"toy": TASK.signature}
    split_decision = 2

    def build(self, architecture: Architecture, signature: Signature, scale: Width) -> nn.Module:
        layers = nn.ModuleList(layer(choice, scale.width) for choice in architecture.choices)
        return Layered(layers, signature, scale.width)

    def supernet(self, signature: Signature, scale: Width) -> LayeredSupernet:
        layers = nn.ModuleList(
            nn.ModuleList(layer(option, scale.width) for option in range(options))
            for options in self.options
        )
        return LayeredSupernet(layers, signature, scale.width)


NETWORKS = GraphNetworks()


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Entry(f"{__name__}:NETWORKS", "of this test")
    monkeypatch.setitem(networks.entries, "nasbench-graph", here)


WITH_NETWORKS = [*networks, "nasbench-graph"]
WITH_SUPERNET = [name for name in networks if networks.get(name).have_supernet] + ["nasbench-graph"]


TEXT = Signature((7, 5), 5)


def signature(found: Networks[Any]) -> Signature:
    """Small, and of what the networks take: images or sequences."""
    takes = next(iter(found.signatures.values())).shape
    return TASK.signature if len(takes) == len(TASK.signature.shape) else TEXT


def blueprint(space: str) -> Blueprint:
    found = networks_of(spaces.get(space))
    return Blueprint(found, found.scale("mini"), signature(found))


@pytest.mark.parametrize("space", WITH_NETWORKS)
def test_networks_keep_their_contract(space: str) -> None:
    found = networks_of(spaces.get(space))
    assert found.space.name == space
    assert {"mini", "official"} <= set(found.scales)
    assert len(found.options) > found.split_decision
    cells = found.space.sample(3, np.random.default_rng(0))
    given = signature(found)
    places = given.shape[:1] if given == TEXT else ()  # of a sequence, each has logits
    inputs = torch.randn(2, *given.shape)
    for name in found.scales:
        made = Blueprint(found, found.scale(name), given)
        assert made.network(cells[0])(inputs).shape == (2, given.classes, *places)
    one, two, other = (
        torch.cat([p.flatten() for p in Untrained(blueprint(space), seed)(cells[0]).parameters()])
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("space", WITH_SUPERNET)
def test_supernets_keep_their_contract(space: str) -> None:
    found = blueprint(space)
    supernet = initialised(found.supernet, "supernet", 0).eval()
    images = torch.randn(4, *found.signature.shape, generator=torch.Generator().manual_seed(0))
    options = found.networks.options
    for cell in found.networks.space.sample(4, np.random.default_rng(0)):
        heir = supernet.inherit(cell).eval()
        expected = heir(images)
        assert list(heir.state_dict()) == list(found.network(cell).state_dict())
        torch.testing.assert_close(supernet(images, cell.choices), expected)
        mixture = torch.zeros(len(options), max(options))
        mixture[range(len(options)), list(cell.choices)] = 1.0
        torch.testing.assert_close(supernet(images, mixture), expected)
        alike, calibration = copy.deepcopy(heir), [2 * images + 1, images]
        path = Subnet(copy.deepcopy(supernet), cell.choices)
        for network in (path, alike):
            recalibrate(network, calibration)
        torch.testing.assert_close(path(images), alike(images))
        with torch.no_grad():
            for parameter in heir.parameters():
                parameter.zero_()
        assert not torch.equal(supernet(images, cell.choices), heir(images)), "heirs are copies"


WITHOUT_SIZES = {"nasbench101", "size", "darts-rnn", "nasbench-graph"}


@pytest.mark.parametrize("space", WITH_SUPERNET)
def test_sizes_of_mixtures_are_means_of_those_of_networks(space: str) -> None:
    """Of one path, and of two options in each of some decisions, by all networks of these."""
    found = blueprint(space)
    supernet, options = found.supernet(), found.networks.options
    rng = np.random.default_rng(0)
    one, other = (cell.choices for cell in found.networks.space.sample(2, rng))
    mixture = torch.zeros(len(options), max(options), dtype=torch.float64)
    mixture[range(len(options)), list(one)] = 1.0
    if space in WITHOUT_SIZES:
        with pytest.raises(InputError, match="choose a space whose options are whole modules"):
            supernet.size(mixture)
        return
    of = found.networks.space

    def size(path: Sequence[int]) -> int:
        heir = supernet.inherit(Architecture(of, tuple(path)))
        return sum(each.numel() for each in heir.parameters())

    assert supernet.size(mixture).item() == size(one)
    for start in range(0, len(options), 4):  # four neighbours: in DARTS, all of a node
        mixed = mixture.clone()
        places = range(start, min(start + 4, len(options)))
        share = rng.random()
        expected = 0.0
        for place in places:
            mixed[place, one[place]] -= share
            mixed[place, other[place]] += share
        for taken in product((False, True), repeat=len(places)):
            path, chance = list(one), 1.0
            for place, is_other in zip(places, taken, strict=True):
                path[place] = other[place] if is_other else one[place]
                chance *= share if is_other else 1 - share
            expected += chance * size(path)
        assert supernet.size(mixed).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("space", WITH_NETWORKS)
def test_devices_agree(space: str) -> None:
    found = blueprint(space)
    [cell] = found.networks.space.sample(1, np.random.default_rng(0))
    network = found.network(cell).double().eval()
    inputs = torch.randn(2, *found.signature.shape, dtype=torch.float64)
    here = network(inputs)
    torch.testing.assert_close(network.cuda()(inputs.cuda()).cpu(), here)
    if space not in WITH_SUPERNET:
        return
    supernet = found.supernet().double().eval()
    most = max(found.networks.options)
    mixture = torch.zeros(len(found.networks.options), most, dtype=torch.float64)
    for decision, options in enumerate(found.networks.options):
        mixture[decision, :options] = 1 / options
    paths = [supernet(inputs, each) for each in (cell.choices, mixture)]
    supernet.cuda()
    for chosen, expected in zip((cell.choices, mixture.cuda()), paths, strict=True):
        torch.testing.assert_close(supernet(inputs.cuda(), chosen).cpu(), expected)
    heir = supernet.inherit(cell).eval()
    torch.testing.assert_close(heir(inputs.cuda()).cpu(), paths[0])


def test_narrow_networks_take_the_first_channels() -> None:
    """Also of the official cells, whose skips have weights only where the width changes."""
    found = networks_of(spaces.get("size"))
    supernet = found.supernet(TASK.signature, Widths(unit=2)).eval()
    images = torch.randn(2, *TASK.signature.shape)
    for text in ("64:64:64:64:64", "8:16:16:16:40"):
        cell = found.space.parse(text)
        heir = supernet.inherit(cell).eval()
        torch.testing.assert_close(supernet(images, cell.choices), heir(images))
        stem, own = heir.stem[0].weight, supernet.widest.stem[0].weight
        assert torch.equal(stem, own[: len(stem)])
    supernet.train()(images, found.space.parse("8:8:8:8:8").choices).sum().backward()
    seen, unseen = supernet.widest.stem[1].running_mean.split([2, 14])
    assert seen.any(), "statistics are the supernet's own"
    assert not unseen.any()
    assert not supernet.widest.classifier.weight.grad[:, 2:].any()
    half = torch.zeros(5, 8)
    half[:, [0, 2]] = 0.5
    weights = half.flip(1).cumsum(1).flip(1)[0]
    assert weights.tolist() == [1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]
    supernet.eval()
    one, three = (supernet(images, [choice] * 5) for choice in (0, 2))
    between = supernet(images, half)
    assert not torch.allclose(between, one)
    assert not torch.allclose(between, three)


def test_vertices_share_the_first_channels() -> None:
    """Of cells of vertices also those without any path, and mixtures without any operation."""
    found = blueprint("nasbench101")
    supernet = initialised(found.supernet, "supernet", 0).eval()
    images = torch.randn(2, *found.signature.shape)
    space = found.networks.space
    one = space.parse("0100001000010000:input,conv1x1-bn-relu,maxpool3x3,output")
    wide = supernet.inherit(one).stacks[0].operations[0][0].weight
    own = supernet.whole.stacks[0].operations[0][1][0].weight
    assert torch.equal(wide, own)
    two = space.parse("0110000100010000:input,conv1x1-bn-relu,maxpool3x3,output")
    half = supernet.inherit(two).stacks[0].operations[0][0].weight
    assert torch.equal(half, own[: len(half), : len(half)])
    assert len(half) == len(own) // 2
    nothing = [0] * len(found.networks.options)
    torch.testing.assert_close(*(supernet(images, nothing)))
    mixture = torch.full((len(found.networks.options), 3), 1 / 3)
    mixture[:21] = 0.5
    whole = supernet(images, mixture)
    assert whole.isfinite().all()
    mixture[21:] = 0.0
    assert not torch.allclose(supernet(images, mixture), whole)


def test_paths_are_drawn_as_architectures_are() -> None:
    space = spaces.get("nasbench101")
    paths = networks_of(space).options.paths(200, np.random.default_rng(0))
    cells = [Architecture(space, tuple(path)) for path in paths.tolist()]
    assert all(space.is_valid(each.choices) for each in cells)
    assert all(space.canonical(each) == each for each in cells)
    assert paths[:, :21].sum(axis=1).mean() > 8, "most cells have nine edges"


def test_samplers_heed_how_many_options_there_are() -> None:
    options, rng = Options((2, 5, 3)), np.random.default_rng(0)
    allowed = torch.arange(5) < torch.tensor(options)[:, None]
    for _ in range(50):
        [weights] = samplers.mixture(options, rng, [])
        assert isinstance(weights, Tensor)
        assert weights.shape == (3, 5)
        assert not weights[~allowed].any()
        total = weights.sum(dim=1)
        assert torch.logical_or(total == 0, (total - 1).abs() < 1e-6).all()
    paths = np.array(samplers.fair(options, rng, []))
    assert paths.shape == (5, 3)
    for column, most in zip(paths.T, options, strict=True):
        counts = np.bincount(column, minlength=most)
        assert len(counts) == most
        assert counts.max() - counts.min() <= 1, "as evenly as can be"
    often = np.concatenate([samplers.fair(options, rng, []) for _ in range(400)])
    for column, most in zip(often.T, options, strict=True):
        share = np.bincount(column) / len(column)
        np.testing.assert_allclose(share, 1 / most, atol=0.04, err_msg="none has the surplus")
    for sampler in (samplers.uniform, samplers.novel, samplers.climbed):
        archive: samplers.Archive = []
        seen = np.array([sampler(options, rng, archive)[0] for _ in range(200)])
        assert [len(set(column)) for column in seen.T] == [2, 5, 3]
        assert (seen < options).all()


@pytest.mark.parametrize("name", ["oneshot", "rsws", "fairnas", "novelty", "few-shot"])
def test_supernets_of_another_space_train_and_score(name: str) -> None:
    context = Context(networks=blueprint("nasbench-graph"), task=TASK)
    predictor = predictors.get(name)(epochs=10).fit([], [], context)
    cells = GRAPH.sample(6, np.random.default_rng(0))
    scores = predictor.query(cells, context)
    assert (scores < 0).all(), "minus a loss"
    if name == "few-shot":
        assert len(predictor.supernets_) == 9, "one an option of the decision that is split on"


def test_the_split_decision_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(few_shot(20, seed=0, parts=9)[7], epochs=3)
    training = _Training(plan, blueprint("nasbench-graph"), TASK, "cpu", tmp_path)
    paths: list[Any] = []
    run = LayeredSupernet.forward

    def followed(network: LayeredSupernet, images: Tensor, path: Selection) -> Tensor:
        if network is training.supernet:
            paths.append(path)
        return run(network, images, path)

    trained_supernet(plan.start, blueprint("nasbench-graph"), TASK, "cpu", tmp_path)
    monkeypatch.setattr(LayeredSupernet, "forward", followed)
    list(training.epochs())
    assert {path[2] for path in paths} == {7}
    assert len({path[1] for path in paths}) > 1


def test_proxies_look_at_networks_of_another_space() -> None:
    cells = GRAPH.sample(3, np.random.default_rng(0))
    batch = Batch(torch.randn(4, *TASK.signature.shape), torch.arange(4))
    found = score(cells, ["params", "snip"], batch, scale="mini", classes=4, device="cpu")
    assert found.values["params"].tolist() == [196 * 4 + 4 + 5 * (4 * 4 + 4) + 4 * 4 + 4] * 3
    assert len(set(found.values["snip"])) == 3
    context = Context(build=Untrained(blueprint("nasbench-graph")), noise=batch)
    predictor = predictors.get("l2-norm")().fit([], [], context)
    scores = [predictor.query([cell], context)[0] for cell in cells]
    np.testing.assert_array_equal(predictor.query(cells, context), scores)


def test_plans_are_of_the_space() -> None:
    plans = predictors.get("few-shot")(epochs=20).plans(NETWORKS)
    assert [plan.split for plan in plans] == list(range(9))
