"""Searches for small generators of networks, whose samples are trained for real.

    python -m reproduce.nago --repeats 5 --jobs 2
    python -m reproduce.nago --repeats 1 --trainings 4 --epochs 3 --samples 2 --answers 2   # a try

A generator is worth the mean over some samples, each trained once. BOHB pays for as many epochs as
it asks for; Bayesian optimisation is after accuracy and memory. Beside them stand random
generators, and random architectures, of one sample each. What a search answers is trained anew:
further samples of a generator, or an architecture with further seeds, by `ground_truth`. All runs
are kept in the cache of ground truths.

A table in Markdown: means over the repeats, how much the repeats differ, and the deviation over the
samples, or the seeds, of an answer. Seconds are those of the trainings that a search paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import ACCURACY, known_objective
from archcast.benchmarks.table import Table, read_table
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.making.ground_truth import Beyond, ground_truth
from archcast.making.recipe import RECIPE, Recipe
from archcast.making.table_training import Setting, drawn, train_runs
from archcast.predictors.gaussian_process import GaussianProcess
from archcast.report.text import seconds_text
from archcast.search.bayesian import BayesianOptimisation
from archcast.search.goal import ACCURATE, Goal
from archcast.search.hyperband import BOHB
from archcast.search.open_pool import OpenPool
from archcast.search.random_search import RandomSearch
from archcast.search.several import Guides
from archcast.search.strategy import Guide, Search, Strategy
from archcast.spaces.decision import Decision
from archcast.spaces.nago import SAMPLES
from archcast.spaces.nago_small import SPACE, SmallNAGO
from archcast.spaces.space import Architecture
from reproduce.options import options_of_jobs
from reproduce.page import number, table

MEMORY = known_objective("memory")
assert MEMORY is not None
BOTH = Goal((ACCURACY, MEMORY))
NEAR = 1.0  # points of accuracy that less memory may cost
FIRST_SEED = 100  # of the searches; what they answer is trained by seeds from 0


class Generators(SmallNAGO):
    """Generators alone: all samples of one are one architecture, which stands as the first."""

    @property
    def decisions(self) -> tuple[Decision, ...]:  # type: ignore[override]
        *others, sample = super().decisions
        return (*others, replace(sample, options=sample.options[:1]))

    def canonical(self, architecture: Architecture) -> Architecture:
        return Architecture(self, (*super().canonical(architecture).choices[:-1], 0))


class Plan(NamedTuple):
    """A search: `samples` of what it proposes are trained, and told of by their means."""

    name: str
    strategy: Strategy
    space: SmallNAGO
    goal: Goal
    samples: int


class Tried(NamedTuple):
    """What came of one proposal, and what it had been trained for."""

    architecture: Architecture
    epochs: int
    accuracy: float
    memory: float


def plans(samples: int) -> list[Plan]:
    generators = Generators()
    return [
        Plan("random architectures", RandomSearch(), SPACE, ACCURATE, 1),
        Plan("random generators", RandomSearch(), generators, ACCURATE, samples),
        Plan("`bohb`", BOHB(), generators, ACCURATE, samples),
        Plan("`bayesian`", BayesianOptimisation(start=3, batch=1), generators, BOTH, samples),
    ]


def sampled(plan: Plan, proposed: Architecture, samples: Sequence[int]) -> list[Architecture]:
    """Architectures of the space: samples of a generator, or what was proposed itself."""
    if plan.samples == 1:
        return [SPACE.canonical(proposed)]
    chosen = SPACE.canonical(Architecture(SPACE, proposed.choices)).choices
    return [Architecture(SPACE, (*chosen[:-1], sample)) for sample in samples]


def search(
    plan: Plan, beyond: Beyond, epochs: int, budget: int, seed: int
) -> tuple[list[Tried], float]:
    """What a search tried until it had paid for a budget of whole trainings, and the seconds."""
    rng = np.random.default_rng([seed, 0])
    pool = OpenPool(plan.space, [], epochs if plan.goal.is_single else 1, plan.goal)
    guide = None
    if not plan.goal.is_single:
        guide = Guides([Guide(GaussianProcess()) for _ in plan.goal.quantities])
    steps = Search(plan.strategy, pool, rng, guide)
    tried: list[Tried] = []
    paid: dict[Architecture, int] = {}  # epochs
    seconds = spent = 0.0
    while spent < budget - 1e-9 and (trial := steps.ask()):
        proposed, wanted = trial.architecture, trial.epochs or epochs
        networks = sampled(plan, proposed, range(plan.samples))
        runs = beyond.trained([(each, seed) for each in networks])
        further = max(0, wanted - paid.get(proposed, 0))
        paid[proposed] = paid.get(proposed, 0) + further
        spent += further * plan.samples / epochs
        seconds += further * float(runs.columns["epoch_seconds"].sum())
        curves = np.zeros((len(networks), epochs))  # 0 once a run has diverged
        known = np.nan_to_num(runs.columns["valid_accuracy"])
        curves[:, : known.shape[1]] = known
        reached = float(curves[:, wanted - 1].mean())
        tried.append(Tried(proposed, wanted, reached, float(runs.columns["memory"].mean())))
        told = np.array([tried[-1].accuracy, -tried[-1].memory])
        steps.tell(reached if plan.goal.is_single else told)
    return tried, seconds


def answers(plan: Plan, tried: Sequence[Tried]) -> dict[str, Tried]:
    """What a search returns, by name: the best, and of a front also what takes less memory."""
    longest = max(each.epochs for each in tried)
    finished = [each for each in tried if each.epochs == longest]
    best = max(finished, key=lambda each: each.accuracy)
    if plan.goal.is_single:
        return {plan.name: best}
    near = [each for each in finished if each.accuracy >= best.accuracy - NEAR]
    small = min(near, key=lambda each: each.memory)
    return {f"{plan.name}, most accurate": best, f"{plan.name}, small": small}


def judged(plan: Plan, answer: Tried, begun: Table, samples: int) -> tuple[float, float, float]:
    """Test accuracy and its deviation over samples, or seeds; and memory in megabytes."""
    further = range(plan.samples, plan.samples + samples)
    architectures = sampled(plan, answer.architecture, further)
    seeds = samples if plan.samples == 1 else 1
    found = ground_truth(begun, architectures, seeds)
    return (
        float(found["test_accuracy"].mean()),
        float(found["test_accuracy"].std(ddof=1)),
        float(found["memory"].mean()) / 2**20,
    )


def answered(
    asked: tuple[Plan, int], begun: Table, epochs: int, budget: int, samples: int
) -> list[tuple[str, float, float, float, float]]:
    """Of each answer of one search its name, what it is judged by, and what the search took."""
    plan, repeat = asked
    tried, seconds = search(plan, Beyond.of(begun, "cpu"), epochs, budget, FIRST_SEED + repeat)
    found = answers(plan, tried)
    return [(name, *judged(plan, each, begun, samples), seconds) for name, each in found.items()]


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=5)
    parser.add_argument("--trainings", type=int, default=24, help="that a search may pay")
    parser.add_argument("--samples", type=int, default=2, help="of a generator, in a search")
    parser.add_argument("--answers", type=int, default=4, help="further samples of an answer")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="of a whole training")
    options = parser.parse_args()
    if not 2 <= options.answers <= len(SAMPLES) - options.samples:
        parser.error(
            f"--answers: a generator has {len(SAMPLES)} samples in all, those of a search too"
        )
    setting = replace(Setting.mini(SPACE, None, "cpu"), recipe=Recipe(epochs=options.epochs))
    path = options.results / f"nago-{options.epochs}.parquet"
    train_runs([(each, 0) for each in drawn(SPACE, 2)], setting, path, options.jobs)
    asked = [(plan, at) for plan in plans(options.samples) for at in range(options.repeats)]
    work = partial(
        answered, begun=read_table(path), epochs=options.epochs, budget=options.trainings,
        samples=options.answers,
    )  # fmt: skip
    found: dict[str, list[list[float]]] = {}
    for rows in track(run_each(work, asked, options.jobs, ordered=True), len(asked), "searches"):
        for name, *values in rows:
            found.setdefault(name, []).append(values)
    heads = ["search", "test accuracy", "of searches", "of samples", "memory, MB", "took"]
    print(table(heads, [cells(name, np.array(rows)) for name, rows in found.items()]))


def cells(name: str, rows: NDArray[np.float64]) -> list[str]:
    """Of the answers of each search (searches, values); deviations are behind the accuracy."""
    accuracy, deviation, memory, seconds = rows.mean(axis=0).tolist()
    apart = number(float(rows[:, 0].std(ddof=1)) if len(rows) > 1 else np.nan, 2)
    return [
        name, f"{accuracy:.2f}", apart, number(deviation, 2), f"{memory:.2f}", seconds_text(seconds)
    ]  # fmt: skip


if __name__ == "__main__":
    main()
