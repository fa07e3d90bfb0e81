"""Each proxy against its formula, written down slowly and without the package's own passes."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archcast.catalog import proxies, spaces
from archcast.errors import InputError
from archcast.networks.nasbench201 import OFFICIAL, Network, Skeleton
from archcast.spaces.base import Architecture
from archcast.zero_cost import Batch
from archcast.zero_cost.az_nas import blocks_of
from archcast.zero_cost.combination import Combination
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy

SPACE = spaces.get("nasbench201")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
TINY = Skeleton(channels=2, cells=1, stem_stride=2, reduction="pool", in_channels=1, classes=3)
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
    return seeded(lambda: Network(architecture, TINY))


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
        network = Network(architecture, OFFICIAL)
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
        "fisher": (((h * dh) ** 2).mean(axis=0).sum() + ((z * dz) ** 2).mean(axis=0).sum()) / 2,
    }
    for name, value in expected.items():
        assert of(name)(network, VECTORS) == pytest.approx(value, rel=1e-4), name


def test_fisher_of_feature_maps() -> None:
    """A channel's share is what scaling its map would change, image by image."""
    network = convolutions()
    first = network[0](IMAGES.images).detach().requires_grad_(True)  # type: ignore[index]
    second = network[2](torch.relu(first)).detach().requires_grad_(True)  # type: ignore[index]
    logits = network[5](torch.relu(second).flatten(1)).detach().requires_grad_(True)  # type: ignore[index]
    through = {
        "first": (first, network[1:]),  # type: ignore[index]
        "second": (second, network[3:]),  # type: ignore[index]
        "logits": (logits, nn.Identity()),
    }
    expected = 0.0
    for maps, rest in through.values():
        nn.functional.cross_entropy(rest(maps), IMAGES.labels).backward()
        for image, channel in itertools.product(range(len(maps)), range(maps.shape[1])):
            change = (maps[image, channel] * maps.grad[image, channel]).sum().item()
            expected += change**2 / len(maps) / 2
    assert of("fisher")(network, IMAGES) == pytest.approx(expected, rel=1e-4)


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


def test_grasp_by_the_whole_hessian() -> None:
    network = two_layers().double()
    vectors = Batch(VECTORS.images.double(), VECTORS.labels)
    w1, b1, w2, b2 = (p.detach() for p in network.parameters())

    def loss(flat: Tensor) -> Tensor:
        first, second = flat[:20].reshape(5, 4), flat[20:].reshape(3, 5)
        logits = torch.relu(vectors.images @ first.T + b1) @ second.T + b2
        return nn.functional.cross_entropy(logits, vectors.labels)

    flat = torch.cat([w1.flatten(), w2.flatten()])
    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    expected = -(flat @ (hessian @ gradient)).item()
    assert of("grasp")(network, vectors) == pytest.approx(expected, rel=1e-6)


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


def test_grasp_in_single_precision() -> None:
    """Against the gradient of the gradient."""
    network = cell()
    weights = [p for p in network.parameters() if p.ndim > 1]
    loss = nn.functional.cross_entropy(network(IMAGES.images), IMAGES.labels)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    product = sum((g * g.detach()).sum() for g in gradients)
    hessian_product = torch.autograd.grad(product, weights)  # type: ignore[arg-type]
    expected = -sum((w * h).sum().item() for w, h in zip(weights, hessian_product, strict=True))
    assert of("grasp")(cell(), IMAGES) == pytest.approx(expected, rel=1e-2)


def test_synflow_is_conserved_from_layer_to_layer() -> None:
    """Without biases each layer of a chain carries the whole flow R; batch norm is left out."""
    norm = nn.BatchNorm1d(5)
    norm.weight.data.fill_(3.0)
    layers = [nn.Linear(4, 5, bias=False), norm, nn.ReLU(), nn.Linear(5, 6, bias=False)]
    network = seeded(lambda: nn.Sequential(*layers, nn.ReLU(), nn.Linear(6, 3, bias=False)))
    matrices = [np.abs(p.detach().double().numpy()) for p in network.parameters() if p.ndim == 2]
    flow = (matrices[2] @ matrices[1] @ matrices[0]).sum()
    assert of("synflow")(network, VECTORS) == pytest.approx(3 * flow, rel=1e-6)


def test_synflow_of_a_cell() -> None:
    """Each path from input to output adds its flow once a convolution on it."""
    both = [NONE] * 6
    both[EDGE_0_3] = CONV3
    one = of("synflow")(cell(Architecture(SPACE, tuple(both))), IMAGES)
    both[EDGE_0_3] = SKIP
    skip = of("synflow")(cell(Architecture(SPACE, tuple(both))), IMAGES)
    assert one > skip > 0


EDGE_0_3 = 3


def test_synflow_beyond_single_precision() -> None:
    def chain(size: float) -> nn.Module:
        layers = [nn.Linear(4, 4, bias=False) for _ in range(20)]
        for layer in layers:
            layer.weight.data.fill_(size)
        return nn.Sequential(*layers)

    assert of("synflow")(chain(250.0), VECTORS) == pytest.approx(20 * 16 * 4**19 * 250.0**20)
    with pytest.raises(InputError, match="proxy synflow: the network overflows"):
        of("synflow")(chain(1e17), VECTORS)


def jacobian(network: nn.Module, images: Tensor) -> np.ndarray:
    """One row an image, by one backward pass an image."""
    rows = []
    for image in images:
        leaf = image[None].clone().requires_grad_(True)
        network(leaf).sum().backward()
        rows.append(leaf.grad.double().flatten().numpy())
    return np.array(rows)


def test_jacov_image_by_image() -> None:
    network = convolutions()
    values = np.linalg.eigvals(np.corrcoef(jacobian(network, IMAGES.images))).real
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)
    assert of("jacov")(network, IMAGES) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("classes", [3, 101])
def test_epe_nas_class_by_class(classes: int) -> None:
    network = seeded(lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, classes)))
    given = batch(9, 4, classes=3)
    rows = jacobian(network, given.images)
    sums = []
    for label in range(3):
        table = np.corrcoef(rows[given.labels == label])
        sums.append(sum(math.log(abs(c) + 1e-5) for c in table.flatten()))
    if classes == 3:
        expected = sum(map(abs, sums))
    else:
        pairs = itertools.product((total / 3 for total in sums), repeat=2)
        expected = sum(abs(a - b) for a, b in pairs) / 3
    assert of("epe-nas")(network, given) == pytest.approx(expected, rel=1e-4)


def codes(network: nn.Module, images: Tensor) -> np.ndarray:
    """Which ReLU units of `convolutions` each image activates, of shape (n, units)."""
    first = network[0](images)  # type: ignore[index]
    second = network[2](first.clip(min=0))  # type: ignore[index]
    return np.concatenate([(m.detach() > 0).flatten(1).numpy() for m in (first, second)], axis=1)


def test_nwot_by_hamming_distances() -> None:
    network = convolutions()
    bits = codes(network, IMAGES.images)
    kernel = [[bits.shape[1] - (a != b).sum() for b in bits] for a in bits]
    assert of("nwot")(network, IMAGES) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-6)


@pytest.mark.parametrize("size", [6, 40, 70])
def test_swap_by_a_set_of_patterns(size: int) -> None:
    """More images than the bits of a word, too."""
    given = batch(size, 1, 14, 14)
    given.images[3:] = given.images[:-3].clone()  # so that patterns recur
    expected = len({tuple(unit) for unit in codes(convolutions(), given.images).T})
    assert of("swap")(convolutions(), given) == expected


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


def test_ntk_image_by_image() -> None:
    network = convolutions()
    rows = []
    for image in IMAGES.images:
        network.zero_grad()
        network(image[None]).sum().backward()
        rows.append(np.concatenate([p.grad.double().flatten() for p in network.parameters()]))
    kernel = np.array([[a @ b for b in rows] for a in rows])
    assert of("ntk")(network, IMAGES) == pytest.approx(-np.linalg.cond(kernel), rel=1e-3)


def test_gradsign_image_by_image() -> None:
    network = convolutions()
    signs: list[Any] = []
    for image, label in zip(IMAGES.images, IMAGES.labels, strict=True):  # type: ignore[arg-type]
        network.zero_grad()
        nn.functional.cross_entropy(network(image[None]), label[None]).backward()
        weights = [p.grad for p in network.parameters() if p.ndim > 1]
        signs.append(np.concatenate([np.sign(g.flatten().numpy()) for g in weights]))
    assert of("gradsign")(network, IMAGES) == np.abs(sum(signs)).sum()


def test_single_images_see_the_batch_norm_of_the_minibatch() -> None:
    """As if batch norm were the affine map that the minibatch makes of it."""
    conv, head = nn.Conv2d(1, 2, 3), nn.Linear(288, 3)
    norm = nn.BatchNorm2d(2)
    maps = conv(IMAGES.images).detach().transpose(0, 1).flatten(1)
    fixed = nn.BatchNorm2d(2).requires_grad_(False)
    fixed.running_mean.copy_(maps.mean(dim=1))  # type: ignore[union-attr]
    fixed.running_var.copy_(maps.var(dim=1))  # type: ignore[union-attr]
    slow = nn.Sequential(conv, fixed, nn.ReLU(), nn.Flatten(), head).eval()
    signs = 0
    for image, label in zip(IMAGES.images, IMAGES.labels, strict=True):  # type: ignore[arg-type]
        slow.zero_grad()
        nn.functional.cross_entropy(slow(image[None]), label[None]).backward()
        grads = (conv.weight.grad, head.weight.grad)
        signs = signs + np.concatenate([np.sign(g.flatten().numpy()) for g in grads])  # type: ignore[union-attr]
    network = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), head)
    assert of("gradsign")(network, IMAGES) == pytest.approx(np.abs(signs).sum(), abs=4)


def test_zico_weight_by_weight() -> None:
    network = two_layers()
    halves = []
    for part in (slice(0, 3), slice(3, 6)):
        network.zero_grad()
        logits = network(VECTORS.images[part])
        nn.functional.cross_entropy(logits, VECTORS.labels[part]).backward()  # type: ignore[index]
        halves.append([layer.weight.grad.clone().flatten() for layer in (network[0], network[2])])
    expected = 0.0
    for layer in range(2):
        total = 0.0
        for a, b in zip(halves[0][layer].tolist(), halves[1][layer].tolist(), strict=True):
            if a != b:
                total += np.mean(np.abs([a, b])) / np.std([a, b])
        expected += math.log(total)
    assert of("zico")(network, VECTORS) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(InputError, match="at least two images"):
        of("zico")(network, batch(1, 4))


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
    assert value - math.log(move) == pytest.approx(math.log(3.0), abs=0.5), "nine N(0, 1) inputs"


def test_zen_undoes_batch_norm() -> None:
    """Of one channel: what batch norm divides the move by comes back as its deviation."""
    bare, normed = spied(nn.Conv2d(1, 1, 3)), spied(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1))
    assert of("zen")(normed, IMAGES) == pytest.approx(of("zen")(bare, IMAGES), abs=0.02)
    assert of("zen")(bare, IMAGES) != of("zen")(bare, IMAGES, seed=1)


def test_meco_by_numpy() -> None:
    network = spied(nn.Conv2d(1, 3, 3), Spy())
    value = of("meco")(network, IMAGES)
    image, features = SEEN
    assert image.shape == (1, 1, 14, 14)
    least = np.linalg.eigvalsh(np.corrcoef(features[0].flatten(1).double().numpy()))[0]
    assert value == pytest.approx(1.0 + 2 * least, rel=1e-4), "spy, convolution, spy"


def orthogonal(channels: int, size: float) -> nn.Sequential:
    layer = nn.Conv2d(channels, channels, 1, bias=False)
    nn.init.orthogonal_(layer.weight)
    layer.weight.data *= size
    return nn.Sequential(layer)


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
    flat = orthogonal(4, 1.0)
    flat[0].weight.data[1:] = flat[0].weight.data[:1]  # type: ignore[operator]
    network = Chain(orthogonal(4, 1.0), flat, orthogonal(4, 1.0))
    assert of("az-progressivity")(network, given) == pytest.approx(-math.log(4), rel=1e-3)
    idle = Chain(nn.Sequential(nn.Identity()))
    assert of("az-trainability")(idle, given) == pytest.approx(2.0 - 1e6)


def test_az_nas_of_a_block_that_halves_the_map() -> None:
    """Sampling every second pixel sends signs back to one pixel in four, unchanged: s = 1."""
    halve = nn.Conv2d(4, 4, 1, stride=2, bias=False)
    halve.weight.data = torch.eye(4)[:, :, None, None]
    for side in (14, 13):
        value = of("az-trainability")(Chain(nn.Sequential(halve)), batch(32, 4, side, side))
        assert value == pytest.approx(0.0, abs=0.05)


def test_blocks() -> None:
    assert [type(b).__name__ for b in blocks_of(Network(CELL, TINY))] == [
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
    with contextlib.suppress(HookError):
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
    for name in [*SINGLE, *reversed(SINGLE)]:
        assert of(name).of(passes) == of(name)(seeded(ResNet), IMAGES), name


def test_passes_in_common_are_made_once() -> None:
    SEEN.clear()
    passes = Passes(lambda: seeded(lambda: nn.Sequential(Spy(), convolutions())), IMAGES)
    for name in ("grad-norm", "snip", "plain", "fisher", "jacov", "epe-nas", "nwot", "swap"):
        of(name).of(passes)
    assert [len(images) for images in SEEN].count(len(IMAGES.images)) == 1


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
    here = of(name)(cell(), IMAGES)
    there = of(name)(cell(), IMAGES.to("cuda"))
    assert there == pytest.approx(here, rel=0.02, abs=1e-3)


def test_every_proxy_is_in_one_family() -> None:
    for name in proxies:
        assert proxies.entry(name).family in ("data-free", "noise", "images", "labels")
        found = proxies.get(name)
        if isinstance(found, Combination):
            assert set(found.parts) <= set(SINGLE)
        else:
            assert found.name == name
