"""Every zero-cost proxy against every shipped check; and checks against proxies that break them."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from archcast.testing import check_proxy
from archcast.testing.proxy_checks import PROXY_CHECKS
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy, proxy

SINGLE = [name for name in proxies if isinstance(proxies.get(name), Proxy)]


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("check", PROXY_CHECKS)
def test_contract(name: str, check: Callable[[Proxy], None]) -> None:
    found = proxies.get(name)
    assert isinstance(found, Proxy)
    check(found)


class Reckless(Proxy):
    """Works on the network that it is given, and not on a copy."""

    def __init__(self, change: Callable[[nn.Module], object]) -> None:
        super().__init__(size, version=1)
        self.change = change

    def __call__(self, network: nn.Module, batch: object, seed: int = 0) -> float:
        self.change(network)
        return 1.0


@proxy(version=1)
def size(passes: Passes) -> float:
    return float(sum(weight.numel() for weight in passes.weights))


def nudge(network: nn.Module) -> None:
    network[0].weight.data += 1e-3  # type: ignore[index]


def shout(network: nn.Module) -> None:
    network[0].register_forward_hook(lambda *_: None)  # type: ignore[index]


def see(network: nn.Module) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
    with torch.random.fork_rng():
        network(torch.randn(2, 1, 10, 10))
    for norm in norms:
        norm.eval()


def set_aside(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False


CHANGES = {
    "a weight": nudge,
    "the mode": lambda network: network.eval(),
    "a hook": shout,
    "what has gradients": lambda network: network.requires_grad_(False),
    "gradients": lambda network: network.zero_grad(),
    "statistics": see,
    "a setting": set_aside,
    "the layout": lambda network: network.to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_network_is_found(change: str) -> None:
    with pytest.raises(AssertionError, match=r"check_network_comes_back_as_it_was: changed"):
        check_proxy(Reckless(CHANGES[change]))


@proxy(version=1)
def whim(passes: Passes) -> float:
    return size.of(passes) + float(torch.rand(1))


@proxy(version=1)
def whim_of_numpy(passes: Passes) -> float:
    return size.of(passes) + float(np.random.default_rng().random())


@proxy(version=1)
def tampering(passes: Passes) -> float:
    random.seed(0)
    return size.of(passes)


@proxy(version=1)
def greedy(passes: Passes) -> float:
    with torch.no_grad():
        for weight in passes.weights:
            weight.zero_()
    return 1.0


@proxy(version=1)
def careless(passes: Passes) -> float:
    return float(passes.batch.labels.sum())  # type: ignore[union-attr]


@proxy(version=1)
def picky(passes: Passes) -> float:
    return float(sum(m.weight.sum() for m in passes.network.modules() if hasattr(m, "dropout")))


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (whim, "check_same_seed_same_score"),
        (whim_of_numpy, "check_same_seed_same_score"),
        (tampering, "check_global_states_are_left_alone"),
        (greedy, "check_shares_passes"),
        (careless, "check_undefined_scores_are_input_errors: AttributeError of images without"),
        (picky, "check_gives_a_finite_float"),
        (proxy(version=1)(lambda passes: 1.0), "check_goes_to_other_processes"),
    ],
)
def test_a_broken_proxy_is_found(broken: Proxy, check: str) -> None:
    with pytest.raises(AssertionError, match=check):
        check_proxy(broken)


def test_a_sound_proxy_passes() -> None:
    check_proxy(size)
