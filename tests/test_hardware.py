"""What is measured of networks on devices: predictors in its unit, metrics, costs, known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

import archcast
from archcast.benchmarks.objective import ACCURACY, Objective, known_objective
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation import registry as metrics
from archcast.evaluation.engine import run_job, split
from archcast.evaluation.measure import measure
from archcast.evaluation.record import Record
from archcast.predictors import Additive, FlopsRegression, ParametersRegression
from archcast.predictors import registry as predictors
from archcast.predictors.baselines import Column
from archcast.predictors.helpers.contributions import Contributions
from archcast.predictors.helpers.labels import LABELS, rescale, values_of
from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.predictors.predictor_text import text_of
from archcast.report.terminal import leaderboard_table
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture
from archcast.studies.experiment import Experiment, choose_predictors, seeing
from archcast.studies.leaderboard import summarise
from tests.quick import QUICK

CELLS = spaces.get("nasbench201")
COSTS = np.array([0.0, 0.1, 2.0, 5.0, 1.0])  # of the five operations
LAYERS = ChoicesSpace(
    [
        Decision("kernel", (3, 5, 7), ordered=True),
        Decision("stride", (1, 2, 4), ordered=True),
        Decision("act", ("relu", "gelu", "silu")),
        Decision("width", low=8.0, high=64.0),
    ]
)


def milliseconds(cells: list[Architecture]) -> Vector:
    """A base, and what the operations of a cell cost."""
    found: Vector = 3.0 + COSTS[np.array([cell.choices for cell in cells])].sum(axis=1)
    return found


def latencies() -> Table:
    """Of 120 cells, two devices, one of which is twice as fast, and their energy."""
    cells = CELLS.sample(120, np.random.default_rng(0))
    slow = milliseconds(cells)
    return Table(
        CELLS,
        "toy",
        [str(cell) for cell in cells],
        {
            "test_accuracy": np.linspace(50.0, 90.0, 120),
            "epoch_seconds": slow / 3.0,
            "parameters": (1_000 * slow).astype(int),
            "latency_a": slow,
            "latency_b": slow / 2.0,
            "energy_a": slow**2,
        },
    )


TABLE = latencies()
SIZES: dict[str, Any] = {"train_sizes": (40,), "test_size": 50, "repeats": 2}


def run(predictor: Predictor | str, objective: str, **options: Any) -> Record:
    jobs, _ = Experiment(TABLE, predictor, objective=objective, **{**SIZES, **options}).plan()
    record = run_job(jobs[0], TABLE)
    assert record.error is None, record.error
    return record


# Contributions


def least_sum(x: Vector, amounts: Vector) -> float:
    """Of absolute relative errors, by linear programming: what lies above and what below."""
    n, features = x.shape
    rows = np.hstack([np.column_stack([np.ones(n), x]) / amounts[:, None], np.eye(n), -np.eye(n)])
    costs = np.repeat([0.0, 1.0], [features + 1, 2 * n])
    return float(linprog(costs, A_eq=rows, b_eq=np.ones(n)).fun)


@pytest.mark.parametrize("seed", range(5))
def test_absolute_relative_errors_are_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 3.0, (40, 4))
    amounts = (1.0 + x @ [1.0, 0.5, 0.0, 0.1]) * rng.lognormal(0.0, 0.3, 40)
    predicted = -Contributions(x, -amounts, 0.0).labels(x)
    found = np.abs(predicted / amounts - 1.0).sum()
    assert found <= 1.03 * least_sum(x, amounts)


def test_measurements_that_went_wrong_do_little_harm() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.0, 3.0, (40, 2))
    right = 1.0 + x @ [1.0, 0.5]
    wrong = np.where(np.arange(40) % 8 == 0, 4.0 * right, right)
    predicted = -Contributions(x, -wrong, 0.0).labels(x)
    np.testing.assert_allclose(predicted, right, rtol=0.02)


def test_contributions_are_held_small() -> None:
    x, amounts = np.array([[0.0], [1.0]]), np.array([2.0, 2.05])
    free, held = (Contributions(x, -amounts, ridge).weights[1] for ridge in (0.0, 1e3))
    assert free == pytest.approx(0.05)
    assert 0.0 <= held < 1e-3


def test_no_contribution_is_negative_in_the_direction_of_the_objective() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (60, 3)).astype(float)
    less = 10.0 - x @ [1.0, 0.5, 0.0] + rng.normal(0.0, 0.1, 60)
    for labels in (less, -less):
        fitted = Contributions(x, labels, 0.0)
        steps = fitted.labels(np.eye(3)) - fitted.labels(np.zeros((3, 3)))
        assert (steps * np.sign(labels.mean()) >= 0).all()
    free = Contributions(-x, less, 0.0).labels(-x)
    assert np.abs(free - less).max() < 0.5, "features with negative values are free"


@pytest.mark.parametrize("labels", [[-3.0, 0.0, 4.0], [0.0, 0.0, 0.0], [0.0, 2.0, 5.0], [-7.0]])
def test_labels_of_any_sign(labels: list[float]) -> None:
    x = np.arange(len(labels), dtype=float)[:, None]
    predicted = Contributions(x, np.array(labels), 0.0).labels(x)
    np.testing.assert_allclose(predicted, labels, atol=2.6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_additive_learns_what_operations_cost(sign: float) -> None:
    cells = CELLS.sample(80, np.random.default_rng(1))
    fitted = Additive(ridge=0.0).fit(cells[:12], sign * milliseconds(cells[:12]))
    scores = fitted.query(cells[12:])
    np.testing.assert_allclose(scores, sign * milliseconds(cells[12:]), rtol=1e-6)
    np.testing.assert_array_equal(fitted.values(scores), scores)


def test_additive_learns_what_options_cost() -> None:
    """More of a kernel or of width costs more, more of a stride less."""
    layers = LAYERS.sample(80, np.random.default_rng(2))
    kernel, stride, act, width = np.array([each.choices for each in layers]).T
    cost = 5.0 + kernel**2 - 0.7 * stride + np.array([0.0, 2.0, 1.0])[act.astype(int)] + width / 20
    fitted = Additive(ridge=0.0).fit(layers[:30], -cost[:30])
    np.testing.assert_allclose(fitted.query(layers[30:]), -cost[30:], rtol=1e-6)


def test_options_that_no_label_has_are_as_their_neighbours() -> None:
    kernels = ChoicesSpace([Decision("kernel", tuple(range(6)), ordered=True)])
    known = [kernels.parse(f"kernel={k}") for k in (0, 1, 2, 4, 5)]
    fitted = Additive().fit(known, [-1.0, -2.0, -3.0, -5.0, -6.0])
    (between,) = fitted.query([kernels.parse("kernel=3")])
    assert -5.1 < between < -2.9


@pytest.mark.parametrize("kind", [FlopsRegression, ParametersRegression])
def test_lines_over_a_size(kind: type[FlopsRegression | ParametersRegression]) -> None:
    rng = np.random.default_rng(3)
    size = rng.uniform(1e6, 1e8, 40)
    cells = CELLS.sample(40, rng)
    context = Context(columns={kind.column: size})
    for slope in (3e-8, -3e-8):
        cost = 5.0 + slope * size + rng.normal(0.0, 0.1, 40)
        scores = kind().fit(cells, -cost, context).query(cells, context)
        errors = np.abs(scores / cost + 1.0).sum()
        assert errors <= 1.03 * least_sum(size[:, None] / 1e8, cost)
        assert (np.ptp(scores) < 1e-9) == (slope < 0), "no slope is negative"


# Values


@pytest.mark.parametrize("name", LABELS)
def test_rescaled_labels_come_back(name: str) -> None:
    labels = np.random.default_rng(4).lognormal(size=30)
    labels[:3] = labels[3]
    np.testing.assert_allclose(values_of(rescale(labels, name), labels, name), labels)


def test_quantiles_between_and_beyond_labels() -> None:
    labels = np.array([-8.0, -2.0, -1.0])
    ranks = rescale(labels, "rank")
    between = (ranks[0] + ranks[1]) / 2
    found = values_of(np.array([-9.0, between, 9.0]), labels, "rank")
    np.testing.assert_allclose(found, [-8.0, -5.0, -1.0])


SHIPPED = [
    *(name for name in predictors if predictors.entry(name).family == "model-based"),
    *("sklearn", "graph", "ensemble", "tuned", "combine(parts=[column(latency_b)])"),
]


@pytest.mark.parametrize("name", SHIPPED)
def test_model_based_predictors_give_values_in_the_order_of_scores(name: str) -> None:
    settings = {} if "(" in name else QUICK.get(name, {})
    text = ", ".join(f"{key}={value}" for key, value in settings.items())
    record = run(name if "(" in name else f"{name}({text})", "latency_a")
    assert record.values is not None
    values, scores = np.array(record.values), np.array(record.predictions)
    order = np.argsort(-scores)
    assert (np.diff(values[order]) >= 0).all(), "in milliseconds, of which less is better"
    assert TABLE.columns["latency_a"].min() <= values.min()
    assert values.max() <= TABLE.columns["latency_a"].max()


def test_rankings_have_no_values() -> None:
    assert run("random", "latency_a").values is None
    assert run("column(latency_b, direction=min)", "latency_a").values is None


# Metrics


def test_shares_by_hand() -> None:
    within_5, within_10 = metrics.get("within-5"), metrics.get("within-10")
    truth = np.array([1.0, 2.0, 4.0, 100.0])
    predicted = np.array([1.04, 1.81, 4.5, 100.0])
    assert within_5(truth, predicted) == 0.5
    assert within_10(truth, predicted) == 0.75
    assert within_10(-truth, -predicted) == 0.75


def test_shares_are_of_values_of_positive_objectives() -> None:
    exact = run("additive(ridge=0)", "latency_a")
    job = exact.job.model_copy(update={"objective": ACCURACY})
    off = exact.model_copy(update={"values": [1.07 * value for value in exact.values or ()]})
    zero = exact.model_copy(update={"truth": [0.0, *exact.truth[1:]]})
    rows = [exact, off, run("random", "latency_a"), exact.model_copy(update={"job": job}), zero]
    measured = measure(rows)
    np.testing.assert_array_equal(measured["within_10"], [1.0, 1.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(measured["within_5"], [1.0, 0.0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(("objective", "there"), [("latency_a", True), ("accuracy", False)])
def test_a_table_shows_shares_where_there_are_some(objective: str, there: bool) -> None:
    board = summarise(measure([run("additive", objective)]))
    headings = [str(each.header) for each in leaderboard_table(board, 60).columns]
    assert ("within 10 %" in headings) == there


# Costs


@pytest.mark.parametrize(
    ("objective", "seconds"),
    [
        ("parameters", lambda rows: 0.0),
        ("epoch_seconds", lambda rows: TABLE.columns["epoch_seconds"][rows].sum()),
        ("latency_a", lambda rows: None),
        ("energy_a", lambda rows: None),
    ],
)
def test_what_labels_cost(objective: str, seconds: Any) -> None:
    record = run("additive", objective)
    assert record.cost is not None
    expected = seconds(split(record.job, TABLE).train)
    found = record.cost.labels
    assert found is None if expected is None else found == pytest.approx(expected, rel=1e-5)


def test_what_needs_training() -> None:
    assert ACCURACY.needs_training
    assert Objective("perplexity", "min", valid="ppl").needs_training
    assert Objective("speed", "min", test="latency_a", valid="latency_a").needs_training is False
    energy = known_objective("energy_a")
    assert energy == Objective("energy_a", "min", "mJ", "energy_a", "energy_a")


def test_all_has_hardware_where_no_training_is_needed() -> None:
    def families(objective: str) -> set[str]:
        jobs, _ = Experiment(TABLE, "all", objective=objective, **SIZES).plan()
        return {each.job.family for each in jobs}

    assert "hardware" in families("latency_a")
    assert "hardware" not in families("accuracy")


def test_the_objective_itself_is_never_given() -> None:
    for text in ("params-regression", "params", "column(parameters)"):
        with pytest.raises(InputError, match="parameters only as what is to be predicted"):
            run(text, "parameters")


# Known objectives


class Sees(Predictor):
    """Keeps its context."""

    seen: list[Context] = []  # noqa: RUF012

    def _fit(self, architectures: Any, labels: Vector, context: Context) -> None:
        self.seen.append(context)

    def _query(self, architectures: Any, context: Context) -> NDArray[np.int64]:
        return np.arange(len(architectures))


def test_families_see_known_objectives_as_far_as_they_take_features() -> None:
    table = open_table("nasbench201-mini")
    chosen, _ = choose_predictors("model-based", table, table.objective())
    added = [text_of(each) for each in seeing(chosen, [Column("flops", "min")])]
    assert "column(flops, direction=min)" in added
    assert any(each.startswith("combine(xgb") for each in added)
    assert not any("bonas" in each for each in added)


def test_known_objectives_are_seen_and_charged(tmp_path: Any) -> None:
    board = archcast.leaderboard(
        TABLE, [Sees(), "bayes-lin-reg"], objective="latency_b", known=("latency_a(price=2)",),
        results=tmp_path, **SIZES,
    ).set_index("predictor")  # fmt: skip
    known = "column(latency_a, direction=min, price=2)"
    beside = f"combine(bayes-lin-reg, parts=[{known}])"
    assert {*board.index} == {"Sees", "bayes-lin-reg", known, beside}
    assert board.kendall_tau[known] == pytest.approx(1.0), "both are of one order"
    assert board.kendall_tau[beside] > board.kendall_tau["bayes-lin-reg"]
    assert board.query_seconds[known] == pytest.approx(2.0, abs=0.01)
    assert board.fit_seconds[beside] > 2.0 * 40
    assert board.query_seconds["bayes-lin-reg"] < 1.0
    assert all(context.columns is None for context in Sees.seen), "none without asking"


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ("latency_b", "--known latency_b .*only as what is to be predicted"),
        ("latency_c", "has no objective 'latency_c'"),
        ("latency_a(prize=2)", "has no 'prize'; it has price"),
        ("latency_a(price=-2)", "price=-2"),
    ],
)
def test_what_can_not_be_known(known: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Experiment(TABLE, "additive", objective="latency_b", known=(known,), **SIZES).plan()


def test_known_objectives_have_no_gaps() -> None:
    gaps = np.where(np.arange(120) == 7, np.nan, np.arange(120.0))
    texts = [str(each) for each in TABLE.architectures]
    declared = [ACCURACY_ALONE, Objective("bleu", valid="bleu")]
    table = Table(CELLS, "toy", texts, {**TABLE.columns, "bleu": gaps}, objectives=declared)
    with pytest.raises(InputError, match="--known bleu is missing of some runs"):
        Experiment(table, "additive", objective="latency_b", known=("bleu",), **SIZES).plan()


ACCURACY_ALONE = Objective("accuracy", "max", "%", test="test_accuracy")


class Odd(Sees):
    """Its values are not finite."""

    def values(self, scores: Vector) -> Vector:
        return np.full(len(scores), np.nan)


def test_values_that_are_not_finite_are_a_failure() -> None:
    (planned, *_), _ = Experiment(TABLE, Odd(), objective="latency_a", **SIZES).plan()
    record = run_job(planned, TABLE)
    assert record.error is not None
    assert "50 of 50 predicted values are not finite" in record.error
