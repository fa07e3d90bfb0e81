"""Many proxies of many networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archcast.core.device import pick_device
from archcast.core.errors import InputError
from archcast.core.identity import digest, made_of
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.making.trainer import initialised
from archcast.networks.nasbench201_network import OFFICIAL, Network, Skeleton
from archcast.networks.plain import copied
from archcast.spaces.space import Architecture
from archcast.zero_cost import registry as catalog
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.combination import Combination
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy
from archcast.zero_cost.score_store import Key, Measured, ScoreCache

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What `score` found, by proxy: arrays of one value a network, in their order."""

    values: dict[str, Vector]
    seconds: dict[str, Vector]  # what each took, or would have taken, with nothing shared


def score(
    networks: Sequence[Architecture | nn.Module],
    proxies: Iterable[str],
    batch: Batch,
    *,
    skeleton: Skeleton = OFFICIAL,
    seed: int = 0,
    device: str = "auto",
    workers: int = 1,
    cache: Path | None = None,
) -> Scores:
    """Score networks by proxies, making the passes that proxies have in common once a network.

    A score depends on the network, the minibatch and the seed; not on the other proxies, on the
    order, or on the number of workers. Combined proxies, such as `az-nas`, rank a network among
    `networks`; the scores of their parts are in the result too.

    Args:
        networks: architectures, built with weights drawn from their text and `seed`; or modules,
            which are left as they are.
        proxies: their names.
        batch: what proxies look at.
        skeleton: what stands around the cells of architectures.
        seed: of weights, noise inputs and dropout.
        device: `auto`, `cpu` or `cuda`.
        workers: processes, each with one thread.
        cache: a folder that keeps the scores of architectures, with their seconds.

    Raises:
        InputError: an unknown proxy, or one that is not defined for a network or the minibatch.
    """
    found = {name: catalog.get(name) for name in proxies}
    parts = _single(found)
    store = None if cache is None else ScoreCache(cache)
    scorer = _Scorer(parts, batch, skeleton, seed, pick_device(device), store)
    results = run_each(scorer, networks, workers, ordered=True)
    rows = list(track(results, len(networks), "scoring"))
    values = {name: np.array([row[name].score for row in rows]) for name in parts}
    seconds = {name: np.array([row[name].seconds for row in rows]) for name in parts}
    for name, each in found.items():
        if isinstance(each, Combination):
            values[name] = each(np.column_stack([values[part] for part in each.parts]))
            seconds[name] = np.sum([seconds[part] for part in each.parts], axis=0)
    return Scores(values, seconds)


def build(architecture: Architecture, skeleton: Skeleton, seed: int) -> nn.Module:
    """The network that training with `seed` starts from."""
    return initialised(partial(Network, architecture, skeleton), str(architecture), seed)


def _single(found: dict[str, Proxy | Combination]) -> dict[str, Proxy]:
    """The proxies that score a network alone, those that others combine among them."""
    single: dict[str, Proxy] = {}
    for name, each in found.items():
        if isinstance(each, Combination):
            single |= _single({part: catalog.get(part) for part in each.parts})
        else:
            single[name] = each
    return single


class _Scorer:
    """Scores one network by all proxies; it goes to the worker processes."""

    def __init__(
        self,
        proxies: dict[str, Proxy],
        batch: Batch,
        skeleton: Skeleton,
        seed: int,
        device: str,
        cache: ScoreCache | None,
    ) -> None:
        self.proxies, self.batch, self.skeleton = proxies, batch, skeleton
        self.seed, self.device, self.cache = seed, device, cache
        self.batch_hash = batch.hash
        self.made_of = {name: digest(made_of(proxy)) for name, proxy in proxies.items()}
        self.network = digest(made_of(Network))

    def __call__(self, network: Architecture | nn.Module) -> dict[str, Measured]:
        if isinstance(network, nn.Module):
            return self._measure(partial(copied, network), self.proxies)
        key = self._key(network)
        kept = self.cache.load(key) if self.cache else {}
        missing = {
            name: proxy
            for name, proxy in self.proxies.items()
            if name not in kept or kept[name].made_of != self.made_of[name]
        }
        if not missing:
            return kept
        try:
            new = self._measure(partial(build, network, self.skeleton, self.seed), missing)
        except InputError as error:
            raise InputError(f"{network}: {error}") from None
        if self.cache:
            self.cache.save(key, new)
        return kept | new

    def _measure(
        self, make: Callable[[], nn.Module], proxies: dict[str, Proxy]
    ) -> dict[str, Measured]:
        passes = Passes(make, self.batch.to(self.device), self.seed)
        new = {}
        for name, proxy in proxies.items():
            value, seconds = passes.measure(partial(proxy.of, passes))
            made = self.made_of[name]
            new[name] = Measured(made_of=made, score=value, seconds=seconds)
        return new

    def _key(self, architecture: Architecture) -> Key:
        return {
            "network": self.network,
            "space": architecture.space.name,
            "architecture": str(architecture),
            "skeleton": json.dumps(asdict(self.skeleton)),
            "batch": self.batch_hash,
            "seed": self.seed,
            "device": self.device,
        }
