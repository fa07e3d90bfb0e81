"""Many proxies of many networks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archcast.core.device import pick_device
from archcast.core.errors import InputError, short
from archcast.core.identity import made_of
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.networks.blueprint import Blueprint, Untrained, networks_of
from archcast.networks.networks import OFFICIAL
from archcast.networks.plain import copied
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature
from archcast.zero_cost import registry as catalog
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.combination import Combination
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import FailureError, Proxy
from archcast.zero_cost.score_store import Score, ScoreFile, score_file

Vector = NDArray[np.float64]
Network = Architecture | nn.Module

_logger = logging.getLogger("archcast")
_WARM = set[tuple[str, ...]]()


@dataclass(frozen=True, slots=True)
class Scores:
    """What `score` found, by proxy: arrays of one value a network, in their order."""

    values: dict[str, Vector]  # NaN where a proxy, or a part of it, is not defined for a network
    seconds: dict[str, Vector]  # what each took, or would have taken, with nothing shared


def score(
    networks: Sequence[Network],
    proxies: Iterable[str],
    batch: Batch,
    *,
    scale: Any = OFFICIAL,
    classes: int = 10,
    seed: int = 0,
    device: str = "auto",
    workers: int = 1,
    cache: Path | None = None,
) -> Scores:
    """Score networks by proxies, making the passes that proxies have in common once a network.

    A score depends on the network, the minibatch and the seed; not on the other proxies, on the
    order, or on the number of workers. Combined proxies, such as `az-nas`, rank a network among
    `networks`; the scores of their parts are in the result too. Where a proxy is not defined for a
    network, or a network fails, the score is NaN, and the reason is logged.

    Args:
        networks: architectures of one space, built with weights drawn from their text and `seed`;
            or modules, which are left as they are.
        proxies: their names.
        batch: what proxies look at.
        scale: of the networks of architectures: a name, or an object such as a `Skeleton`.
        classes: of the networks of architectures.
        seed: of weights, noise inputs and dropout.
        device: `auto`, `cpu` or `cuda`.
        workers: processes, each with one thread.
        cache: a folder that keeps the scores of architectures, with their seconds.

    Raises:
        InputError: an unknown proxy, or one that is defined for none of the networks; or
            architectures of several spaces, or of one without networks.
    """
    for network in networks:
        if not isinstance(network, Network):
            raise InputError(f"{short(str(network))} is neither an architecture nor a module")
    found = {name: catalog.get(name) for name in proxies}
    parts = _single(found)
    build = _builder(networks, Signature(tuple(batch.images.shape[1:]), classes), scale, seed)
    scorer = Scorer(parts, build, batch, seed, pick_device(device), cache)
    results = run_each(
        scorer, networks, workers, ordered=True, on_loss=lambda _, loss: scorer.failed(loss.how)
    )
    rows = list(track(results, len(networks), "scoring"))
    _tell(networks, rows, parts)
    values = {name: np.array([row[name].value for row in rows], dtype=np.float64) for name in parts}
    seconds = {name: np.array([row[name].seconds for row in rows]) for name in parts}
    for name, each in found.items():
        if isinstance(each, Combination):
            matrix = np.column_stack([values[part] for part in each.parts])
            defined = ~np.isnan(matrix).any(axis=1)
            values[name] = np.full(len(matrix), np.nan)
            values[name][defined] = each(matrix[defined])
            seconds[name] = np.sum([seconds[part] for part in each.parts], axis=0)
    return Scores(values, seconds)


def _tell(
    networks: Sequence[Network], rows: Sequence[Mapping[str, Score]], names: Iterable[str]
) -> None:
    """Log why scores are missing, the first of each proxy.

    Raises:
        InputError: a proxy has none at all.
    """
    for name in names:
        missing = [at for at, row in enumerate(rows) if row[name].value is None]
        if not missing:
            continue
        network, reason = networks[missing[0]], rows[missing[0]][name].reason
        named = f"network {missing[0] + 1}" if isinstance(network, nn.Module) else str(network)
        if len(missing) == len(rows):
            raise InputError(f"{named}: {reason}")
        _logger.warning(
            "%d of %d networks have no score; %s: %s", len(missing), len(rows), named, reason
        )


def _builder(
    networks: Sequence[Network], signature: Signature, scale: Any, seed: int
) -> Untrained | None:
    spaces = list(dict.fromkeys(n.space for n in networks if isinstance(n, Architecture)))
    if not spaces:
        return None
    if len(spaces) > 1:
        names = " and ".join(space.name for space in spaces)
        raise InputError(f"architectures of {names}; score those of each space by themselves")
    found = networks_of(spaces[0])
    chosen = found.scale(scale) if isinstance(scale, str) else scale
    return Untrained(Blueprint(found, chosen, signature), seed)


def _single(found: dict[str, Proxy | Combination]) -> dict[str, Proxy]:
    """The proxies that score a network alone, those that others combine among them."""
    single: dict[str, Proxy] = {}
    for name, each in found.items():
        if isinstance(each, Combination):
            single |= _single({part: catalog.get(part) for part in each.parts})
        else:
            single[name] = each
    return single


class Scorer:
    """Scores one network after another by some proxies; it can go to other processes.

    Args:
        proxies: by name.
        build: makes the network of an architecture, always with the same weights.
        batch: what proxies look at.
        seed: of noise inputs and dropout.
        device: `cpu` or `cuda`.
        folder: where scores of architectures are kept, if `build` is an `Untrained`: what any other
            function makes has no name.
    """

    def __init__(
        self,
        proxies: Mapping[str, Proxy],
        build: Callable[[Architecture], nn.Module] | None,
        batch: Batch,
        seed: int = 0,
        device: str = "cpu",
        folder: Path | None = None,
    ) -> None:
        self.proxies, self.build, self.batch = proxies, build, batch
        self.seed, self.device, self.folder = seed, device, folder
        self.keys: dict[str, str] = {}  # of each proxy, all that decides a score besides the cell
        if folder and isinstance(build, Untrained):
            key = {
                **build.blueprint.made_of,
                "weights": build.seed,
                "batch": batch.hash,
                "seed": seed,
                "device": device,
            }
            self.keys = {
                name: json.dumps({"proxy": made_of(proxy), **key}, sort_keys=True)
                for name, proxy in proxies.items()
            }
            for each in self.keys.values():
                self._file(each).catch_up()

    def __call__(self, network: Network) -> dict[str, Score]:
        """The score of each proxy; the passes that proxies share are made once."""
        if isinstance(network, nn.Module):
            return self._measure(partial(copied, network), self.proxies)
        assert self.build is not None
        text, make = str(network), partial(self.build, network)
        files = {name: self._file(key) for name, key in self.keys.items()}
        kept = {name: file.scores[text] for name, file in files.items() if text in file.scores}
        missing = {name: proxy for name, proxy in self.proxies.items() if name not in kept}
        if not missing:
            return kept
        self._warm_up(make, missing)
        new = self._measure(make, missing)
        for name, file in files.items():
            if name in new:
                file.add(text, new[name])
        return kept | new

    def failed(self, reason: str) -> dict[str, Score]:
        """What stands for the scores of a network that none of the proxies saw."""
        return dict.fromkeys(self.proxies, Score(None, 0.0, reason, failed=True))

    def _file(self, key: str) -> ScoreFile:
        assert self.folder is not None
        return score_file(self.folder, key)

    def _warm_up(self, make: Callable[[], nn.Module], proxies: Mapping[str, Proxy]) -> None:
        """Once a process, so that the seconds that are kept hold no imports and first calls."""
        if self.keys and (first := (*proxies, self.device)) not in _WARM:
            self._measure(make, proxies)
            _WARM.add(first)

    def _measure(
        self, make: Callable[[], nn.Module], proxies: Mapping[str, Proxy]
    ) -> dict[str, Score]:
        passes = Passes(make, self.batch.to(self.device), self.seed)
        return {name: _score(proxy, passes) for name, proxy in proxies.items()}


def _score(proxy: Proxy, passes: Passes) -> Score:
    def attempt() -> float | InputError:
        try:
            return proxy.of(passes)
        except InputError as error:
            return error

    value, seconds = passes.measure(attempt)
    if isinstance(value, InputError):
        return Score(None, seconds, str(value), isinstance(value, FailureError))
    return Score(value, seconds)
