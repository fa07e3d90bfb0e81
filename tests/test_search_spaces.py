"""Searches in spaces that are data: ranges, and graphs with hundreds of decisions."""

from __future__ import annotations

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.search import registry as strategies
from archcast.search.hyperband import BOHB
from archcast.search.pool import Pool
from archcast.search.reinforce import Reinforce
from archcast.search.strategy import Guide, Search, Strategy
from archcast.spaces.dag import DagSpace
from archcast.spaces.space import Architecture, Space, level_matrix
from archcast.testing.toys import quality_of_nodes
from tests.data_spaces import SPACES, VARIED


def searched(
    strategy: Strategy, space: Space, members: int, trials: int, guide: Guide | None = None
) -> tuple[Pool, list[Architecture]]:
    pool = Pool(space, space.sample(members, np.random.default_rng(0)), epochs=9)
    search, trained = Search(strategy, pool, np.random.default_rng(1), guide), []
    while len(trained) < trials and (trial := search.ask()):
        trained.append(trial.architecture)
        search.tell(float(quality_of_nodes([trial.architecture])[0]) * 100)
    return pool, trained


@pytest.mark.parametrize("space", [SPACES["mixed"], VARIED], ids=["mixed", "dag"])
@pytest.mark.parametrize(
    "name", [name for name in strategies if not strategies.get(name)().own_guide()]
)
def test_strategies_propose_members(name: str, space: Space) -> None:
    strategy = strategies.get(name)()
    guide = None
    if strategy.traits.unguided:
        name = "random" if strategy.traits.untrained else "bayes-lin-reg"
        guide = Guide(predictors.get(name)())
    pool, trained = searched(strategy, space, 60, 24, guide)
    assert len(trained) == 24
    assert {*trained} <= {*pool.architectures}


@pytest.mark.parametrize("strategy", [Reinforce(), BOHB(random=0.0)])
def test_what_pays_is_found_in_ranges(strategy: Strategy) -> None:
    """Draws move to where quality is high, though no number of a range is drawn twice."""
    _, trained = searched(strategy, SPACES["mixed"], 1_000, 400)
    qualities = quality_of_nodes(trained)
    assert qualities[-100:].mean() > qualities[:100].mean() + 0.03


def test_members_of_a_large_space_are_neighbours_by_one_decision() -> None:
    space = DagSpace(["a", "b"], 48)  # 1,128 pairs
    start = space.sample(1, np.random.default_rng(0))[0]
    rng = np.random.default_rng(1)
    near = [space.mutate(start, rng) for _ in range(5)]
    pool = Pool(space, [start, *near, *space.sample(5, rng)], epochs=1)
    found = {pool.class_of(each) for each in pool.neighbours(start)}
    assert found == {pool.class_of(each) for each in near}
    assert pool.is_connected is False


def test_levels_of_a_space_without_ranges_are_its_choices() -> None:
    cells = SPACES["dag-ordered"].sample(20, np.random.default_rng(0))
    assert level_matrix(cells).tolist() == [list(cell.choices) for cell in cells]
