"""Does one graph network with a head for each objective rank better than a network for each?

    python -m reproduce.shared_network nasbench201-mini accuracy,latency_cpu,pgd_accuracy

For each objective Kendall's tau over 500 architectures of `gcn` that learned from 30 and from 100
others, by networks apart and by one whose last layer has an output for each objective; and by how
much the second is better, with its 95 % interval over the splits, which are from seed 5000.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.table import Table
from archcast.core.heavy import torch
from archcast.core.seeding import seeded
from archcast.evaluation.engine import draw_runs
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.statistics import mean_interval
from archcast.predictors.gcn import GCN
from archcast.predictors.helpers.descent import minimise
from archcast.predictors.helpers.graph_predictor import GraphTensors
from archcast.predictors.helpers.labels import Axis, rescale
from archcast.search.goal import Goal
from archcast.search.simulation import goal_truth, told
from archcast.spaces.space import Architecture
from reproduce.options import opened
from reproduce.page import number, table

SEED, SIZES, TEST = 5_000, (30, 100), 500
WIDTH, STEPS = 64, 120
Floats = NDArray[np.float64]


def apart(known: Sequence[Architecture], labels: Floats, asked: Sequence[Architecture]) -> Floats:
    """Scores (asked, objectives) of a network for each objective."""
    columns = [GCN(width=WIDTH, steps=STEPS).fit(known, column).query(asked) for column in labels.T]
    return np.column_stack(columns)


def shared(known: Sequence[Architecture], labels: Floats, asked: Sequence[Architecture]) -> Floats:
    """The same of one network, trained as `gcn` by the mean error over the objectives."""
    gcn = GCN(width=WIDTH, steps=STEPS)
    rescaled = [rescale(column, gcn.labels) for column in labels.T]
    y = torch.tensor(np.column_stack([Axis(each).standardise(each) for each in rescaled])).float()
    graphs = gcn._graphs(known)
    with seeded(gcn.seed) as generator:
        gcn.width_ = WIDTH
        network = gcn._network(graphs.nodes.shape[2])
        network.head[2] = torch.nn.Linear(WIDTH, y.shape[1])

    def loss(rows: torch.Tensor) -> torch.Tensor:
        batch = GraphTensors(*(tensor[rows] for tensor in graphs))
        return torch.nn.functional.mse_loss(network(batch), y[rows])

    minimise(
        network, loss, len(y), generator, steps=STEPS, batch_size=gcn.batch_size,
        learning_rate=gcn.learning_rate, weight_decay=gcn.weight_decay,
    )  # fmt: skip
    with torch.no_grad():
        scores: Floats = network(gcn._graphs(asked)).double().numpy()
    return scores


def taus(results: Table, goal: Goal, size: int, repeat: int) -> Floats:
    """Of one split, (apart and shared, objectives)."""
    rng = np.random.default_rng([SEED, repeat])
    values = told(results, goal, "valid")
    run = draw_runs(results, rng, values.sum(axis=1))
    truth = goal.signed(goal_truth(results, goal, "test", run))
    labels = goal.signed(values[run])
    known, asked = np.split(rng.permutation(len(results))[: size + TEST], [size])
    cells = results.architectures
    of_known, of_asked = [cells[at] for at in known], [cells[at] for at in asked]
    return np.array(
        [
            [kendall_tau(*pair) for pair in zip(truth[asked].T, scores.T, strict=True)]
            for way in (apart, shared)
            for scores in [way(of_known, labels[known], of_asked)]
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", help="NAME or NAME:DATASET, or a file")
    parser.add_argument("objectives", help="two or more")
    parser.add_argument("--repeats", type=int, default=6)
    options = parser.parse_args()
    results = opened(options.table)
    goal = Goal(tuple(map(results.objective, options.objectives.split(","))))
    rows = []
    for size in SIZES:
        found = np.array([taus(results, goal, size, at) for at in range(options.repeats)])
        for at, objective in enumerate(goal.objectives):
            one, other = found[:, :, at].T
            low, high = mean_interval((other - one).tolist())
            gain = f"{number(float((other - one).mean()))} ({number(low)} to {number(high)})"
            means = [number(float(each.mean())) for each in (one, other)]
            rows.append([f"`{objective.name}`", str(size), *means, gain])
    print(table(["objective", "labels", "apart", "shared", "gain"], rows))


if __name__ == "__main__":
    main()
