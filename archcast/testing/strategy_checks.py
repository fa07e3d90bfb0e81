"""What every search strategy must do."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from archcast.predictors.predictor import Predictor
from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Search, Strategy, Trial
from archcast.spaces.space import Architecture
from archcast.testing.toys import global_states, toy

EPOCHS = 9
TRIALS = 60
_TOY = toy(240, seed=5)
POOL = Pool(_TOY.architectures[0].space, _TOY.architectures, EPOCHS)
_VALUES: dict[Architecture, float] = dict(
    zip(_TOY.architectures, _TOY.labels.tolist(), strict=True)
)

Value = Callable[[int, Trial], float]  # of a trial's place in the search, and the trial


def _value(place: int, trial: Trial) -> float:
    """The made-up accuracy of an architecture, less of it after fewer epochs."""
    share = 1.0 if trial.epochs is None else trial.epochs / EPOCHS
    return float(_VALUES[_member(trial.architecture)] * share**0.2)


def _member(architecture: Architecture) -> Architecture:
    found = POOL.find(architecture.choices)
    assert found is not None, f"{architecture} is not in the pool"
    return found


class _Known(Predictor):
    """Tells what architectures come to, for strategies that want a predictor."""

    def _fit(self, architectures: Sequence[Architecture], labels: object, context: object) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: object) -> list[float]:
        return [_VALUES[_member(each)] for each in architectures]

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: object
    ) -> tuple[list[float], list[float]]:
        return self._query(architectures, context), [1.0] * len(architectures)


_Known.tags = replace(_Known.tags, probabilistic=True)


def _searched(
    strategy: Strategy, value: Value = _value, guided: bool = False, seed: int = 0
) -> tuple[list[Trial], list[float]]:
    """The first trials of a search and what it was told of them."""
    guided = guided or strategy.traits.unguided is not None
    guide = Guide(_Known()) if guided else None
    search = Search(strategy, POOL, np.random.default_rng(seed), guide)
    trials: list[Trial] = []
    told: list[float] = []
    while len(trials) < TRIALS and (trial := search.ask()):
        trials.append(trial)
        told.append(value(len(told), trial))
        search.tell(told[-1])
    return trials, told


def _ways(strategy: Strategy) -> list[bool]:
    """Without and with a predictor, as far as the strategy can."""
    alone = [] if strategy.traits.unguided is not None else [False]
    return [*alone, *([True] if strategy.traits.takes_predictor else [])]


def check_parameters_are_frozen_fields_with_defaults(strategy: Strategy) -> None:
    """A strategy is its parameters: it can be compared, hashed and pickled."""
    assert type(strategy)() == type(strategy)()
    assert replace(strategy) == strategy  # type: ignore[type-var]
    assert hash(replace(strategy)) == hash(strategy)  # type: ignore[type-var]
    assert pickle.loads(pickle.dumps(strategy)) == strategy
    for field in fields(strategy):  # type: ignore[arg-type]
        try:
            setattr(strategy, field.name, None)
        except AttributeError:
            continue
        raise AssertionError(f"{field.name} can be set: freeze the dataclass")


def check_trials_can_be_run(strategy: Strategy) -> None:
    """Architectures of the pool, for 1 to all epochs, or to the end."""
    for guided in _ways(strategy):
        trials, _ = _searched(strategy, guided=guided)
        assert len(trials) == TRIALS, f"stops after {len(trials)} of {len(POOL)} architectures"
        for trial in trials:
            _member(trial.architecture)
            assert trial.epochs is None or 1 <= trial.epochs <= EPOCHS
            assert trial.epochs is None or strategy.traits.curves, "its traits name no curves"


def check_new_architectures_keep_coming(strategy: Strategy) -> None:
    """A search does not get stuck on what it knows."""
    for guided in _ways(strategy):
        trials, _ = _searched(strategy, guided=guided)
        seen = {POOL.class_of(_member(trial.architecture)) for trial in trials}
        assert len(seen) > TRIALS // 6, f"{len(seen)} architectures in {TRIALS} trials"


def check_same_seed_same_trials(strategy: Strategy) -> None:
    """All that is random comes from the generator that is given."""
    for guided in _ways(strategy):
        assert _searched(strategy, guided=guided) == _searched(strategy, guided=guided)
        assert _searched(strategy, guided=guided) != _searched(strategy, guided=guided, seed=1)


def check_global_random_state_is_left_alone(strategy: Strategy) -> None:
    """Python's, NumPy's and PyTorch's global generators stay where they are."""
    before = global_states()
    for guided in _ways(strategy):
        _searched(strategy, guided=guided)
    assert global_states() == before


def check_nothing_is_known_before_it_is_told(strategy: Strategy) -> None:
    """Two searches are the same until they are told something different."""

    def other(place: int, trial: Trial) -> float:
        return _value(place, trial) if place < TRIALS // 2 else 0.0

    for guided in _ways(strategy):
        first, _ = _searched(strategy, guided=guided)
        second, _ = _searched(strategy, other, guided=guided)
        assert first[: TRIALS // 2 + 1] == second[: TRIALS // 2 + 1]


def check_higher_is_better(strategy: Strategy) -> None:
    """What it trains is on average no worse than what random draws would be."""
    values = np.array(list(_VALUES.values()))
    for guided in _ways(strategy):
        trials, _ = _searched(strategy, guided=guided)
        found = np.array([_VALUES[_member(trial.architecture)] for trial in trials])
        noise = values.std() / np.sqrt(len(found))
        assert found.mean() > values.mean() - 3.0 * noise, "it seeks what is low"


STRATEGY_CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]


def check_strategy(strategy: Strategy) -> None:
    """Run all checks.

    Raises:
        AssertionError: a check failed; its name is in the message.
    """
    for check in STRATEGY_CHECKS:
        try:
            check(strategy)
        except Exception as error:
            raise AssertionError(f"{check.__name__}: {error}") from error
