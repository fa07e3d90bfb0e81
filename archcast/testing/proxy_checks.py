"""What every zero-cost proxy must do, as checks for the test suite of any package that adds one.

    from archcast.testing import check_proxy

    def test_my_proxy():
        check_proxy(my_proxy)

The checks need no benchmark: they look at small networks with weights and images made up.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.core.seeding import seeded
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import FailureError, Proxy

CLASSES = 3
IMAGES = torch.randn(8, 1, 10, 10, generator=torch.Generator().manual_seed(0))
BATCH = Batch(IMAGES, torch.arange(8) % CLASSES)


class Layers(nn.Module):
    """A residual block of modules, some of which change their input or draw at random."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm, self.relu = nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
        self.shortcut, self.dropout = nn.Conv2d(c_in, c_out, 1), nn.Dropout(0.1)

    def forward(self, features: Tensor) -> Tensor:
        new: Tensor = self.dropout(self.relu(self.norm(self.conv(features))))
        return new.add(self.shortcut(features))


class Functions(nn.Module):
    """The same without modules: functions of parameters."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(0.3 * torch.randn(c_out, c_in, 3, 3))
        self.shortcut = nn.Parameter(0.3 * torch.randn(c_out, c_in, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        new = nn.functional.relu(nn.functional.conv2d(features, self.kernel, padding=1))
        return new + nn.functional.conv2d(features, self.shortcut)


def network(block: Callable[[int, int], nn.Module] = Layers) -> nn.Module:
    """Two blocks in a classifier, half of it in evaluation mode, with gradients and a hook."""
    with seeded(0):
        made = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(),
            nn.Sequential(block(4, 4), block(4, 6)),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES),
        )  # fmt: skip
        made[2].eval()
        made[0].weight.grad = torch.ones_like(made[0].weight)  # type: ignore[arg-type]
        made[5].register_forward_hook(_hook)
    return made


def _hook(*_: Any) -> None: ...


def check_gives_a_finite_float(proxy: Proxy) -> None:
    """Of networks of modules and of functions."""
    for block in (Layers, Functions):
        value = proxy(network(block), BATCH)
        assert type(value) is float
        assert math.isfinite(value)


def check_network_comes_back_as_it_was(proxy: Proxy) -> None:
    """Weights, buffers, gradients, modes, settings and hooks; the minibatch too."""
    given, batch = network(), Batch(IMAGES.clone(), torch.arange(8) % CLASSES)
    before, copy = _all_of(given), batch.hash
    proxy(given, batch)
    after = _all_of(given)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    assert not changed, f"changed: {', '.join(changed)}"
    assert batch.hash == copy, "the minibatch was changed"
    assert not batch.images.requires_grad
    assert batch.images.grad is None


def _all_of(given: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, module in given.named_modules():
        for key, value in vars(module).items():
            if key in ("_parameters", "_buffers"):
                for inner, tensor in value.items():
                    found[f"{name}.{inner}"] = _content(tensor)
            else:  # modes, settings, submodules and hooks
                found[f"{name}.{key}"] = repr(value)
    return found


def _content(tensor: Tensor | None) -> Any:
    if tensor is None:
        return None
    state = (tensor.requires_grad, tensor.data_ptr(), tensor.stride(), tensor.grad is not None)
    gradient = None if tensor.grad is None else tensor.grad.numpy().tobytes()
    return *state, tensor.detach().numpy().tobytes(), gradient


def check_same_seed_same_score(proxy: Proxy) -> None:
    """To the last bit, and whatever global random states are."""
    torch.rand(1)
    assert proxy(network(), BATCH, seed=3) == proxy(network(), BATCH, seed=3)
    with _other_random_states():
        elsewhere = proxy(network(), BATCH, seed=3)
    assert elsewhere == proxy(network(), BATCH, seed=3), "it draws from a global generator"


@contextmanager
def _other_random_states() -> Iterator[None]:
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    with seeded(1):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


def check_global_states_are_left_alone(proxy: Proxy) -> None:
    """Of Python's, NumPy's and PyTorch's generators, and whether gradients are on."""
    proxy(network(), BATCH)  # imports what it needs
    random.random()  # away from the state that an earlier seeding would restore
    np.random.random()  # noqa: NPY002
    torch.rand(1)
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            before = _global_states()
            proxy(network(), BATCH)
            assert _global_states() == before


def _global_states() -> list[bytes]:
    states: list[Any] = [random.getstate(), np.random.get_state()]  # noqa: NPY002
    states += [torch.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_default_dtype()]
    return [pickle.dumps(state) for state in states]


def check_shares_passes(proxy: Proxy) -> None:
    """A score is the same among others, and so are theirs."""
    names = ("snip", "nwot", "zen", "synflow")
    others = {name: found for name in names if isinstance(found := proxies.get(name), Proxy)}
    alone = {name: other(network(), BATCH) for name, other in others.items()}
    own = proxy(network(), BATCH)
    first, last = Passes(network, BATCH), Passes(network, BATCH)
    assert proxy.of(first) == own
    for name, other in others.items():
        assert other.of(first) == alone[name], f"{name} is another one after it"
        assert other.of(last) == alone[name]
    assert proxy.of(last) == own, "it is another one after others"


def check_undefined_scores_are_input_errors(proxy: Proxy) -> None:
    """What it is not defined for is refused, by an error that begins with the proxy's name."""
    overflowing = network()
    with torch.no_grad():
        for parameter in overflowing.parameters():
            parameter.mul_(1e30)
    for kind, given, batch in (
        ("a network that overflows", overflowing, BATCH),
        ("a network without weights", nn.Flatten(), BATCH),
        ("one image", network(), Batch(IMAGES[:1], torch.zeros(1, dtype=torch.int64))),
        ("images without labels", network(), Batch(IMAGES)),
    ):
        outcome: float | str
        try:
            outcome = proxy(given, batch)
        except FailureError as error:
            raise AssertionError(f"{type(error.__cause__).__name__} of {kind}: {error}") from error
        except InputError as error:
            outcome = str(error)
        if isinstance(outcome, str):
            assert outcome.startswith(f"proxy {proxy.name}: "), f"of {kind}: {outcome}"
        else:
            assert math.isfinite(outcome), f"{outcome} of {kind}"


def check_goes_to_other_processes(proxy: Proxy) -> None:
    """It is pickled by its name."""
    assert pickle.loads(pickle.dumps(proxy)) is proxy


PROXY_CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]


def check_proxy(proxy: Proxy) -> None:
    """Run all checks.

    Raises:
        AssertionError: a check failed; its name is in the message.
    """
    for check in PROXY_CHECKS:
        try:
            check(proxy)
        except Exception as error:
            raise AssertionError(f"{check.__name__}: {error}") from error
