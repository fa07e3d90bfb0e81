"""Each proxy against its formula, written down slowly and without the package's own passes."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archcast.core.errors import InputError
from archcast.networks.blueprint import networks_of
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import MINI, OFFICIAL
from archcast.networks.scales import Skeleton
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature
from archcast.zero_cost import Batch, az_nas
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.az_nas import blocks_of
from archcast.zero_cost.combination import Combination
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy

SPACE = spaces.get("nasbench201")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
TINY = Skeleton(channels=2, cells=1, stem_stride=2, reduction="pool")
GREY = Signature((1, 14, 14), 3)
CELL = Architecture(SPACE, (CONV3, NONE, NONE, SKIP, CONV1, POOL))
DEAD = Architecture(SPACE, (NONE,) * 6)
SINGLE = [name for name in proxies if isinstance(proxies.get(name), Proxy)]


@pytest.fixture(autouse=True)
def _seeded_globally() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def of(name: str) -> Proxy:
    found = proxies.get(name)
    assert isinstance(found, Proxy)
    return found


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def batch(*shape: int, seed: int = 0, classes: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(shape, generator=generator)
    return Batch(images, torch.arange(shape[0]) % classes)


IMAGES = batch(6, 1, 14, 14)
VECTORS = batch(6, 4)


def cell(architecture: Architecture = CELL) -> nn.Module:
    return seeded(lambda: Network(architecture, GREY, TINY))


def two_layers() -> nn.Sequential:
    return seeded(lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)))  # type: ignore[return-value]


def convolutions() -> nn.Module:
    """No batch norm: an image's outcome is its own."""
    return seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.ReLU(),
            nn.Flatten(), nn.Linear(64, 3),
        )
    )  # fmt: skip


def separable() -> nn.Module:
    """Depthwise, grouped and biased convolutions, batch norm here and there."""
    return seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 8, 3, groups=4), nn.ReLU(), nn.Conv2d(8, 6, 1, groups=2, bias=False),
            nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3),
        )
    )  # fmt: skip


def residual(architecture: Architecture = CELL) -> nn.Module:
    """The official skeleton with fewer cells and channels."""
    skeleton = Skeleton(channels=2, cells=1)
    return seeded(lambda: Network(architecture, GREY, skeleton))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "no batch norm": convolutions,
    "grouped convolutions": separable,
    "official skeleton": residual,
    "dead branch": lambda: residual(Architecture(SPACE, (CONV3, NONE, NONE, CONV1, NONE, POOL))),
    "dead cell": lambda: residual(DEAD),
}
every_network = pytest.mark.parametrize("kind", NETWORKS)


def exact(kind: str) -> tuple[nn.Module, Batch]:
    """A network and images in double precision."""
    return NETWORKS[kind]().double(), Batch(IMAGES.images.double(), IMAGES.labels)


def layers_of(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def weight_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[np.ndarray]:
    """Of the loss, a layer each, zero where it does not depend on the weights."""
    network.zero_grad()
    nn.functional.cross_entropy(network(images), labels).backward()
    weights = [layer.weight for layer in layers_of(network)]
    return [(w.grad if w.grad is not None else 0 * w).detach().numpy().copy() for w in weights]


class Residual(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = nn.Sequential(
            nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.downsample(x)
        return self.relu(y)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """As users have them: in-place ReLUs that are called twice, stages in Sequentials."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(Residual(4, 4, 1), Residual(4, 4, 1))
        self.layer2 = nn.Sequential(Residual(4, 8, 2), Residual(8, 8, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x)))))
        return self.fc(self.dropout(self.avgpool(x).flatten(1)))  # type: ignore[no-any-return]


def test_size() -> None:
    for choices in ((CONV3, CONV1), (CONV3, CONV3), (SKIP, CONV1)):
        architecture = Architecture(SPACE, (*choices, NONE, POOL, NONE, SKIP))
        network = Network(architecture, Signature((3, 4, 4), 10), OFFICIAL)
        conv3, conv1 = choices.count(CONV3), choices.count(CONV1)
        images = Batch(torch.randn(1, 3, 4, 4))
        millions = of("params")(network, images) / 1e6
        assert millions == pytest.approx(0.073306 + 0.24304 * conv3 + 0.028 * conv1, abs=1e-9)
        assert of("layers")(network, images) == 1 + 2 * 3 + 15 * (conv3 + conv1) + 1
    network = two_layers()
    assert of("flops")(network, VECTORS) == 4 * 5 + 5 * 3
    norms = [
        np.sqrt((w.detach().numpy() ** 2).sum()) for w in (network[0].weight, network[2].weight)
    ]
    assert of("l2-norm")(network, VECTORS) == pytest.approx(sum(norms))


@every_network
def test_layers_and_their_norms(kind: str) -> None:
    network, given = exact(kind)
    weights = [layer.weight.detach().numpy() for layer in layers_of(network)]
    assert of("layers")(network, given) == len(weights)
    expected = sum(math.sqrt((w**2).sum()) for w in weights)
    assert of("l2-norm")(network, given) == pytest.approx(expected, rel=1e-12)


def test_flops_of_grouped_convolutions() -> None:
    """Per output value, the inputs of its group; depthwise, one channel."""
    expected = 4 * 6 * 6 * 9 + 8 * 4 * 4 * 9 + 6 * 4 * 4 * 4 + 96 * 3
    assert of("flops")(separable(), IMAGES) == expected


def test_saliency_by_hand() -> None:
    """Backpropagation through two layers, in NumPy."""
    network = two_layers()
    w1, b1, w2, b2 = (p.detach().double().numpy() for p in network.parameters())
    x, y = VECTORS.images.double().numpy(), np.eye(3)[VECTORS.labels]  # type: ignore[index]
    h = x @ w1.T + b1
    z = h.clip(min=0) @ w2.T + b2
    dz = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - y) / len(x)
    dh = dz @ w2 * (h > 0)
    g1, g2 = dh.T @ x, dz.T @ h.clip(min=0)
    expected = {
        "grad-norm": np.linalg.norm(g1) + np.linalg.norm(g2),
        "snip": np.abs(w1 * g1).sum() + np.abs(w2 * g2).sum(),
        "plain": (w1 * g1).sum() + (w2 * g2).sum(),
        "fisher": (4 * ((h * dh) ** 2).mean(axis=0).sum() + 5 * ((z * dz) ** 2).mean(axis=0).sum())
        / 2,
    }
    for name, value in expected.items():
        assert of(name)(network, VECTORS) == pytest.approx(value, rel=1e-4), name


@every_network
def test_saliency_by_a_plain_backward_pass(kind: str) -> None:
    network, given = exact(kind)
    assert given.labels is not None
    weights = [layer.weight.detach().numpy() for layer in layers_of(network)]
    gradients = weight_gradients(copy.deepcopy(network), given.images, given.labels)
    products = [w * g for w, g in zip(weights, gradients, strict=True)]
    expected = {
        "grad-norm": sum(np.linalg.norm(g) for g in gradients),
        "snip": sum(np.abs(p).sum() for p in products),
        "plain": sum(p.sum() for p in products),
    }
    for name, value in expected.items():
        assert of(name)(network, given) == pytest.approx(value, rel=1e-9, abs=1e-15), name


@every_network
def test_fisher_by_gates(kind: str) -> None:
    """A gate on each map of each image; a channel counts once, or once for each of its weights."""
    network, given = exact(kind)
    gates: list[tuple[nn.Module, Tensor]] = []

    def gate(module: nn.Module, _: Any, output: Tensor) -> Tensor:
        gates.append(
            (module, torch.ones_like(output.flatten(2).sum(2) if output.ndim > 2 else output))
        )
        gates[-1][1].requires_grad_(True)
        return output * gates[-1][1].reshape(*output.shape[:2], *(1,) * (output.ndim - 2))

    gated = copy.deepcopy(network)
    for layer in layers_of(gated):
        layer.register_forward_hook(gate)
    nn.functional.cross_entropy(gated(given.images), given.labels).backward()  # type: ignore[arg-type]
    by_weight = by_channel = 0.0
    for layer, opened in gates:
        if opened.grad is not None:
            information = (opened.grad**2).mean(dim=0).sum().item() / 2
            by_channel += information
            by_weight += layer.weight[0].numel() * information  # type: ignore[index]
    assert of("fisher")(network, given) == pytest.approx(by_weight, rel=1e-9)
    assert of("fisher-channels")(network, given) == pytest.approx(by_channel, rel=1e-9)


@pytest.mark.parametrize("name", ["fisher", "jacov", "meco"])
def test_in_place_units_are_as_good_as_others(name: str) -> None:
    expected = of(name)(convolutions(), IMAGES)
    network = convolutions()
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    assert of(name)(network, IMAGES) == expected


def scaled_loss(network: nn.Module, given: Batch, scale: float) -> float:
    """The loss with all convolutions and linear layers scaled, biases and batch norm not."""
    weights = {
        f"{name}.weight": module.weight.detach() * scale
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    logits = torch.func.functional_call(network, weights, given.images)
    return nn.functional.cross_entropy(logits, given.labels).item()


def test_plain_by_finite_differences() -> None:
    """Weight x gradient is the slope of the loss along the weights."""
    network, images = cell().double(), Batch(IMAGES.images.double(), IMAGES.labels)
    slope = (scaled_loss(network, images, 1 + 1e-6) - scaled_loss(network, images, 1 - 1e-6)) / 2e-6
    assert of("plain")(network, images) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(("precision", "rel"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
@every_network
def test_grasp_by_the_hessian(kind: str, precision: torch.dtype, rel: float) -> None:
    network, given = exact(kind)
    names = [f"{n}.weight" for n, m in network.named_modules() if m in layers_of(network)]
    weights = tuple(network.get_parameter(name).detach() for name in names)

    def loss(*values: Tensor) -> Tensor:
        changed = dict(zip(names, values, strict=True))
        logits = torch.func.functional_call(network, changed, given.images)
        return nn.functional.cross_entropy(logits, given.labels)  # type: ignore[arg-type]

    gradient = torch.autograd.functional.jacobian(loss, weights)
    _, products = torch.autograd.functional.hvp(loss, weights, gradient)
    expected = -sum((w * p).sum().item() for w, p in zip(weights, products, strict=True))
    network, images = network.to(precision), Batch(given.images.to(precision), given.labels)
    assert of("grasp")(network, images) == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize(
    "name", ["grad-norm", "snip", "fisher", "grasp", "gradsign", "ntk", "zico"]
)
def test_strided_pointwise_convolutions(name: str) -> None:
    """Their gradient in single precision is what it is in double, whatever the memory layout."""
    network = seeded(ResNet)
    network.dropout = nn.Identity()  # type: ignore[assignment]
    single = of(name)(network, IMAGES)
    double = of(name)(network.double(), Batch(IMAGES.images.double(), IMAGES.labels))
    assert single == pytest.approx(double, rel=1e-2)


def test_grasp_needs_second_derivatives() -> None:
    class Distances(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, torch.eye(3), p=1.0)

    network = seeded(lambda: nn.Sequential(nn.Linear(4, 3), Distances()))
    with pytest.raises(InputError, match="proxy grasp: an operation of the network has no second"):
        of("grasp")(network, VECTORS)


def test_grasp_through_batch_norm() -> None:
    """What batch norm rescales has gradients that shrink as its weights grow: H w = -g."""
    network = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3, eps=1e-12),
            nn.Flatten(), Frozen(432, 3),
        ).double()
    )  # fmt: skip
    images = Batch(IMAGES.images.double(), IMAGES.labels)
    gradient = of("grad-norm")(network, images)
    assert of("grasp")(network, images) == pytest.approx(gradient**2, rel=1e-6)


class Frozen(nn.Module):
    """A linear layer that no proxy counts as one."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.randn(c_in, c_out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix  # type: ignore[no-any-return, operator]


def test_synflow_is_conserved_from_layer_to_layer() -> None:
    """Without biases each layer of a chain carries the whole flow R; batch norm is left out."""
    norm = nn.BatchNorm1d(5)
    norm.weight.data.fill_(3.0)
    layers = [nn.Linear(4, 5, bias=False), norm, nn.ReLU(), nn.Linear(5, 6, bias=False)]
    network = seeded(lambda: nn.Sequential(*layers, nn.ReLU(), nn.Linear(6, 3, bias=False)))
    matrices = [np.abs(p.detach().double().numpy()) for p in network.parameters() if p.ndim == 2]
    flow = (matrices[2] @ matrices[1] @ matrices[0]).sum()
    assert of("synflow")(network, VECTORS) == pytest.approx(3 * flow, rel=1e-6)


@every_network
def test_synflow_by_finite_differences(kind: str) -> None:
    """How the output of the positive network grows with all weights of its layers."""
    network, given = exact(kind)
    positive = copy.deepcopy(network)
    for module in positive.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]

    def flow(scale: float) -> float:
        weights = {id(layer.weight) for layer in layers_of(positive)}
        scaled = {
            name: parameter.abs() * (scale if id(parameter) in weights else 1.0)
            for name, parameter in positive.named_parameters()
        }
        ones = torch.ones_like(given.images[:1])
        output: Tensor = torch.func.functional_call(positive, scaled, ones)
        return output.sum().item()

    slope = (flow(1 + 1e-5) - flow(1 - 1e-5)) / 2e-5
    assert of("synflow")(network, given) == pytest.approx(slope, rel=1e-7, abs=1e-9)


def test_synflow_of_a_cell() -> None:
    """Each path from input to output adds its flow once a convolution on it."""
    both = [NONE] * 6
    both[EDGE_0_3] = CONV3
    one = of("synflow")(cell(Architecture(SPACE, tuple(both))), IMAGES)
    both[EDGE_0_3] = SKIP
    skip = of("synflow")(cell(Architecture(SPACE, tuple(both))), IMAGES)
    assert one > skip > 0


EDGE_0_3 = 3


CAPPED: dict[str, Callable[[], nn.Module]] = {
    "module": nn.ReLU6,
    "hardtanh": lambda: nn.Hardtanh(0.0, 6.0),
    "relu6": lambda: Applied(nn.functional.relu6),
    "in place": lambda: Applied(lambda x: nn.functional.relu6(x, inplace=True)),
    "clamp": lambda: Applied(lambda x: x.clamp(0, 6)),
    "clip": lambda: Applied(lambda x: torch.clip(x, min=0.0, max=6.0)),
    "clamp_": lambda: Applied(lambda x: x.clamp_(0.0, max=6.0)),
}


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def inverted(activation: Callable[[], nn.Module], size: float = 1.0) -> nn.Module:
    """Wide inverted residuals, whose signals leave six far behind."""

    def build() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), activation()]
        for _ in range(3):
            layers += (nn.Conv2d(8, 32, 1, bias=False), nn.BatchNorm2d(32), activation())
            layers += (nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False), activation())
            layers += (nn.Conv2d(32, 8, 1, bias=False), nn.BatchNorm2d(8))
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
        with torch.no_grad():
            network[0].weight.mul_(size)
        return network

    return seeded(build)


@pytest.mark.parametrize("kind", CAPPED)
def test_synflow_has_no_upper_end(kind: str) -> None:
    """Weights before a ReLU6 count as those before a ReLU."""
    for size in (1.0, 100.0):
        expected = of("synflow")(inverted(nn.ReLU, size), IMAGES)
        assert of("synflow")(inverted(CAPPED[kind], size), IMAGES) == pytest.approx(expected)


def test_synflow_of_hard_sigmoids() -> None:
    """A gate by hand is one of the library: a share, and no factor without end."""
    by_hand = of("synflow")(
        inverted(lambda: Applied(lambda x: x * nn.functional.relu6(x + 3.0) / 6.0)), IMAGES
    )
    assert by_hand == pytest.approx(of("synflow")(inverted(nn.Hardswish), IMAGES))


def test_synflow_beyond_single_precision() -> None:
    def chain(size: float) -> nn.Module:
        layers = [nn.Linear(4, 4, bias=False) for _ in range(20)]
        for layer in layers:
            layer.weight.data.fill_(size)
        return nn.Sequential(*layers)

    assert of("synflow")(chain(250.0), VECTORS) == pytest.approx(20 * 16 * 4**19 * 250.0**20)
    with pytest.raises(InputError, match="proxy synflow: the network overflows"):
        of("synflow")(chain(1e17), VECTORS)


def correlations(network: nn.Module, images: Tensor) -> Callable[[Any], np.ndarray]:
    """Those between selected rows of the Jacobian, 1 for rows that do not vary."""
    leaf = images.clone().requires_grad_(True)
    outputs = network(leaf).sum()
    if outputs.requires_grad:
        outputs.backward()
    rows = np.zeros((len(images), 1)) if leaf.grad is None else leaf.grad.flatten(1).numpy()

    def of_rows(selected: Any) -> np.ndarray:
        if not rows[selected].any():
            return np.ones((len(rows[selected]),) * 2)
        return np.corrcoef(rows[selected])

    return of_rows


@every_network
def test_jacov(kind: str) -> None:
    network, given = exact(kind)
    table = correlations(copy.deepcopy(network), given.images)(slice(None))
    values = np.linalg.eigvalsh(table)
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)
    assert of("jacov")(network, given) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("classes", [10, 100, 101])
def test_epe_nas_class_by_class(classes: int) -> None:
    """A class with one image adds log(1), and is none of those that are compared."""
    network = seeded(lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, classes)))
    given = Batch(batch(9, 4).images, torch.tensor([7, 0, 0, 2, 2, 2, 0, 5, 5]))
    table = correlations(copy.deepcopy(network), given.images)
    sums = {}
    for label in (0, 2, 5):
        found = table(given.labels == label)
        sums[label] = sum(math.log(abs(c) + 1e-5) for c in found.flatten())
    if classes <= 100:
        expected = sum(map(abs, sums.values()))
    else:
        means = {label: total / given.labels.tolist().count(label) for label, total in sums.items()}  # type: ignore[union-attr]
        expected = sum(abs(means[a] - means[b]) for a in means for b in means) / 3
    assert of("epe-nas")(network, given) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(InputError, match="give at least two of one"):
        of("epe-nas")(network, Batch(given.images, torch.arange(9)))


@every_network
def test_epe_nas_in_every_network(kind: str) -> None:
    network, given = exact(kind)
    table = correlations(copy.deepcopy(network), given.images)
    expected = sum(abs(np.log(np.abs(table(given.labels == c)) + 1e-5).sum()) for c in range(3))
    assert of("epe-nas")(network, given) == pytest.approx(expected, rel=1e-6)


def codes(network: nn.Module, images: Tensor) -> np.ndarray:
    """Which ReLU units of `convolutions` each image activates, of shape (n, units)."""
    first = network[0](images)  # type: ignore[index]
    second = network[2](first.clip(min=0))  # type: ignore[index]
    return np.concatenate([(m.detach() > 0).flatten(1).numpy() for m in (first, second)], axis=1)


def rectified(network: nn.Module, images: Tensor) -> list[np.ndarray]:
    """What each ReLU lets pass, of shape (n, units), those of dead branches too."""
    found: list[np.ndarray] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(
                lambda _, given, __: found.append((given[0] > 0).flatten(1).double().numpy())
            )
    network(images)
    return found


def test_nwot_by_hamming_distances() -> None:
    network = convolutions()
    bits = codes(network, IMAGES.images)
    kernel = [[bits.shape[1] - (a != b).sum() for b in bits] for a in bits]
    assert of("nwot")(network, IMAGES) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-6)


@every_network
def test_nwot_adds_a_kernel_for_each_relu(kind: str) -> None:
    network, given = exact(kind)
    passed = rectified(copy.deepcopy(network), given.images)
    kernel = sum(x @ x.T + (1 - x) @ (1 - x).T for x in passed)
    sign, expected = np.linalg.slogdet(kernel)
    if sign == 0:
        assert kind == "dead cell"
        assert of("nwot")(network, given) < 0
    else:
        assert of("nwot")(network, given) == pytest.approx(expected, rel=1e-9)


@every_network
def test_swap_in_every_network(kind: str) -> None:
    network, given = exact(kind)
    patterns = np.concatenate(rectified(copy.deepcopy(network), given.images), axis=1).T
    assert of("swap")(network, given) == len(np.unique(patterns, axis=0))


@pytest.mark.parametrize("size", [6, 40, 70])
def test_swap_by_a_set_of_patterns(size: int) -> None:
    """More images than the bits of a word, too."""
    given = batch(size, 1, 14, 14)
    given.images[3:] = given.images[:-3].clone()  # so that patterns recur
    expected = len({tuple(unit) for unit in codes(convolutions(), given.images).T})
    assert of("swap")(convolutions(), given) == expected


@pytest.mark.parametrize("kind", ["official skeleton", "dead branch", "dead cell"])
def test_linear_regions_point_by_point(kind: str) -> None:
    network, given = exact(kind)
    start, end = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    steps = torch.arange(4096).double()[:, None, None, None] / 4095
    passed = np.concatenate(
        rectified(copy.deepcopy(network), start + steps * (end - start)), axis=1
    )
    expected = 1 + (passed[1:] != passed[:-1]).any(axis=1).sum()
    assert of("linear-regions")(network, given) == pytest.approx(expected, abs=2)


def test_linear_regions_of_single_units() -> None:
    """Without biases a unit divides a line where the signs at its ends differ, and only then."""
    layer = nn.Conv2d(1, 8, 3, bias=False)
    network = nn.Sequential(Spy(), layer, nn.ReLU(), nn.Flatten(), Frozen(8, 3))
    SEEN.clear()
    regions = of("linear-regions")(network, IMAGES)
    ends = layer(SEEN[0][[0, -1]]).flatten(1) > 0
    assert regions == 1 + (ends[0] != ends[1]).sum() > 2
    layer.weight.data[1:] = 2.0 * layer.weight.data[:1]
    assert of("linear-regions")(network, IMAGES) == 1 + (ends[0] != ends[1])[0].item()


@every_network
def test_ntk_image_by_image(kind: str) -> None:
    """Each image's logits differentiated in one pass of all, biases left out."""
    network, given = exact(kind)
    slow = copy.deepcopy(network)
    logits = slow(given.images)
    rows = []
    for image in logits:
        slow.zero_grad()
        image.sum().backward(retain_graph=True)
        named = [(n, p) for n, p in slow.named_parameters() if n.endswith("weight")]
        rows.append(
            np.concatenate(
                [(p.grad if p.grad is not None else 0 * p).detach().flatten() for _, p in named]
            )
        )
    kernel = np.array([[a @ b for b in rows] for a in rows])
    value = of("ntk")(network, given)
    if kind == "dead cell":
        assert value < -1e14
    else:
        assert value == pytest.approx(-np.linalg.cond(kernel), rel=1e-6)


@every_network
def test_gradsign_image_by_image(kind: str) -> None:
    network, given = exact(kind)
    slow = copy.deepcopy(network)
    pairs = zip(given.images, given.labels, strict=True)  # type: ignore[arg-type]
    signs = sum(
        np.concatenate([np.sign(g).flatten() for g in weight_gradients(slow, x[None], y[None])])
        for x, y in pairs
    )
    assert of("gradsign")(network, given) == np.abs(signs).sum()


@pytest.mark.parametrize("name", ["gradsign", "meco"])
def test_batch_norm_needs_more_than_one_value(name: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(196, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    with pytest.raises(InputError, match=f"proxy {name}: batch norm sees one value a channel"):
        of(name)(network, IMAGES)


@every_network
def test_zico_weight_by_weight(kind: str) -> None:
    network, given = exact(kind)
    slow = copy.deepcopy(network)
    halves = [
        weight_gradients(slow, given.images[part], given.labels[part])  # type: ignore[index]
        for part in (slice(0, 3), slice(3, 6))
    ]
    expected = 0.0
    for first, second in zip(*halves, strict=True):
        pairs = [(a, b) for a, b in zip(first.flatten(), second.flatten(), strict=True) if a != b]
        total = sum(np.mean(np.abs(pair)) / np.std(pair) for pair in pairs)
        expected += math.log(total) if total else 0.0
    assert of("zico")(network, given) == pytest.approx(expected, rel=1e-6)


def test_zico_needs_two_images() -> None:
    with pytest.raises(InputError, match="at least two images"):
        of("zico")(two_layers(), batch(1, 4))


SEEN: list[Tensor] = []


class Spy(nn.Module):
    """Shows what went through it, even through a copy of it."""

    def forward(self, x: Tensor) -> Tensor:
        SEEN.append(x.detach().clone())
        return x


def spied(*layers: nn.Module) -> nn.Module:
    SEEN.clear()
    return nn.Sequential(Spy(), *layers, nn.Flatten(), Frozen(144 * layers[0].out_channels, 3))  # type: ignore[operator]


def test_zen_by_its_features() -> None:
    network = spied(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), Spy())
    value = of("zen")(network, IMAGES)
    before, features, after, moved = SEEN[-4:]
    assert (after - before).std().item() == pytest.approx(0.01, rel=0.1)
    images = torch.nn.functional.unfold(before, 3).transpose(1, 2).flatten(0, 1)
    kernel = torch.linalg.lstsq(images, features.movedim(1, -1).flatten(0, 2)).solution
    move = (moved - features).abs().sum(dim=(1, 2, 3)).mean().item()
    assert kernel.shape == (9, 2)
    assert value - math.log(move) == pytest.approx(0.5 * math.log(0.81 + 0.19 * 9), abs=0.2), (
        "a variance of 1 moves twice towards that of nine N(0, 1) inputs"
    )


@every_network
def test_zen_with_running_statistics(kind: str) -> None:
    network, given = exact(kind)
    slow = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    for layer in layers_of(slow):
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator).double()
        if layer.bias is not None:
            layer.bias.data.zero_()
    first, second = (
        torch.randn(given.images.shape, generator=torch.Generator().manual_seed(stream)).double()
        for stream in (0, 1)
    )
    maps: list[Tensor] = []
    for module in slow.modules():
        module.register_forward_hook(
            lambda m, _, y: maps.append(y) if y.ndim == 4 and not list(m.children()) else None
        )
    slow(first)
    before = maps[-1]
    slow(first + 0.01 * second)
    expected = (maps[-1] - before).abs().sum(dim=(1, 2, 3)).mean().clamp(min=1e-30).log().item()
    for module in slow.modules():
        if isinstance(module, nn.BatchNorm2d):
            expected += module.running_var.mean().sqrt().log().item()  # type: ignore[union-attr]
    assert of("zen")(network, given) == pytest.approx(expected, rel=1e-9)


def written(left: Tensor, right: Tensor) -> Tensor:
    maps = torch.zeros(len(left), 8, *left.shape[2:])
    maps[:, :4], maps[:, 4:] = left, right
    return maps


ENDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": lambda a, b: a + b,
    "in place": lambda a, b: b.add_(a),
    "concatenation": lambda a, b: torch.cat([a, b], dim=1),
    "written": written,
    "weighed": lambda a, b: functional.dropout(torch.stack([a, b]).sum(0), 0.0),
    "earlier": lambda a, b: a,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("pool", ["mean", "module", "flat"])
def test_zen_looks_at_what_is_pooled(end: str, pool: str) -> None:
    """Whatever made it; and not at a branch that leads nowhere."""
    seen: list[Tensor] = []

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            channels = IMAGES.images.shape[1]
            self.first, self.second = nn.Conv2d(channels, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
            self.dead, self.pool = nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1)
            self.head = nn.LazyLinear(3)

        def forward(self, x: Tensor) -> Tensor:
            first = self.first(x)
            second = self.second(first)
            last = ENDS[end](first, second)
            seen.append(last.clone())
            self.dead(second)
            pooled = {
                "mean": lambda: last.mean((2, 3)),
                "module": lambda: self.pool(last)[..., 0, 0],
                "flat": lambda: last.flatten(2).mean(2),
            }
            found: Tensor = self.head(pooled[pool]())
            return found

    network = Network()
    network(IMAGES.images)
    value = of("zen")(network, IMAGES)
    moved = (seen[-1] - seen[-2]).abs().sum(dim=(1, 2, 3)).mean()
    assert value == pytest.approx(moved.log().item(), rel=1e-6)


def test_zen_of_batch_norm_that_tracks_nothing() -> None:
    """Statistics that a network has gathered before, or does not gather, change no score."""
    expected = of("zen")(separable(), IMAGES)
    seen, untracked = separable(), separable()
    for _ in range(3):
        seen(5 * IMAGES.images)
    for module in untracked.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    assert of("zen")(seen, IMAGES) == of("zen")(untracked, IMAGES) == expected
    assert of("zen")(seen, IMAGES, seed=1) != expected


def test_zen_needs_maps_that_a_network_made() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(196, 3))
    with pytest.raises(InputError, match="no feature maps"):
        of("zen")(network, IMAGES)


@every_network
def test_meco_layer_by_layer(kind: str) -> None:
    """Each module without submodules that gives maps counts."""
    network, given = exact(kind)
    slow = copy.deepcopy(network)
    maps: list[np.ndarray] = []
    for module in slow.modules():
        if list(module.children()):
            continue
        module.register_forward_hook(
            lambda _, __, y: maps.append(y[0].flatten(1).detach().numpy()) if y.ndim == 4 else None
        )
    image = torch.randn(given.images[:1].shape, generator=torch.Generator().manual_seed(0))
    slow(image.double())
    with np.errstate(invalid="ignore"):
        tables = [np.nan_to_num(np.atleast_2d(np.corrcoef(each))) for each in maps]
    expected = sum(np.linalg.eigvalsh(table)[0] for table in tables)
    assert of("meco")(network, given) == pytest.approx(expected, rel=1e-6, abs=1e-9)


class Mixed(nn.Module):
    """A fixed matrix between channels, at every so many pixels: no weights to draw anew."""

    def __init__(self, matrix: Tensor, stride: int = 1) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., :: self.stride, :: self.stride]
        return torch.einsum("oc,nchw->nohw", self.matrix, x)


def orthogonal(channels: int, size: float) -> nn.Sequential:
    return nn.Sequential(Mixed(size * nn.init.orthogonal_(torch.empty(channels, channels))))


class Chain(nn.Module):
    def __init__(self, *given: nn.Module) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(*given), nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).flatten(1)  # type: ignore[no-any-return]


def test_az_nas_of_orthogonal_blocks() -> None:
    given = batch(32, 4, 14, 14)
    for size in (0.5, 1.0, 3.0):
        network = seeded(lambda s=size: Chain(orthogonal(4, s), orthogonal(4, s)))  # type: ignore[misc]
        expected = 2.0 - size - 1.0 / size
        assert of("az-trainability")(network, given) == pytest.approx(expected, abs=0.15)
        assert of("az-expressivity")(network, given) == pytest.approx(3 * math.log(4), rel=1e-3)
    flat = nn.Sequential(Mixed(torch.ones(4, 4)))
    network = Chain(orthogonal(4, 1.0), flat, orthogonal(4, 1.0))
    assert of("az-progressivity")(network, given) == pytest.approx(-math.log(4), rel=1e-3)
    idle = Chain(nn.Sequential(nn.Identity()))
    assert of("az-trainability")(idle, given) == pytest.approx(2.0 - 1e6)


def test_az_nas_of_a_block_that_halves_the_map() -> None:
    """Sampling every second pixel sends signs back to one pixel in four, unchanged: s = 1."""
    halve = Mixed(torch.eye(4), stride=2)
    for side in (14, 13):
        value = of("az-trainability")(Chain(nn.Sequential(halve)), batch(32, 4, side, side))
        assert value == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("kind", ["official skeleton", "dead branch"])
def test_az_nas_block_by_block(kind: str) -> None:
    network, given = NETWORKS[kind]().double(), Batch(batch(6, 1, 12, 12).images.double())
    slow = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    for layer in layers_of(slow):
        deviation = math.sqrt(2 / (layer.weight.numel() / len(layer.weight)))
        layer.weight.data = (
            deviation * torch.randn(layer.weight.shape, generator=generator).double()
        )
    noise = torch.randn(given.images.shape, generator=torch.Generator().manual_seed(0)).double()
    features = [slow.stem(noise).detach()]  # type: ignore[operator]
    entropies, scores, signs = [], [], torch.Generator().manual_seed(0)
    for block in slow.stages:  # type: ignore[union-attr]
        features.append(block(features[-1]).detach())
    for each in features:
        table = np.cov(each.transpose(0, 1).flatten(1).numpy(), bias=True)
        shares = np.linalg.eigvalsh(table).clip(0) / max(np.trace(table), 1e-300)
        entropies.append(-sum(s * math.log(s) for s in shares if s > 0))
    for before, block in reversed(list(zip(features, slow.stages, strict=False))):  # type: ignore[arg-type]
        before = before.clone().requires_grad_(True)
        after = block(before)
        sent = torch.randint(0, 2, after.shape, generator=signs).double() * 2 - 1
        product = torch.zeros(1, 1)
        if after.requires_grad:
            (back,) = torch.autograd.grad(after, before, sent)
            ratio = back.shape[-1] // sent.shape[-1]
            product = sum(
                back[n, :, r : r + ratio, c : c + ratio].flatten()[:, None]
                * sent[n, None, :, r // ratio, c // ratio]
                for n in range(len(sent))
                for r in range(0, back.shape[2], ratio)
                for c in range(0, back.shape[3], ratio)
            ) / (sent.numel() / sent.shape[1])  # type: ignore[assignment, operator]
        norm = np.linalg.norm(product.numpy(), 2)
        scores.append(2 - norm - 1 / (norm + 1e-6))
    expected = {
        "az-expressivity": sum(entropies),
        "az-progressivity": min(b - a for a, b in itertools.pairwise(entropies)),
        "az-trainability": np.mean(scores),
    }
    for name, value in expected.items():
        assert of(name)(network, given) == pytest.approx(value, rel=1e-6, abs=1e-9), name


def test_blocks() -> None:
    assert [type(b).__name__ for b in blocks_of(Network(CELL, GREY, TINY))] == [
        "Cell", "PoolReduction", "Cell", "PoolReduction", "Cell",
    ]  # fmt: skip
    assert [type(b).__name__ for b in blocks_of(ResNet())] == ["Residual"] * 4
    nested = nn.Sequential(nn.Sequential(Residual(1, 1, 1)), nn.Sequential(nn.ReLU()))
    assert [type(b).__name__ for b in blocks_of(nested)] == ["Residual", "Sequential"]
    with pytest.raises(InputError, match="no blocks"):
        of("az-expressivity")(two_layers(), VECTORS)


@pytest.mark.parametrize("name", SINGLE)
def test_dead_networks_have_a_score_and_a_low_one(name: str) -> None:
    dead = of(name)(cell(DEAD), IMAGES)
    assert math.isfinite(dead)
    if name not in ("az-progressivity", "plain", "grasp", "gradsign"):
        assert dead <= of(name)(cell(), IMAGES)


def score_or_reason(name: str, network: nn.Module, given: Batch) -> float | str:
    try:
        return of(name)(network, given)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", SINGLE)
def test_odd_networks_have_a_score_or_say_why(name: str) -> None:
    """One image; no ReLU and no batch norm; a layer without gradient; a ResNet."""
    cases = [
        (cell(), batch(1, 1, 14, 14)),
        (nn.Sequential(nn.Flatten(), nn.Linear(196, 3)), IMAGES),
        (seeded(lambda: Chain(nn.Conv2d(1, 3, 3), WithIdleLayer())), IMAGES),
        (seeded(ResNet), IMAGES),
    ]
    outcomes = [score_or_reason(name, network, given) for network, given in cases]
    for outcome in outcomes:
        if isinstance(outcome, str):
            assert outcome.startswith(f"proxy {name}: ")
        else:
            assert math.isfinite(outcome)
    assert isinstance(outcomes[-1], float)


class WithIdleLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Conv2d(3, 3, 1)
        self.used = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.used(x))


def state(network: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {f"s {k}": v.clone() for k, v in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        found[f"g {name}"] = None if parameter.grad is None else parameter.grad.clone()
        found[f"r {name}"] = parameter.requires_grad
        found[f"l {name}"] = parameter.stride()
    for name, module in network.named_modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        found[f"m {name}"] = (module.training, getattr(module, "inplace", None), *map(len, hooks))
    return found


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("name", SINGLE)
def test_nothing_is_changed(name: str, raises: bool) -> None:
    network = seeded(ResNet).train()
    network(IMAGES.images).sum().backward()
    network.layer1.eval()  # type: ignore[operator, union-attr]
    network.conv1.weight.requires_grad_(False)  # type: ignore[operator, union-attr]
    if raises:
        network.fc.register_forward_hook(fail)  # type: ignore[operator, union-attr]
    images, labels = IMAGES.images.clone(), IMAGES.labels
    before, random_state = state(network), torch.get_rng_state()
    with contextlib.suppress(InputError):
        first = of(name)(network, Batch(images, labels))
        assert of(name)(network, Batch(images, labels)) == first
    after = state(network)
    assert before.keys() == after.keys()
    for key, value in before.items():
        same = torch.equal(value, after[key]) if isinstance(value, Tensor) else value == after[key]
        assert same, key
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.equal(images, IMAGES.images)
    assert not images.requires_grad


class HookError(Exception):
    pass


def fail(*_: Any) -> None:
    raise HookError


def test_labels_are_asked_for() -> None:
    for name in SINGLE:
        unlabelled = Batch(IMAGES.images)
        if proxies.entry(name).family == "labels":
            with pytest.raises(InputError, match=f"proxy {name}: needs labels"):
                of(name)(cell(), unlabelled)
        else:
            assert of(name)(cell(), unlabelled) == of(name)(cell(), IMAGES)


def test_data_free_and_noise_proxies_see_the_shape_alone() -> None:
    for name in SINGLE:
        same = of(name)(cell(), batch(6, 1, 14, 14, seed=1)) == of(name)(cell(), IMAGES)
        blind = proxies.entry(name).family in ("data-free", "noise")
        assert same or not blind, name


def test_shared_passes_change_no_score() -> None:
    passes = Passes(lambda: seeded(ResNet), IMAGES)
    alone = {name: of(name)(seeded(ResNet), IMAGES) for name in SINGLE}
    for name in [*SINGLE, *reversed(SINGLE)]:
        assert of(name).of(passes) == alone[name], name


def test_passes_in_common_are_made_once() -> None:
    SEEN.clear()
    passes = Passes(lambda: seeded(lambda: nn.Sequential(Spy(), convolutions())), IMAGES)
    for name in ("grad-norm", "snip", "plain", "fisher", "jacov", "epe-nas", "nwot", "swap"):
        of(name).of(passes)
    # One with gradients, and one without: whoever needs none pays for none.
    assert [len(images) for images in SEEN].count(len(IMAGES.images)) == 2


def test_seconds_are_those_of_a_proxy_alone() -> None:
    ticks = itertools.count()
    passes = Passes(cell, IMAGES)
    passes._clock = lambda: float(next(ticks))

    def slow(passes: Passes) -> int:
        next(ticks)
        return passes.once(slower)

    def slower(passes: Passes) -> int:
        for _ in range(10):
            next(ticks)
        return 7

    first = passes.measure(lambda: passes.once(slow))
    assert passes.measure(lambda: passes.once(slow))[0] == first[0] == 7
    again = passes.measure(lambda: passes.once(slow))[1]
    assert 12 < again <= first[1], "as if nothing was there yet"
    assert passes.measure(lambda: 0)[1] == 1.0


def test_not_logits() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    with pytest.raises(InputError, match="does not give logits"):
        of("nwot")(Pair(), IMAGES)
    with pytest.raises(InputError, match="no ReLUs"):
        of("nwot")(nn.Sequential(nn.Flatten(), nn.Linear(196, 3)), IMAGES)


@pytest.mark.parametrize(
    "images", [torch.zeros(0, 1, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)]
)
def test_wrong_images(images: Tensor) -> None:
    with pytest.raises(InputError, match="give floating-point images"):
        Batch(images)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", SINGLE)
def test_the_same_on_a_gpu(name: str) -> None:
    pools = Architecture(SPACE, (POOL, CONV3, POOL, SKIP, CONV1, POOL))
    images = batch(16, 1, 14, 14, classes=3)
    builds = [cell, lambda: seeded(lambda: Network(pools, GREY, MINI))]
    if name == "gradsign":  # pooled to one value an image, gradients are rounding, with its signs
        del builds[1]
    for build in builds:
        here, there = of(name)(build(), images), of(name)(build(), images.to("cuda"))
        assert there == pytest.approx(here, rel=0.02, abs=1e-3)


def test_every_proxy_is_in_one_family() -> None:
    for name in proxies:
        assert proxies.entry(name).family in ("data-free", "noise", "images", "labels")
        found = proxies.get(name)
        if isinstance(found, Combination):
            assert set(found.parts) <= set(SINGLE)
        else:
            assert found.name == name


def test_blocks_that_a_network_names() -> None:
    """Of DARTS its cells, each behind the last; of NAGO, whose nodes stand side by side, none."""
    made = networks_of(spaces.get("darts"))
    cell = made.space.sample(1, np.random.default_rng(0))[0]
    network = made.build(cell, Signature((1, 14, 14), 10), made.scale("mini"))
    passes = Passes(lambda: network, batch(4, 1, 14, 14))
    calls = az_nas._blocks(passes)
    assert [call.module for call in calls] == [*network.cells]
    for last, following in pairwise(calls):
        assert following.input is last.output
    made = networks_of(spaces.get("nago-small"))
    cell = made.space.sample(1, np.random.default_rng(0))[0]
    graph = made.build(cell, Signature((1, 14, 14), 10), made.scale("mini"))
    with pytest.raises(InputError, match="no blocks one behind the other"):
        az_nas._blocks(Passes(lambda: graph, batch(4, 1, 14, 14)))
