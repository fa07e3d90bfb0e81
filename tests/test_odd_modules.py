"""A proxy of the same function with the same weights is the same, however it is written."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint

from archcast.core.errors import InputError
from archcast.zero_cost import Batch
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.proxy import Proxy
from archcast.zero_cost.weights import weights_of

SINGLE = [name for name in proxies if isinstance(proxies.get(name), Proxy)]
BATCH = Batch(
    torch.randn(6, 2, 9, 9, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
)
TOKENS = Batch(torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(1)), BATCH.labels)


class Block(nn.Module):
    """Everything is a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(4, 4, 3, 1, 1), nn.BatchNorm2d(4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))  # type: ignore[no-any-return]


class Modules(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(2, 4, 3, 2, 1, bias=False), nn.Sequential(Block(), Block())
        self.pool, self.head = nn.AvgPool2d(2), nn.Linear(4, 3)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.weight.uniform_(0.5, 2.0)
                    module.bias.normal_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.body(self.stem(x))).mean((2, 3)))  # type: ignore[no-any-return]


def modules() -> Modules:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Modules()


class FunctionBlock(nn.Module):
    def __init__(self, block: Block, relu: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.relu = relu
        self.kernel, self.offset = block.conv.weight, block.conv.bias
        self.scale, self.shift = block.norm.weight, block.norm.bias

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.kernel, self.offset, padding=1)
        x = functional.batch_norm(x, None, None, self.scale, self.shift, training=True)
        return self.relu(x)


def matrix_product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x @ weight.t() + bias


class Functions(nn.Module):
    """Nothing but the blocks is a module."""

    def __init__(
        self,
        source: Modules,
        relu: Callable[[Tensor], Tensor],
        linear: Callable[[Tensor, Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.linear = linear
        self.kernel = source.stem.weight
        blocks = (FunctionBlock(block, relu) for block in source.body)  # type: ignore[arg-type]
        self.body = nn.Sequential(*blocks)
        self.matrix, self.offset = source.head.weight, source.head.bias

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(functional.conv2d(x, self.kernel, stride=2, padding=1))
        return self.linear(functional.avg_pool2d(x, 2).mean((2, 3)), self.matrix, self.offset)


RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "functional": functional.relu,
    "in place": lambda x: functional.relu(x, inplace=True),
    "method": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(min=0),
    "clip": lambda x: torch.clip(x, 0.0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
}
LINEARS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "functional": functional.linear,
    "product": matrix_product,
    "addmm": lambda x, weight, bias: torch.addmm(bias, x, weight.t()),
    "einsum": lambda x, weight, bias: torch.einsum("ni,oi->no", x, weight).add_(bias),
}


def of(name: str, network: nn.Module, batch: Batch = BATCH) -> float:
    found = proxies.get(name)
    assert isinstance(found, Proxy)
    return found(network, batch)


@pytest.mark.parametrize("name", SINGLE)
def test_functions_are_as_good_as_modules(name: str) -> None:
    expected = of(name, modules())
    for relu, linear in zip(RELUS.values(), [*LINEARS.values(), *LINEARS.values()], strict=False):
        value = of(name, Functions(modules(), relu, linear))
        assert value == pytest.approx(expected, rel=1e-4, abs=1e-9)


def pruned(network: Modules) -> nn.Module:
    for module in (network.stem, network.head):
        prune.custom_from_mask(module, "weight", torch.ones_like(module.weight))
    return network


def with_subclasses(network: Modules) -> nn.Module:
    for block in network.body:
        sync = nn.SyncBatchNorm(4)
        sync.load_state_dict(block.norm.state_dict())  # type: ignore[operator, union-attr]
        block.norm = sync
    return network


def under_two_names(network: Modules) -> nn.Module:
    network.body[0].again = network.body[0].norm
    return network


def old_weight_norm(network: Modules) -> nn.Module:
    weight_norm(network.stem)
    weight_norm(network.head)
    return network


def new_weight_norm(network: Modules) -> nn.Module:
    parametrizations.weight_norm(network.stem)
    parametrizations.weight_norm(network.head)
    return network


@pytest.mark.parametrize(
    "change", [pruned, with_subclasses, under_two_names, old_weight_norm, new_weight_norm]
)
@pytest.mark.parametrize("name", SINGLE)
def test_the_same_function(name: str, change: Callable[[Modules], nn.Module]) -> None:
    assert of(name, change(modules())) == pytest.approx(of(name, modules()), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("name", SINGLE)
def test_masked_and_normalised_weights(name: str) -> None:
    """As plain layers that hold the weights which these use in evaluation mode."""
    masked = modules()
    mask = torch.rand(masked.stem.weight.shape, generator=torch.Generator().manual_seed(2)) < 0.5
    prune.custom_from_mask(masked.stem, "weight", mask)
    holder = modules()
    holder.stem.weight.data *= mask
    assert of(name, masked) == of(name, holder)
    for normalise in (spectral_norm, parametrizations.spectral_norm):
        normed, holder = modules(), modules()
        normalise(normed.stem)
        normed.eval()
        holder.stem.weight.data = normed.stem.weight.detach().clone()
        if normalise is spectral_norm:
            normed.stem(BATCH.images)
            holder.stem.weight.data = normed.stem.weight.detach().clone()
        assert of(name, normed.train()) == pytest.approx(of(name, holder), rel=1e-4, abs=1e-9)


class Attention(nn.Module):
    """By `nn.MultiheadAttention`, or by its formula."""

    def __init__(self, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.attention
        if not self.plain:
            return self.head(inner(x, x, x)[0].mean(1))  # type: ignore[no-any-return]
        mixed = functional.linear(x, inner.in_proj_weight, inner.in_proj_bias)
        q, k, v = (each.unflatten(-1, (2, 4)).transpose(1, 2) for each in mixed.chunk(3, dim=-1))
        out = torch.softmax(q @ k.transpose(-1, -2) / 2.0, -1) @ v
        out = functional.linear(
            out.transpose(1, 2).flatten(2), inner.out_proj.weight, inner.out_proj.bias
        )
        return self.head(out.mean(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", SINGLE)
def test_attention_is_seen_or_refused(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Attention()
    by_formula = copy.deepcopy(network)
    by_formula.plain = True
    try:
        value = of(name, network, TOKENS)
    except InputError as error:
        reason = str(error)
        assert re.search("no maps|no feature maps|no ReLUs|3x3|no blocks", reason)
    else:
        assert value == pytest.approx(of(name, by_formula, TOKENS), rel=1e-3, abs=1e-9)
        if name in ("layers", "l2-norm"):
            assert value > of(name, network.head, Batch(TOKENS.images[:, 0], TOKENS.labels))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])  # type: ignore[no-any-return]


def test_recurrent_weights() -> None:
    network = Recurrent()
    weights = [p for p in network.parameters() if p.ndim > 1]
    assert of("layers", network, TOKENS) == 3
    assert of("l2-norm", network, TOKENS) == pytest.approx(sum(w.norm().item() for w in weights))
    logits = network(TOKENS.images)
    gradients = torch.autograd.grad(functional.cross_entropy(logits, TOKENS.labels), weights)  # type: ignore[arg-type]
    expected = sum((w * g).abs().sum().item() for w, g in zip(weights, gradients, strict=True))
    assert of("snip", network, TOKENS) == pytest.approx(expected, rel=1e-4)


class Standardised(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class LocallyConnected(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.table).tanh()


WEIGHT_PROXIES = [
    "layers", "l2-norm", "grad-norm", "snip", "plain", "fisher", "fisher-channels", "grasp",
    "synflow", "zen", "zico", "gradsign",
]  # fmt: skip


@pytest.mark.parametrize("name", WEIGHT_PROXIES)
def test_unseen_weights_are_an_error_with_their_share(name: str) -> None:
    computed = modules()
    computed.body.insert(0, Standardised(4, 4, 1))
    share = 1 - 16 / sum(p.numel() for p in computed.parameters() if p.ndim > 1)
    with pytest.raises(InputError, match=rf"sees {share:.0%} .* not (network\.)?body\.0\.weight"):
        of(name, computed)
    local = modules()
    local.body.insert(0, LocallyConnected())
    with pytest.raises(InputError, match=r"sees .* not (network\.)?body\.0\.table"):
        of(name, local)
    with pytest.raises(InputError, match="no parameter multiplies"):
        of(name, nn.Flatten())


class Ordinary(nn.Module):
    """Positions, an embedding, a class token and a layer scale are no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 5, 8))
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.kinds = nn.Embedding(5, 8)
        self.norm, self.scale = nn.LayerNorm([6, 8]), nn.Parameter(torch.ones(8))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.positions + self.kinds(torch.arange(5))
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
        return self.head((self.norm(x) * self.scale)[:, 0])  # type: ignore[no-any-return]


def test_what_is_no_weight() -> None:
    assert of("layers", Ordinary(), TOKENS) == 1


def test_a_map_changed_in_place() -> None:
    class Added(nn.Module):
        def __init__(self, in_place: bool) -> None:
            super().__init__()
            self.inner, self.in_place = modules(), in_place

        def forward(self, x: Tensor) -> Tensor:
            y = self.inner.stem(x)
            z = self.inner.body[0].conv(y)
            if self.in_place:
                z += y
            else:
                z = z + y
            return self.inner.head(self.inner.pool(z).mean((2, 3)))  # type: ignore[no-any-return]

    for name in ("fisher", "meco", "snip", "jacov"):
        assert of(name, Added(True)) == pytest.approx(of(name, Added(False)), rel=1e-5)


def test_images_and_positions_are_not_mixed_up() -> None:
    tokens = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(40, 3))
    for name in ("nwot", "fisher"):
        assert of(name, tokens, TOKENS) > 0
        with pytest.raises(InputError, match="give another number of images"):
            of(name, tokens, Batch(TOKENS.images[:5], TOKENS.labels[:5]))  # type: ignore[index]


@pytest.mark.parametrize("squash", [nn.Identity(), nn.Tanh()])
@pytest.mark.parametrize("name", sorted({*SINGLE} - {"params", "flops", "layers", "l2-norm"}))
def test_networks_that_overflow(name: str, squash: nn.Module) -> None:
    network = modules()
    layers = [nn.Conv2d(4, 4, 1) for _ in range(3)]
    for layer in layers:
        layer.weight.data.fill_(1e20)
    network.body = nn.Sequential(Block(), nn.Sequential(*layers, squash), Block())
    try:
        of(name, network)
    except InputError as error:
        assert "overflows" in str(error)  # noqa: PT017
    else:
        own = name in ("zen", "synflow") or name.startswith("az-")
        assert own, "neither weights of its own nor double precision"


@pytest.mark.parametrize("seal", ["script", "trace", "compile", "quantise"])
def test_sealed_modules(seal: str) -> None:
    network: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(162, 3))
    if seal == "script":
        network = torch.jit.script(network)
    elif seal == "trace":
        network = torch.jit.trace(network, BATCH.images)
    elif seal == "compile":
        network.compile()
    else:
        network = torch.ao.quantization.quantize_dynamic(network, {nn.Linear})
    for name in ("params", "snip", "flops", "nwot"):
        with pytest.raises(InputError, match="give the module that it was made from"):
            of(name, network)


class Keywords(Modules):
    """Modules and functions are given everything by name."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(input=x)
        for block in self.body:
            x = functional.relu(input=block.norm(input=block.conv(input=x)))  # type: ignore[operator, union-attr]
        x = self.pool(input=x).mean((2, 3))
        return functional.linear(input=x, weight=self.head.weight, bias=self.head.bias)


@pytest.mark.parametrize("name", [n for n in SINGLE if not n.startswith("az-")])
def test_arguments_by_name(name: str) -> None:
    network = Keywords()
    network.load_state_dict(modules().state_dict())
    assert of(name, network) == pytest.approx(of(name, modules()), rel=1e-4, abs=1e-9)


class Wrapped(nn.Module):
    """A block with an output of another kind; `map` finds the features in it."""

    def __init__(self, block: nn.Module, kind: str) -> None:
        super().__init__()
        self.block, self.kind = block, kind

    def forward(self, *, features: Tensor) -> object:
        self.kept = self.block(features)
        kinds = {"tuple": (None, self.kept), "dict": {"n": 1, "x": self.kept}, "none": None}
        return kinds[self.kind]


class Shift(nn.Module):
    """It takes no input."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Identity()

    def forward(self) -> Tensor:
        return torch.zeros(1, 4, 1, 1)


class OddBlocks(Modules):
    def __init__(self, source: Modules, kind: str) -> None:
        super().__init__()
        self.load_state_dict(source.state_dict())
        self.body = nn.Sequential(*(Wrapped(block, kind) for block in self.body), Shift())

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        *blocks, shift = self.body
        for block in blocks:
            block(features=x)
            x = block.kept + shift()  # type: ignore[assignment, operator, union-attr]
        return self.head(self.pool(x).mean((2, 3)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["tuple", "dict", "none"])
@pytest.mark.parametrize("name", SINGLE)
def test_blocks_by_keyword_that_give_no_tensor(name: str, kind: str) -> None:
    expected = of(name, modules())
    if kind == "none" and name.startswith("az-"):
        with pytest.raises(InputError, match="no blocks"):
            of(name, OddBlocks(modules(), kind))
    elif name == "meco":  # an output that no function gave is a map too
        assert of(name, OddBlocks(modules(), kind)) >= expected - 1e-6
    else:
        assert of(name, OddBlocks(modules(), kind)) == pytest.approx(expected, rel=1e-4)


class MadeInside(Modules):
    """Tensors of single precision are made on the way, converted and kept."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.ones(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.body(self.stem(x))).mean((2, 3)).float()
        kept = torch.zeros(len(x), 4)
        kept[:, :4] = x
        return self.head((kept @ torch.eye(4)).to(torch.float32) * self.one)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [n for n in SINGLE if n != "flops"])
def test_precision_is_the_networks_own(name: str) -> None:
    network = MadeInside()
    network.load_state_dict(modules().state_dict())
    assert of(name, network) == pytest.approx(of(name, modules()), rel=1e-4, abs=1e-9)
    for dtype in (torch.float64, torch.float16):
        other = Batch(BATCH.images.to(dtype), BATCH.labels.int())  # type: ignore[union-attr]
        as_single = Batch(BATCH.images.to(dtype).float(), BATCH.labels)
        assert of(name, modules(), other) == pytest.approx(of(name, modules(), as_single), rel=1e-4)
    assert of(name, modules().double()) == pytest.approx(of(name, modules()), rel=1e-2, abs=1e-2)


def test_what_is_kept_is_copied() -> None:
    """Activations in a list, a dictionary, an object, and a buffer."""

    class Keeps(Modules):
        def forward(self, x: Tensor) -> Tensor:
            x = super().forward(x)
            self.kept = [x, {"deep": (x,)}, SimpleNamespace(found=x)]
            self.register_buffer("last", x)
            return x

    network = Keeps()
    network.load_state_dict(modules().state_dict())
    network(BATCH.images)
    assert of("snip", network) == of("snip", modules())
    assert network.last.grad_fn is not None, "it is as it was"  # type: ignore[union-attr]


def test_images_that_are_changed_in_place() -> None:
    class Doubles(Modules):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.mul_(2.0))

    network = Doubles()
    network.load_state_dict(modules().state_dict())
    images = BATCH.images.clone()
    twice = Batch(2.0 * BATCH.images, BATCH.labels)
    for name in ("snip", "nwot", "jacov", "layers", "zico"):
        expected = of(name, modules(), twice)
        assert of(name, network, Batch(images, BATCH.labels)) == pytest.approx(expected, rel=1e-4)
    assert torch.equal(images, BATCH.images)


def test_inputs_of_weights_by_hand() -> None:
    """However they stand in a product."""

    class Products(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(3, 16, 2)
            self.down = nn.Conv2d(16, 8, 3, groups=2)
            self.behind = nn.Parameter(torch.ones(8, 32))
            self.turned = nn.Parameter(torch.ones(7, 32))
            self.ahead = nn.Parameter(torch.ones(5, 7))
            self.last = nn.Parameter(torch.ones(5))
            self.head = nn.Linear(1, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.down(self.up(x)).mean((2, 3)) @ self.behind @ self.turned.t()
            x = torch.matmul(self.ahead, x.unsqueeze(2)).squeeze(2)
            found: Tensor = self.head((x @ self.last).unsqueeze(1))
            return found

    found = weights_of(Products(), torch.ones(2, 3, 6, 6))
    assert found.inputs == [3 * 4, 8 * 9, 8, 32, 7, 5, 1]


def test_weights_of_whole_numbers() -> None:
    network = modules()
    network.table = nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False)
    assert of("snip", network) == of("snip", modules())


class Raises(nn.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


@pytest.mark.parametrize("name", sorted({*SINGLE} - {"params"}))
@pytest.mark.parametrize("error", [KeyError("two\nlines"), SystemExit(0), NotImplementedError()])
def test_foreign_errors_are_one_line(name: str, error: BaseException) -> None:
    network = modules()
    network.body[1].act = Raises(error)
    if name == "linear-regions" and not isinstance(error, SystemExit):
        where = "takes no images of 3x3 pixels"
    else:
        where = rf"module body\.1\.act \(Raises\): {type(error).__name__}"
    with pytest.raises(InputError, match=rf"^proxy {name}: .*{where}") as caught:
        of(name, network)
    assert "\n" not in str(caught.value)


def test_what_can_not_be_copied_or_differentiated() -> None:
    network = modules()
    network.file = (line for line in "abc")  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"proxy snip: the network can't be copied \(TypeError"):
        of("snip", network)

    class Checkpointed(Modules):
        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(super().forward, x, use_reentrant=True)  # type: ignore[no-any-return]

    with pytest.raises(InputError, match="give use_reentrant=False"):
        of("snip", Checkpointed())


@pytest.mark.parametrize(
    ("output", "match"),
    [
        (lambda y: (y, y), "does not give logits"),
        (lambda y: {"logits": y}, "does not give logits"),
        (lambda y: None, "does not give logits"),
        (lambda y: y.long(), "does not give logits"),
        (lambda y: y[:1], "does not give logits"),
        (lambda y: y[:, :0], "does not give logits"),
    ],
)
def test_outputs_that_are_no_logits(output: Callable[[Tensor], object], match: str) -> None:
    class Other(Modules):
        def forward(self, x: Tensor) -> Tensor:
            return output(super().forward(x))  # type: ignore[return-value]

    for name in ("snip", "nwot", "zen", "az-trainability", "zico"):
        with pytest.raises(InputError, match=match):
            of(name, Other())


@pytest.mark.parametrize("name", SINGLE)
def test_norms_that_see_one_value(name: str) -> None:
    """One image on a map of one pixel, as in `meco` and in the halves of `zico`."""
    for norm in (nn.BatchNorm2d(4), nn.InstanceNorm2d(4), nn.GroupNorm(4, 4)):
        network = nn.Sequential(nn.Conv2d(2, 4, 9), norm, nn.ReLU(), nn.Flatten(), nn.Linear(4, 3))
        for images in (1, 2, 6):
            try:
                of(name, network, Batch(BATCH.images[:images], BATCH.labels[:images]))  # type: ignore[index]
            except InputError as error:
                assert str(error).startswith(f"proxy {name}: ")  # noqa: PT017


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"images": BATCH.images.long()}, "floating-point images"),
        ({"images": BATCH.images.cfloat()}, "floating-point images"),
        ({"images": BATCH.images[:, :, :0]}, "floating-point images"),
        ({"images": BATCH.images.numpy()}, "minibatch of ndarray; give dense tensors"),
        ({"images": BATCH.images.to_sparse()}, "give dense tensors"),
        ({"images": BATCH.images * torch.nan}, "not finite"),
        ({"labels": [0, 1, 2, 0, 1, 2]}, "minibatch of list; give dense tensors"),
        ({"labels": torch.zeros(6)}, "whole numbers"),
        ({"labels": torch.zeros(6, dtype=torch.bool)}, "whole numbers"),
        ({"labels": torch.arange(6) - 1}, "a label is -1"),
        ({"labels": torch.zeros(6, 1, dtype=torch.int64)}, "give one an image"),
    ],
)
def test_minibatches_that_are_none(change: dict[str, Tensor], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Batch(**{"images": BATCH.images, "labels": BATCH.labels, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["snip", "grasp", "zico", "gradsign", "fisher", "epe-nas"])
def test_labels_beyond_the_logits(name: str) -> None:
    with pytest.raises(InputError, match=f"proxy {name}: a label is 7, but the network gives 3"):
        of(name, modules(), Batch(BATCH.images, torch.tensor([7, 7, 7, 1, 1, 1])))
