from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archcast.benchmarks.objective import ACCURACY, Objective, made_objective
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.spaces import registry as spaces
from tests.results import small_table, write_small_table

SPACE = spaces.get("nasbench201")
CELLS = [str(cell) for cell in SPACE.sample(3, np.random.default_rng(0))]


def table(**columns: Any) -> Table:
    return Table(SPACE, "toy", CELLS, {"test_accuracy": [70.0, 80.0, 90.0], **columns})


def test_messages_call_benchmarks_by_their_names() -> None:
    assert open_table("nasbench201-mini").source == "nasbench201-mini"
    assert open_table("nasbench201", "cifar100").source == "nasbench201:cifar100"


def test_write_and_read_keep_everything(tmp_path: Path) -> None:
    before = small_table()
    before.write(tmp_path / "a.parquet")
    after = read_table(tmp_path / "a.parquet")
    assert after.architectures == before.architectures
    assert after.columns.keys() == before.columns.keys()
    for name, values in before.columns.items():
        np.testing.assert_array_equal(after.columns[name], values)
    assert after.hash == before.hash
    assert after.metadata["description"] == "made up"
    assert not list(tmp_path.glob(".*"))


def test_file_has_the_documented_types(tmp_path: Path) -> None:
    schema = pq.read_schema(write_small_table(tmp_path))
    assert schema.field("architecture").type == pa.string()
    assert schema.field("seed").type == pa.int64()
    assert schema.field("valid_accuracy").type == pa.list_(pa.float32())
    assert schema.field("test_accuracy").type == pa.float32()
    assert schema.field("parameters").type == pa.int64()
    assert schema.metadata[b"archcast.format"] == b"2"
    assert {b"archcast.space", b"archcast.dataset", b"archcast.licence"} <= schema.metadata.keys()


BITS = Objective("bits", "min", "bits", valid="valid_bits", test="test_bits", curve="by_epoch")


def open_columns() -> Table:
    return Table(
        SPACE,
        "text",
        CELLS,
        {
            "valid_bits": np.array([2.5, 2.0, 3.0]),
            "test_bits": np.array([2.6, -2.1, 3.1]),
            "by_epoch": [[4.0, 3.0], [5.0], [6.0, 3.5, 3.25]],
            "gradients": [[1.5], [], [-2.5]],
            "rank": [3, 1, 2],
            "large": np.array([2**53 + 1, 0, -(2**60)]),
            "score": np.array([1.0 + 2.0**-40, np.nan, -1e300]),
            "single": np.float32([0.1, 0.2, 0.3]),
            "pruned": [True, False, True],
            "half_accuracy": np.array([50.0, np.nan, 100.0]),
            "robust": np.array([10.0, 20.0, np.nan]),
        },
        objectives=[BITS, Objective("robust", "max", "%", test="robust")],
    )


def test_open_columns_and_objectives_go_around(tmp_path: Path) -> None:
    before = open_columns()
    before.write(tmp_path / "a.parquet")
    after = read_table(tmp_path / "a.parquet")
    assert after.objectives == before.objectives
    assert after.columns.keys() == before.columns.keys()
    for name, values in before.columns.items():
        np.testing.assert_array_equal(after.columns[name], values)
        assert after.columns[name].dtype == values.dtype, name
    assert after.hash == before.hash
    assert after.curves == ["by_epoch", "gradients"]
    assert after.epochs.tolist() == [2, 1, 3]
    assert after.values(BITS, "valid").tolist() == [2.5, 2.0, 3.0]
    schema = pq.read_schema(tmp_path / "a.parquet")
    for name, kind in {
        "large": pa.int64(), "rank": pa.int64(), "score": pa.float64(), "pruned": pa.int64(),
        "gradients": pa.list_(pa.float32()), "half_accuracy": pa.float32(),
    }.items():  # fmt: skip
        assert schema.field(name).type == kind, name


def of_format(path: Path, number: str, **changes: str | None) -> Path:
    """The same file under other metadata; those that are None are dropped."""
    arrow = pq.read_table(path)
    said = {key.decode(): value.decode() for key, value in arrow.schema.metadata.items()}
    said |= {"archcast.format": number, **{f"archcast.{k}": v for k, v in changes.items()}}
    kept = {key: value for key, value in said.items() if value is not None}
    changed = path.with_name(f"format_{number}.parquet")
    pq.write_table(arrow.replace_schema_metadata(kept), changed)
    return changed


@pytest.mark.parametrize("without", [(), ("valid_accuracy",), ("test_accuracy",)])
def test_format_1_is_read(tmp_path: Path, without: tuple[str, ...]) -> None:
    """Of which accuracy was the only objective, its seeds shorter numbers."""
    table = small_table()
    texts = [str(cell) for cell in table.architectures for _ in range(2)]
    columns = {name: values for name, values in table.columns.items() if name not in without}
    now = Table(table.space, "toy", texts, columns, {"licence": "none"})
    now.write(tmp_path / "toy.parquet")
    arrow = pq.read_table(tmp_path / "toy.parquet")
    at = arrow.column_names.index("seed")
    short = arrow.set_column(at, "seed", arrow["seed"].cast(pa.int32()))
    pq.write_table(short, tmp_path / "toy.parquet")
    found = read_table(of_format(tmp_path / "toy.parquet", "1", objectives=None))
    assert found.objectives == now.objectives
    assert found.hash == now.hash
    assert found.metadata["licence"] == "none"
    held = [f"{part}_accuracy" for part in ("valid", "test") if f"{part}_accuracy" not in without]
    assert found.objective().columns == set(held)


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ("nonsense", r"objectives can't be read \(Invalid JSON.*\); convert the table anew"),
        ("{}", r"objectives can't be read \(Input should be a valid array\)"),
        ("[]", "declares no objective; convert the table anew"),
        ('[{"name": "accuracy", "direction": "up"}]', "can't be read .*'max' or 'min'"),
        ('[{"name": "accuracy", "colour": "red"}]', "objectives can't be read"),
        ('[{"direction": "max"}]', "objectives can't be read"),
        (
            '[{"name": "accuracy", "test": "tset_accuracy"}]',
            "no column 'tset_accuracy', which objective accuracy names; did you mean test_accuracy",
        ),
        (
            '[{"name": "a", "test": "test_accuracy"}, {"name": "a", "valid": "valid_accuracy"}]',
            "two objectives of one name among a, a",
        ),
    ],
)
def test_wrong_objectives_of_a_file(tmp_path: Path, objectives: str, message: str) -> None:
    path = of_format(write_small_table(tmp_path), "2", objectives=objectives)
    with pytest.raises(InputError, match=f"format_2.parquet.*{message}") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"direction": "up", "test": "x"}, "direction=up won't do: .*'max' or 'min'"),
        ({"test": "x", "colour": "red"}, "has no 'colour'; it has direction, unit, valid, test"),
        ({"unit": "ms"}, "holds no column; give valid=COLUMN or test=COLUMN"),
    ],
)
def test_wrong_objectives_of_a_user(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"objective mine: {message}"):
        made_objective("mine", given)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"valid_bits": np.array([1.0, np.nan, 2.0])}, "row 2: valid_bits is nan, not a finite"),
        ({"score": np.array([1.0, np.inf, 2.0])}, "row 2: score is inf, not a finite number"),
        ({"gradients": [[1.0], [np.nan, 2.0], []]}, "row 2: gradients is nan"),
        ({"robust": np.array([10.0, 101.0, np.nan])}, "row 2: robust is 101.0, not percent"),
        ({"robust": np.array([0.5, 0.25, np.nan])}, "no robust is above 1: fractions"),
        ({"score": ["a", "b", "c"]}, "'score' holds values that are not numbers"),
    ],
)
def test_wrong_values_of_open_columns(columns: dict[str, Any], message: str) -> None:
    good = open_columns()
    with pytest.raises(InputError, match=message):
        Table(SPACE, "text", CELLS, {**good.columns, **columns}, objectives=good.objectives)


def test_a_diverged_run_has_the_worst_value_of_its_objective() -> None:
    good = open_columns()
    columns = {**good.columns, "diverged": [False, True, False]}
    for direction, worst in (("min", 3.0), ("max", 2.5)):
        bits = replace(BITS, direction=direction)
        found = Table(SPACE, "text", CELLS, columns, objectives=[bits])
        assert found.values(bits, "valid").tolist() == [2.5, worst, 3.0]
        assert found.values(bits, "test").tolist() == good.columns["test_bits"].tolist()


def test_what_needs_no_training_holds_of_runs_that_diverged() -> None:
    columns = {"test_accuracy": [1.5, 2.0, 3.0], "latency_cpu": [1.0, 2.0, 9.0]}
    columns |= {"diverged": [False, True, False], "valid_accuracy": [1.5, 2.0, 3.0]}
    found = Table(SPACE, "toy", CELLS, columns)
    assert found.values(found.objective("latency_cpu"), "valid").tolist() == [1.0, 2.0, 9.0]
    assert found.values(found.objective(), "valid").tolist() == [1.5, 0.0, 3.0]


def test_least_table() -> None:
    least = table()
    assert least.epochs.tolist() == [0, 0, 0]
    assert least.columns["seed"].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="has no valid values of accuracy; use the other part"):
        least.values(least.objective(), "valid")


def test_rows_are_grouped_by_architecture() -> None:
    mixed = Table(
        SPACE,
        "toy",
        [CELLS[0], CELLS[1], CELLS[0]],
        {"seed": [7, 7, 5], "test_accuracy": [10.0, 20.0, 30.0]},
    )
    assert mixed.starts.tolist() == [0, 2, 3]
    assert mixed.columns["test_accuracy"].tolist() == [30.0, 10.0, 20.0]
    assert mixed.mean_over_runs(mixed.columns["test_accuracy"]).tolist() == [20.0, 20.0]


def test_means_over_runs_are_a_table_of_their_own() -> None:
    mixed = Table(
        SPACE,
        "toy",
        [CELLS[0], CELLS[1], CELLS[0]],
        {
            "seed": [7, 7, 5],
            "test_accuracy": [10.0, 20.0, 30.0],
            "valid_accuracy": [[10.0, 20.0], [1.0, 2.0], [30.0]],
            "parameters": [300, 7, 301],
            "extra": [np.nan, np.nan, 0.5],
        },
        {"description": "made up"},
    )
    mixed.name = "mine"
    found = mixed.averaged()
    assert [str(each) for each in found.architectures] == CELLS[:2]
    assert found.name == "mine, means of runs"
    assert found.metadata == mixed.metadata
    assert found.objectives == mixed.objectives
    assert found.columns["test_accuracy"].tolist() == [20.0, 20.0]
    assert found.columns["valid_accuracy"].tolist() == [[20.0, 25.0], [1.0, 2.0]]
    assert found.columns["parameters"].tolist() == [300, 7]
    np.testing.assert_array_equal(found.columns["extra"], [0.5, np.nan])


def test_runs_that_diverged_have_no_mean() -> None:
    columns = {"seed": [0, 0, 1], "test_accuracy": [10.0, 20.0, 30.0]}
    alone, one_of_two = [False, True, False], [True, False, False]
    texts = [CELLS[0], CELLS[1], CELLS[0]]
    kept = Table(SPACE, "toy", texts, {**columns, "diverged": alone}).averaged()
    assert kept.columns["diverged"].tolist() == [False, True]
    with pytest.raises(InputError, match="runs that diverged have no mean"):
        Table(SPACE, "toy", texts, {**columns, "diverged": one_of_two}).averaged()


def test_curves_may_end_early() -> None:
    cut = table(valid_accuracy=[[10.0, 20.0], [10.0], [30.0, 40.0]])
    assert cut.epochs.tolist() == [2, 1, 2]
    assert cut.values(ACCURACY, "valid").tolist() == [20.0, 10.0, 40.0]


def test_short_is_stopped_unless_it_diverged() -> None:
    curves = [[10.0, 20.0], [10.0], [30.0, 40.0]]
    stopped = table(valid_accuracy=curves)
    assert stopped.stopped.tolist() == [False, True, False]
    assert "1 of 3 runs in table are shorter than 2 epochs" in stopped.remarks()[0]
    failed = table(valid_accuracy=curves, diverged=[False, True, False])
    assert failed.diverged.tolist() == [False, True, False]
    assert failed.values(ACCURACY, "valid").tolist() == [20.0, 0.0, 40.0]
    assert failed.remarks() == table().remarks() == []
    at_once = table(valid_accuracy=[[10.0, 20.0], [], [30.0, 40.0]], diverged=[False, True, False])
    assert at_once.values(ACCURACY, "valid").tolist() == [20.0, 0.0, 40.0]
    columns = {"test_accuracy": [70.0, 80.0, 90.0], "valid_accuracy": curves}
    ours = Table(SPACE, "toy", CELLS, columns, {"recipe": "of the trainer, before it said"})
    assert ours.diverged.tolist() == [False, True, False]


def test_robust_accuracy_may_be_missing(tmp_path: Path) -> None:
    before = table(pgd_accuracy=[30.0, float("nan"), 40.0], diverged=[False, True, False])
    before.write(tmp_path / "a.parquet")
    after = read_table(tmp_path / "a.parquet")
    np.testing.assert_array_equal(after.columns["pgd_accuracy"], [30.0, np.nan, 40.0])
    assert after.columns["diverged"].tolist() == [False, True, False]
    assert after.hash == before.hash


def test_isomorphic_cell_is_found() -> None:
    canonical = table().architectures[0]
    twin = next(
        cell
        for cell in SPACE.enumerate()
        if cell != canonical and SPACE.canonical(cell) == SPACE.canonical(canonical)
    )
    stored = Table(SPACE, "toy", [str(SPACE.canonical(twin))], {"test_accuracy": [50.0]})
    assert stored.index(twin) == 0
    written = Table(SPACE, "toy", [str(twin), str(canonical)], {"test_accuracy": [50.0, 60.0]})
    third = next(
        cell
        for cell in SPACE.enumerate()
        if cell not in (twin, canonical) and SPACE.canonical(cell) == SPACE.canonical(twin)
    )
    assert [written.index(cell) for cell in (twin, canonical, third)] == [0, 1, 0]
    other = next(cell for cell in SPACE.enumerate() if SPACE.canonical(cell) != canonical)
    with pytest.raises(KeyError):
        written.index(other)


def test_hash_sees_every_number() -> None:
    assert table().hash == table().hash
    assert table().hash != table(parameters=[1, 2, 3]).hash
    assert table(parameters=[1, 2, 3]).hash != table(parameters=[1, 2, 4]).hash


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"test_accuracy": [70.0, float("nan"), 90.0]}, "row 2: test_accuracy is nan"),
        ({"test_accuracy": [70.0, 80.0, 100.5]}, "row 3: test_accuracy is 100.5"),
        ({"test_accuracy": [-1.0, 80.0, 90.0]}, "row 1: test_accuracy is -1"),
        ({"valid_accuracy": [[1.0], [float("nan"), 2.0], [3.0]]}, "row 2: valid_accuracy is nan"),
        ({"valid_accuracy": [[1.0], [101.0], [3.0]]}, "row 2: valid_accuracy is 101"),
        ({"epoch_seconds": [1.0, -2.0, 1.0]}, "row 2: epoch_seconds is -2"),
        ({"parameters": [1.5, 2.0, 3.0]}, "'parameters' holds values that are not whole numbers"),
        ({"test_accuracy": ["a", "b", "c"]}, "'test_accuracy' holds values that are not numbers"),
        ({"test_accuracy": [0.7, 0.8, 1.0]}, "no test_accuracy is above 1: fractions"),
        ({"valid_accuracy": [[0.1], [0.2, 0.9], [0.3]]}, "no valid_accuracy is above 1: fractions"),
        ({"pgd_accuracy": [0.5, float("nan"), 0.4]}, "no pgd_accuracy is above 1"),
        ({"diverged": [0.5, 0.0, 1.0]}, "'diverged' holds values that are not true or false"),
        ({"parameters": [1, 2]}, "'parameters' has 2 rows, not 3"),
    ],
)
def test_wrong_values(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        table(**columns)


def test_wrong_rows() -> None:
    with pytest.raises(InputError, match="no column 'test_accuracy'"):
        Table(SPACE, "toy", CELLS, {"parameters": [1, 2, 3]})
    with pytest.raises(InputError, match="1 duplicate rows, the first for"):
        Table(SPACE, "toy", [CELLS[0], CELLS[0]], {"test_accuracy": [1.0, 2.0]})
    with pytest.raises(InputError, match="row 2: 'nonsense' is not an architecture"):
        Table(SPACE, "toy", [CELLS[0], "nonsense"], {"test_accuracy": [1.0, 2.0]})
    with pytest.raises(InputError, match="a column is called 'architecture'; give it another"):
        Table(SPACE, "toy", CELLS, {"test_accuracy": [1.0, 2.0, 3.0], "architecture": [1, 2, 3]})
    with pytest.raises(InputError, match="no rows"):
        Table(SPACE, "toy", [], {"test_accuracy": []})


def test_wrong_files(tmp_path: Path) -> None:
    good = write_small_table(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "absent.parquet")
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_table(truncated)
    text = tmp_path / "text.parquet"
    text.write_text("architecture,test_accuracy\n")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_table(text)
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"architecture": CELLS, "test_accuracy": [1.0, 2.0, 3.0]}), plain)
    with pytest.raises(InputError, match=r"no file metadata 'archcast\.space'"):
        read_table(plain)
    newer = tmp_path / "newer.parquet"
    arrow = pq.read_table(good)
    metadata = {**arrow.schema.metadata, b"archcast.format": b"3"}
    pq.write_table(arrow.replace_schema_metadata(metadata), newer)
    with pytest.raises(InputError, match="table format 3; this version reads 1 and 2"):
        read_table(newer)
    text_curves = tmp_path / "curves.parquet"
    column = pa.array([["a"]] * len(arrow))
    at = arrow.column_names.index("valid_accuracy")
    pq.write_table(arrow.set_column(at, "valid_accuracy", column), text_curves)
    with pytest.raises(InputError, match="valid_accuracy"):
        read_table(text_curves)


def test_open_by_name_and_by_file(tmp_path: Path) -> None:
    path = write_small_table(tmp_path)
    table = open_table(str(path))
    assert table.dataset == "toy"
    assert open_table(str(path), "toy") is table
    with pytest.raises(InputError, match="holds data set 'toy', not 'cora'"):
        open_table(str(path), "cora")
    with pytest.raises(InputError, match="did you mean nasbench-graph"):
        open_table("nasbench-grap")
    with pytest.raises(InputError, match="no data set 'coar': did you mean cora"):
        open_table("nasbench-graph", "coar")
    assert len(open_table("nasbench-graph", "citeseer")) == 26_206
    assert open_table("nasbench201-mini") is open_table("nasbench201-mini", "fashion-mnist-14")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["test_accuracy", "valid_accuracy", "epoch_seconds"])
def test_what_is_too_large_is_refused_without_a_warning(name: str) -> None:
    columns = dict(small_table(1, runs=1).columns)
    columns[name] = columns[name].astype(np.float64) * 1e300
    with pytest.raises(InputError, match=f"row 1: {name} is inf"):
        Table(spaces.get("nasbench201"), "d", ["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"],
              columns, {})  # fmt: skip


def test_a_hole_in_a_curve_shortens_nothing() -> None:
    losses = [[2.0, np.nan, 1.5, 1.0], [2.0, 1.9, np.nan, np.nan]]
    loss = Objective("loss", "min", "nats", valid="valid_loss", test="valid_loss")
    table = Table(SPACE, "toy", CELLS[:2], {"valid_loss": losses}, objectives=[loss])
    assert table.epochs.tolist() == [4, 2]
    assert table.values(loss, "valid").tolist() == pytest.approx([1.0, 1.9])


def test_fractions_are_what_a_table_of_ours_never_has() -> None:
    """Of one run a network may have 1 % and less under attack, or by chance."""
    columns = {"test_accuracy": [40.0], "pgd_accuracy": [0.5]}
    with pytest.raises(InputError, match="no pgd_accuracy is above 1"):
        Table(SPACE, "toy", CELLS[:1], columns)
    assert len(Table(SPACE, "toy", CELLS[:1], columns, {"recipe": "ours"})) == 1
    error = Objective("error", "min", "%", valid="error", test="error")
    assert len(Table(SPACE, "toy", CELLS[:2], {"error": [0.3, 0.7]}, objectives=[error])) == 2
