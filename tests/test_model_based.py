"""Every model-based predictor at the edges: few, many, equal and repeated architectures."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.utils.errors import NotPSDError
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import StandardScaler

from archcast.predictors import registry as predictors
from archcast.predictors.gaussian_process import GaussianProcess, SparseGP
from archcast.predictors.helpers import vector
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.gp_models import ExactGP, cholesky, little_noise
from archcast.predictors.helpers.vector import QUERY_BATCH, VectorPredictor
from archcast.predictors.predictor import Predictor, Vector
from archcast.spaces import registry as spaces
from archcast.testing import Toy, toy
from tests.quick import QUICK

VECTOR = [
    name
    for name in predictors
    if predictors.entry(name).family == "model-based"
    and issubclass(predictors.get(name), VectorPredictor)
]
ON_DEVICE = [name for name in VECTOR if "device" in predictors.get(name)().get_params()]
SMALL, TEST = toy(60, seed=1), toy(50, seed=2)


def fitted(name: str, data: Toy) -> Predictor:
    return predictors.get(name)(**QUICK.get(name, {})).fit(data.architectures, data.labels)


@pytest.mark.parametrize("name", VECTOR)
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_hardly_any_labels(name: str, n: int) -> None:
    """Two different labels are enough to rank."""
    few = Toy(SMALL.architectures[:n], SMALL.labels[:n], SMALL.context.take(slice(n)))
    scores = fitted(name, few).query(TEST.architectures)
    assert np.isfinite(scores).all()
    assert n == 1 or len({*scores}) > 5


@pytest.mark.parametrize("name", VECTOR)
def test_equal_labels_give_scores_that_are_equal_within_their_deviations(name: str) -> None:
    same = SMALL._replace(labels=np.full(60, 70.0))
    predictor = fitted(name, same)
    within = 0.1
    if predictor.tags.probabilistic:
        _, std = predictor.query(TEST.architectures, return_std=True)
        assert np.isfinite(std).all()
        within += 4 * std.mean()
    assert np.ptp(predictor.query(TEST.architectures)) < within


@pytest.mark.parametrize("name", VECTOR)
def test_repeated_architectures_with_different_labels(name: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([SMALL.labels, SMALL.labels + rng.normal(0, 0.1, 60)])
    twice = Toy(SMALL.architectures * 2, labels, SMALL.context)
    scores = fitted(name, twice).query(SMALL.architectures)
    assert np.corrcoef(scores, SMALL.labels)[0, 1] > 0.5


def test_what_is_not_chosen_grows_with_many_labels() -> None:
    assert [sized(None, 8, 0.25, labels) for labels in (1, 200, 3_200, 51_200)] == [8, 8, 16, 32]
    assert sized(None, 8, 0.25, 6_400, since=400) == 16
    assert sized(3, 8, 0.25, 3_200) == 3


@pytest.mark.parametrize(("name", "least", "most"), [("xgb", 100, 1_000), ("lgb", 50, 300)])
def test_held_out_labels_say_how_many_trees(name: str, least: int, most: int) -> None:
    """Noise wants few, and what can be learned to the end wants many."""

    def trees(labels: Vector, **chosen: int) -> int:
        predictor: Any = predictors.get(name)(**chosen)
        found = predictor.fit(data.architectures, labels).trees_
        return int(found.num_boosted_rounds() if name == "xgb" else found.num_trees())

    data = toy(80, seed=1)
    noise = np.random.default_rng(0).normal(size=80)
    exact = np.array([str(each).count("nor_conv_3x3") for each in data.architectures])
    assert trees(noise) < least * 1.5
    assert least * 2 < trees(exact + 0.01 * noise) <= most
    assert trees(noise, n_estimators=5) == 5
    assert trees(np.full(80, 7.0)) >= 1


@pytest.mark.parametrize(
    ("name", "size", "leaves"), [("xgb", "max_depth", 16), ("lgb", "num_leaves", 12)]
)
def test_trees_grow_with_labels(name: str, size: str, leaves: int) -> None:
    def most_leaves(labels: int, **chosen: int) -> int:
        data = toy(labels, seed=1)
        predictor: Any = predictors.get(name)(n_estimators=100, **chosen)
        trees = predictor.fit(data.architectures, data.labels).trees_
        if name == "xgb":
            return max(each.count("leaf=") for each in trees.get_dump())
        return max(each["num_leaves"] for each in trees.dump_model()["tree_info"])

    assert most_leaves(60) == 8
    assert most_leaves(800) == leaves
    assert most_leaves(800, **{size: 2}) == (4 if name == "xgb" else 2)


def test_some_labels_decide_hyperparameters_and_all_the_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GaussianProcess, "_deciding", 20)
    process: Any = GaussianProcess(encoding="one-hot", labels="raw").fit(*SMALL[:2])
    x = process._features(process._encode(SMALL.architectures))
    y = process._tensor(process.axis_.standardise(SMALL.labels))

    some = np.linspace(0, 59, 20).round().astype(int)
    alone: Any = GaussianProcess(encoding="one-hot", labels="raw")
    alone.scaler_, alone.axis_ = process.scaler_, process.axis_
    alone._fit_tensors(x[some], y[some])
    for ours, theirs in zip(process.model_.parameters(), alone.model_.parameters(), strict=True):
        assert torch.equal(ours, theirs)

    new = process._features(process._encode(TEST.architectures))
    model = process.model_
    with torch.no_grad():
        mean = model.mean_module.constant
        between = model.covar_module(x).to_dense() + model.likelihood.noise * torch.eye(60)
        dual = torch.linalg.solve(between, y - mean)
        expected = mean + model.covar_module(new, x).to_dense() @ dual
    scores = process.query(TEST.architectures)
    assert scores == pytest.approx(process.axis_.restore(expected.numpy()), abs=1e-6)


def test_a_gaussian_process_outlives_a_wild_line_search(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[float] = []

    class Wild(ExactMarginalLogLikelihood):  # type: ignore[misc]
        def __call__(self, *inputs: Any, **options: Any) -> Any:
            if len(found) == 6:
                raise NotPSDError("no kernel here")
            evidence = super().__call__(*inputs, **options)
            found.append(evidence.item())
            return evidence

    monkeypatch.setattr("gpytorch.mlls.ExactMarginalLogLikelihood", Wild)
    gp = GaussianProcess().fit(SMALL.architectures, SMALL.labels)
    likelihood, model = gp.model_.likelihood, gp.model_.train()
    with cholesky():
        evidence = ExactMarginalLogLikelihood(likelihood, model)
        kept = evidence(model(*model.train_inputs), model.train_targets).item()
    assert len(found) == 6
    assert kept == pytest.approx(max(found), abs=1e-9)


def test_evidence_of_inducing_points_is_exact_beyond_800_labels() -> None:
    """From where gpytorch would draw random numbers."""
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.normal(size=shape)) for shape in ((820, 3), 820))
    likelihood = little_noise()
    kernel = SparseGP(inducing=12)._kernel(x, likelihood)
    model = ExactGP(x, y, likelihood, kernel).to(x)
    evidence = ExactMarginalLogLikelihood(likelihood, model)
    found = []
    for low_rank in (False, True):
        with cholesky(low_rank):
            model.zero_grad()
            value = evidence(model(x), y)
            value.backward()
        found.append([value.detach(), *(each.grad for each in model.parameters())])
    for dense, small in zip(*found, strict=True):
        torch.testing.assert_close(small, dense)


def test_ngb_scores_are_those_of_its_library() -> None:
    predictor = fitted("ngb", SMALL)
    theirs = predictor.trees_.pred_dist(predictor._encode(TEST.architectures)).loc
    np.testing.assert_array_equal(predictor.query(TEST.architectures), theirs)


@pytest.mark.parametrize(
    ("name", "less"),
    [
        (name, {key: 16})
        for name in VECTOR
        for key in ("batch_size", "inducing")
        if key in predictors.get(name)().get_params()
    ],
)
def test_more_labels_than_a_minibatch_or_inducing_points(name: str, less: dict[str, int]) -> None:
    predictor = predictors.get(name)(**{**QUICK.get(name, {}), **less}).fit(*SMALL)
    assert np.corrcoef(predictor.query(TEST.architectures), TEST.labels)[0, 1] > 0.6


@pytest.mark.parametrize("name", VECTOR)
def test_batches_of_a_query_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted(name, SMALL)
    deviations = predictor.tags.probabilistic
    together = predictor.query(TEST.architectures, return_std=deviations)  # type: ignore[call-overload]
    monkeypatch.setattr(vector, "QUERY_BATCH", 20)
    apart = predictor.query(TEST.architectures, return_std=deviations)  # type: ignore[call-overload]
    np.testing.assert_allclose(apart, together, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [20, 200])
def test_bayesian_regression_is_that_of_all_features(rows: int) -> None:
    """Fewer labels than features, and more: scores and deviations as without a change of axes."""
    rng = np.random.default_rng(0)
    x, others = (rng.normal(size=(n, 60)) @ rng.normal(size=(60, 60)) for n in (rows, 30))
    x[:, :3] = 1.0  # constant where labels are
    y = x[:, 10:20].sum(1) + rng.normal(size=rows)
    scaler = StandardScaler().fit(x)
    plain = BayesianRidge().fit(scaler.transform(x), y)
    scores, std = plain.predict(scaler.transform(others), return_std=True)
    predictor: Any = predictors.get("bayes-lin-reg")()
    predictor._fit_vectors(x, y)
    found, deviations = predictor._query_vectors_with_std(others)
    np.testing.assert_allclose(found, scores, rtol=1e-6)
    np.testing.assert_allclose(predictor._query_vectors(others), scores, rtol=1e-6)
    np.testing.assert_allclose(deviations, std, rtol=1e-6)


def test_a_whole_space_is_queried_in_bounded_memory() -> None:
    predictor = fitted("gp", SMALL)
    everything = list(spaces.get("nasbench201").enumerate())
    tracemalloc.start()
    scores, _ = predictor.query(everything, return_std=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores.shape == (15_625,)
    assert peak < 200e6


def test_no_more_than_a_batch_is_encoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted("bayes-lin-reg", SMALL)
    sizes = []
    encode = VectorPredictor._encode
    monkeypatch.setattr(
        VectorPredictor,
        "_encode",
        lambda self, cells: sizes.append(len(cells)) or encode(self, cells),
    )
    predictor.query(SMALL.architectures * 100)
    assert max(sizes) == QUERY_BATCH
    assert sum(sizes) == 6_000


@pytest.mark.parametrize("name", ON_DEVICE)
def test_the_device_is_used_and_changes_little(name: str) -> None:
    def scores(device: str) -> Vector:
        predictor = predictors.get(name)(**QUICK.get(name, {}), device=device)
        return predictor.fit(*SMALL).query(TEST.architectures)

    here = scores("cpu")
    np.testing.assert_allclose(scores("cpu:0"), here, rtol=1e-2, atol=1e-2)
    if torch.cuda.is_available():  # other roundings, and other noise where a device draws it
        assert np.corrcoef(scores("cuda"), here)[0, 1] > 0.9
    with pytest.raises((RuntimeError, NotImplementedError)):
        predictors.get(name)(device="meta").fit(*SMALL).query(TEST.architectures)


def test_what_uses_torch_takes_a_device() -> None:
    assert {"mlp", "bananas", "dngo", "bohamiann", "gp", "sparse-gp", "var-sparse-gp"} <= set(
        ON_DEVICE
    )
