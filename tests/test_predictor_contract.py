"""Every predictor of the registry against every shipped check."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.spaces import registry as spaces
from archcast.spaces.space import Space
from archcast.testing import CHECKS, check_predictor
from archcast.testing import predictor_checks as checks
from archcast.testing.toys import toys_for
from tests.data_spaces import SPACES, VARIED
from tests.quick import QUICK

# (predictor, check) -> why it can't hold. A stale line fails the suite.
EXCEPTIONS = {("random", "check_beats_chance"): "it is chance"}


@pytest.mark.parametrize("name", list(predictors))
def test_contract(name: str, subtests: pytest.Subtests) -> None:
    predictor = predictors.get(name)(**QUICK.get(name, {}))
    for check in CHECKS:
        with subtests.test(check.__name__):
            fails = (name, check.__name__) in EXCEPTIONS
            with pytest.raises(AssertionError) if fails else nullcontext():
                check(predictor, toys_for(predictor))


@pytest.mark.parametrize("model", ["EdgeCNN()", "GAT(dropout=0.1)", "GCN(jk=cat)", "GraphSAGE()"])
def test_contract_of_graph_models(model: str, subtests: pytest.Subtests) -> None:
    small = model.replace("(", "(hidden_channels=16, num_layers=2, ")
    predictor = predictors.get("graph")(small, steps=20)
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(predictor)


def test_checks_find_a_leaky_predictor() -> None:
    class Rank(predictors.get("random")):  # type: ignore[misc]
        def _query(self, architectures, context):  # type: ignore[no-untyped-def]
            return range(len(architectures))  # depends on the order

    with pytest.raises(AssertionError, match="check_order_does_not_matter"):
        check_predictor(Rank())


@pytest.mark.parametrize("space", ["mobilenet", "nasbench101", "nasbench-graph"])
@pytest.mark.parametrize(
    "name",
    ["graph", *(name for name in predictors if predictors.entry(name).family == "model-based")],
)
def test_other_spaces(name: str, space: str) -> None:
    cells = spaces.get(space).sample(24, np.random.default_rng(0))
    train, others = cells[:20], cells[20:]
    labels = [float(sum(cell.choices)) for cell in train]
    predictor = predictors.get(name)(**QUICK.get(name, {}))
    context = Context(unlabeled=others).only(predictor.tags)
    scores = predictor.fit(train, labels, context).query(others, context)
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1
    np.testing.assert_allclose(predictor.query(others[::-1], context)[::-1], scores, rtol=1e-5)
    for cell, score in zip(others, scores, strict=True):
        np.testing.assert_allclose(predictor.query([cell], context), score, rtol=1e-4, atol=1e-6)


# What a space decides: scores at all, whether they say something, and how batches are padded.
OF_SPACES = [
    checks.check_scores_are_finite,
    checks.check_few_and_constant_labels,
    checks.check_order_does_not_matter,
    checks.check_batch_does_not_matter,
    checks.check_beats_chance,
    checks.check_pickles,
]


@pytest.mark.parametrize("space", [SPACES["mixed"], VARIED], ids=["mixed", "dag"])
@pytest.mark.parametrize(
    "name", [name for name in predictors if predictors.entry(name).family == "model-based"]
)
def test_contract_on_spaces_that_are_data(name: str, space: Space) -> None:
    """Six decisions, of which two are ranges; graphs of four to seven nodes with numbers."""
    predictor = predictors.get(name)(**QUICK.get(name, {}))
    for check in OF_SPACES:
        check(predictor, checks.toys(space))


def test_a_predictor_is_checked_on_any_space() -> None:
    check_predictor(predictors.get("bayes-lin-reg")(), SPACES["mixed"])


def test_sequences_of_thousands_of_decisions_are_refused() -> None:
    space = SPACES["dag-large"]
    larger = type(space)(["a"], 70)  # type: ignore[call-arg, arg-type]
    with pytest.raises(ValueError, match="2483 of a space are more than 2000; use gcn"):
        predictors.get("nao")().fit([larger.example], [1.0])


@pytest.mark.parametrize("name", ["gcn", "bonas", "nn-former", "gpwl"])
def test_numbers_reach_graph_predictors(name: str) -> None:
    """Graphs that are equal but for the numbers of their nodes."""
    text = '{"operations": ["conv", "pool"], "edges": [[0, 1]], "channels": [%s, 32]}'
    space = SPACES["dag-ranges"]
    cells = [space.parse(text % channels) for channels in range(4, 64, 2)]
    fitted = predictors.get(name)().fit(cells[::2], np.arange(len(cells))[::2])
    scores = fitted.query(cells[1::2])
    assert np.corrcoef(scores, np.arange(len(scores)))[0, 1] > 0.9


@pytest.mark.parametrize("name", ["gcn", "bonas", "nn-former", "gpwl"])
def test_padding_changes_nothing(name: str) -> None:
    """The same graphs, in a space of the same operations that has room for more nodes."""
    roomy = type(VARIED)(VARIED.inner, 12, VARIED.lists)
    toy = checks.toys(VARIED)
    scores = []
    for space in (VARIED, roomy):
        train, test = (
            [space.parse(str(each)) for each in part.architectures]
            for part in (toy.train, toy.test)
        )
        scores.append(
            predictors.get(name)(**QUICK.get(name, {})).fit(train, toy.train.labels).query(test)
        )
    np.testing.assert_allclose(*scores, rtol=0.05, atol=0.05)
