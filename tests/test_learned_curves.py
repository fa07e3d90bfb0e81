"""A transformer that foretells how curves end: what it reads, and what it is worth."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from archcast.benchmarks.opening import open_table
from archcast.evaluation.metrics import kendall_tau
from archcast.predictors.helpers.curve_transformer import BINS, TOKENS, CurveTransformer, tokens_of
from archcast.predictors.lce import UNKNOWN_STD
from archcast.predictors.learned_curves import WEIGHTS, LearnedCurves, trained
from archcast.predictors.predictor import Context, Curves, Vector
from tools import train_curve_transformer as making


def curves(name: str, some: int = 300) -> tuple[Vector, Vector, Vector]:
    """Accuracies and losses of first runs of a benchmark that ships, and the truth of others."""
    table = open_table(name)
    rows = np.random.default_rng(0).permutation(len(table))[:some]
    first = table.starts[:-1][rows]
    test = table.values(table.objective(), "test")
    truth = table.mean_of_others(test, table.starts[:-1])[rows]
    accuracy, loss = (
        table.columns[column][first].astype(float) for column in ("valid_accuracy", "train_loss")
    )
    return accuracy, loss, truth


def told(accuracy: Vector, loss: Vector, horizon: int) -> tuple[Vector, Vector]:
    """Values and deviations; the cells are of no account."""
    cells = open_table("nasbench201-mini").architectures[: len(accuracy)]
    context = Context(curves=Curves(horizon, {"valid_accuracy": accuracy, "train_loss": loss}))
    return LearnedCurves().fit([], [], context).query(cells, context, return_std=True)


def test_tokens_by_hand() -> None:
    accuracy, loss = torch.tensor([[0.1, 0.3]]), torch.tensor([[2.0, 1e-9]])
    found = tokens_of(accuracy, loss, 8)
    expected = [
        [1 / 8, 0, 0.1, np.log(2), 1, 0],
        [2 / 8, np.log(2) / 5, 0.3, np.log(1e-4), 1, 0],
        [1, np.log(8) / 5, 0, 0, 0, 1],
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    blind = tokens_of(accuracy, None, 8)
    np.testing.assert_array_equal(blind[0, :, 3:5], 0)


def test_long_curves_are_read_in_stretches() -> None:
    accuracy = torch.linspace(0, 1, 2 * TOKENS).expand(3, -1)
    found = tokens_of(accuracy, None, 200)
    assert found.shape == (3, TOKENS + 1, 6)
    pairs = accuracy.view(3, TOKENS, 2).mean(dim=2)
    np.testing.assert_allclose(found[:, :-1, 2], pairs)


def test_moments_are_of_the_chances() -> None:
    model = CurveTransformer().eval()
    tokens = tokens_of(torch.rand(4, 5), torch.rand(4, 5), 20)
    with torch.no_grad():
        logits, values = model(tokens)
        means, deviations = model.moments(tokens)
    drawn = torch.multinomial(logits.softmax(dim=1), 200_000, replacement=True)
    drawn = (drawn + torch.rand(drawn.shape)) / BINS
    off = ((drawn - values[:, None]) ** 2).mean(dim=1).sqrt()
    np.testing.assert_array_equal(means, values.double())
    np.testing.assert_allclose(deviations, off, rtol=0.01)


@pytest.mark.parametrize("name", ["nasbench201-mini", "nasbench101-mini", "size-mini"])
@pytest.mark.parametrize("epochs", [2, 4, 8])
def test_it_ranks_better_than_the_last_value(name: str, epochs: int) -> None:
    accuracy, loss, truth = curves(name)
    values, _ = told(accuracy[:, :epochs], loss[:, :epochs], 12)
    last = kendalltau(accuracy[:, epochs - 1], truth).statistic
    assert kendalltau(values, truth).statistic > last + 0.03


def test_it_knows_where_curves_end() -> None:
    accuracy, loss, _ = curves("size-mini")
    values, deviations = told(accuracy[:, :4], loss[:, :4], 12)
    off = np.abs(values - accuracy[:, -1])
    assert off.mean() < 0.8 * np.abs(accuracy[:, 3] - accuracy[:, -1]).mean()
    assert (off < 2 * deviations).mean() > 0.8


def test_a_run_that_diverged_comes_last() -> None:
    accuracy, loss, _ = curves("size-mini", 3)
    accuracy, loss = accuracy[:, :4], loss[:, :4]
    accuracy[1, 2:] = loss[1, 2:] = np.nan
    columns = {"valid_accuracy": accuracy, "train_loss": loss}
    diverged = np.array([False, True, False])
    context = Context(curves=Curves(12, columns, diverged=diverged))
    cells = open_table("size-mini").architectures[:3]
    predictor = LearnedCurves().fit([], [], context)
    values, deviations = predictor.query(cells, context, return_std=True)
    assert (values[1], deviations[1], predictor.fallbacks_) == (0.0, UNKNOWN_STD, 1)
    assert (values[[0, 2]] > 50).all()


@pytest.mark.parametrize("horizon", [6, 50])
def test_made_up_curves_are_curves(horizon: int) -> None:
    torch.manual_seed(0)
    accuracy, loss, ends = making.trainings(horizon)
    networks = making.TABLES * making.NETWORKS
    assert accuracy.shape == loss.shape == (networks, horizon)
    for values in (accuracy, ends):
        assert ((values >= 0) & (values <= 1)).all()
    assert (loss > 0).all()
    assert torch.isfinite(loss).all()
    assert (accuracy[:, -1] - ends).abs().mean() < 0.05
    rates = making.schedules(horizon)
    assert (rates.diff(dim=1) <= 1e-6).all(), "learning rates fall, or stay"


def test_pairs_out_of_order_cost_more() -> None:
    ends = torch.rand(making.TABLES * making.NETWORKS)
    assert making.misplaced(ends, ends) < making.misplaced(torch.zeros_like(ends), ends)
    assert making.misplaced(torch.zeros_like(ends), ends) < making.misplaced(-ends, ends)


def test_what_ships_is_small_and_fits() -> None:
    assert (files("archcast.predictors") / "shipped" / WEIGHTS).stat().st_size < 3e6  # type: ignore[attr-defined]
    assert {*trained().state_dict()} == {*CurveTransformer().state_dict()}


@pytest.mark.parametrize("horizon", [10, 50, 200])
def test_on_no_schedule_is_it_worse_than_the_last_value(
    horizon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    for kind in range(4):
        chosen = torch.full((making.TABLES,), kind)
        monkeypatch.setattr(making.torch, "multinomial", lambda *_, found=chosen, **__: found)
        accuracy, loss, ends = making.trainings(horizon)
        epochs = horizon // 4
        monkeypatch.undo()
        values, _ = told(
            100 * accuracy[:, :epochs].double().numpy(), loss[:, :epochs].double().numpy(), horizon
        )
        tables = [
            np.split(each, making.TABLES)
            for each in (values, accuracy[:, epochs - 1].numpy(), ends.numpy())
        ]
        ours, last = (
            np.mean([kendall_tau(a, b) for a, b in zip(each, tables[2], strict=True)])
            for each in tables[:2]
        )
        assert ours > last, kind


def test_accuracies_are_no_values_of_what_else_is_predicted() -> None:
    assert LearnedCurves().values(np.zeros(3)) is None
