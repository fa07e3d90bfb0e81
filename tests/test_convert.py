"""CSV files to tables."""

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from archcast.benchmarks.csv_table import convert_csv
from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import read_table
from archcast.core.errors import InputError
from archcast.spaces.nasbench201 import SPACE

A, B, *_ = (str(cell) for cell in SPACE.enumerate())
REAL = Path(__file__).parents[2] / "shared/data/nasbench201_cifar10.csv.gz"


@pytest.fixture
def convert(tmp_path):
    def convert(text, *columns, name="results.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return convert_csv(path, "nasbench201", "mine", columns, **options)

    return convert


def test_columns_of_the_format_need_no_mapping(convert, tmp_path):
    table = convert(
        "architecture,seed,test_accuracy,parameters,flops,latency_phone,epoch_seconds\n"
        f"{B},1,50.5,1000,2e3,3.5,2\n{A},0,60,1001,2001,4.5,2.5\n"
    )
    assert [str(cell) for cell in table.architectures] == [B, A]
    assert (table.space, table.dataset) == (SPACE, "mine")
    columns = {name: values.tolist() for name, values in table.columns.items()}
    assert columns == {
        "seed": [1, 0],
        "test_accuracy": [50.5, 60],
        "parameters": [1000, 1001],
        "flops": [2000, 2001],
        "latency_phone": [3.5, 4.5],
        "epoch_seconds": [2, 2.5],
    }
    table.write(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").hash == table.hash


@pytest.mark.parametrize("mapping", ["test_accuracy=acc_200", "acc_200=test_accuracy"])
def test_a_mapping_is_understood_in_both_orders(convert, mapping):
    table = convert(f"cell,acc_200\n{A},70\n", "architecture=cell", mapping)
    assert table.columns["test_accuracy"].tolist() == [70]


def test_the_left_name_is_ours_where_both_could_be(convert):
    table = convert(
        f"architecture,valid_accuracy,test_accuracy\n{A},10,20\n", "test_accuracy=valid_accuracy"
    )
    assert table.columns["test_accuracy"].tolist() == [10]
    assert "valid_accuracy" not in table.columns, "it is another now"


def test_a_mapped_column_wins_over_one_with_our_name(convert):
    table = convert(f"architecture,test_accuracy,other\n{A},10,20\n", "test_accuracy=other")
    assert table.columns["test_accuracy"].tolist() == [20]


def test_other_columns_are_left_out_aloud(convert, caplog):
    with caplog.at_level(logging.WARNING, logger="archcast"):
        table = convert(f"index,architecture,test_accuracy,note\n7,{A},10,hello\n")
    assert set(table.columns) == {"seed", "test_accuracy", "index"}
    assert "left out the columns note" in caplog.text


def test_curves_are_numbers_or_json_lists(convert):
    header = "architecture,test_accuracy,valid_accuracy,train_loss\n"
    table = convert(header + f'{A},10,"[1, 2.5, 3]",0.5\n{B},10,4,0.25\n')
    np.testing.assert_array_equal(
        table.columns["valid_accuracy"], [[1, 2.5, 3], [4, np.nan, np.nan]]
    )
    np.testing.assert_array_equal(table.columns["train_loss"], [0.5, 0.25])


def test_columns_of_numbers_and_of_lists_are_kept_and_others_are_not(convert, caplog):
    """An empty cell is a missing value; a list that holds text is no curve."""
    header = "architecture , test_accuracy, bleu ,grads,ops,note,mixed,nothing\n"
    table = convert(
        header
        + f"{A},10,0.25,\"[1, 2]\",\"['conv', 'skip']\",[later],1,\n"
        + f'{B},20,,,"[""a""]",,x,\n'
    )
    assert set(table.columns) == {"seed", "test_accuracy", "bleu", "grads"}
    assert "left out the columns ops, note, mixed, nothing" in caplog.text
    np.testing.assert_array_equal(table.columns["bleu"], [0.25, np.nan])
    np.testing.assert_array_equal(table.columns["grads"], [[1, 2], [np.nan, np.nan]])


def test_gaps_are_of_what_is_not_the_main_objective(convert):
    latency = Objective("latency_phone", "min", "ms", valid="latency_phone", test="latency_phone")
    text = f"architecture,test_accuracy,latency_phone\n{A},10,1.5\n{B},,2.5\n"
    table = convert(text, objectives=[latency])
    np.testing.assert_array_equal(table.columns["test_accuracy"], [10, np.nan])
    with pytest.raises(InputError, match="row 2: test_accuracy is empty, not a number"):
        convert(text)


def test_architectures_of_named_decisions_need_no_text(tmp_path, caplog):
    path = tmp_path / "results.csv"
    path.write_text("architecture,kernel,test_accuracy\n1,3,10\n2,5,20\n")
    with caplog.at_level(logging.WARNING, logger="archcast"):
        table = convert_csv(path, "choices", "mine", decisions=["kernel"])
    assert "left out the columns architecture" in caplog.text
    table.write(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").hash == table.hash


@pytest.mark.parametrize("first", [0, 1])
def test_curves_stand_in_a_column_an_epoch(convert, first):
    """In the order of their numbers; scalars beside them stay scalars."""
    names = [f"ep_{epoch}" for epoch in range(first, first + 11)]
    header = ",".join(["architecture", "test_accuracy", "ep_final", *reversed(names)])
    rows = [[10.0 * at + e for e in range(11)] for at in (1, 2)]
    cells = [",".join(map(str, [*map(float, row[::-1])])) for row in rows]
    text = f"{header}\n{A},50,7,{cells[0]}\n{B},60,8,{cells[1]}\n"
    table = convert(text, curves=["valid_accuracy = ep_"])
    np.testing.assert_array_equal(table.columns["valid_accuracy"], rows)
    assert table.columns["ep_final"].tolist() == [7, 8]
    assert set(table.columns) == {"seed", "test_accuracy", "ep_final", "valid_accuracy"}
    assert table.objective().valid == "valid_accuracy"
    assert table.curve_of(table.objective()) == "valid_accuracy"


def test_a_curve_may_end_early(convert):
    table = convert(
        f"architecture,test_accuracy,ep_1,ep_2,ep_3\n{A},50,1,2,3\n{B},60,4,,\n",
        curves=["valid_accuracy=ep_"],
    )
    assert table.epochs.tolist() == [3, 1]
    assert table.values(table.objective(), "valid").tolist() == [3, 4]


LOSS = Objective("loss", "min", "nats", valid="valid_nll", test="nll", curve="nlls")


def test_declared_objectives_stand_in_the_file(convert, tmp_path):
    bits = Objective("bits", "min", "bits", test="bits")
    header = "cell,valid_nll,nll,bits,nll_1,nll_2\n"
    table = convert(
        header + f"{A},1.5,2.5,-3,9,8\n{B},1.25,,4,7,6\n", "architecture=cell",
        curves=["nlls=nll_"], objectives=[bits, LOSS],
    )  # fmt: skip
    table.write(tmp_path / "t.parquet")
    after = read_table(tmp_path / "t.parquet")
    assert after.objectives == [bits, LOSS] == table.objectives
    assert after.hash == table.hash
    assert after.objective() == bits
    assert after.values(LOSS, "valid").tolist() == [1.5, 1.25]
    np.testing.assert_array_equal(after.values(LOSS, "test"), [2.5, np.nan])
    np.testing.assert_array_equal(after.columns[after.curve_of(LOSS)], [[9, 8], [7, 6]])
    with pytest.raises(InputError, match="row 2: nll is empty, not a number"):
        convert(header + f"{A},1.5,2.5,3,9,8\n{B},1.25,,4,7,6\n", "architecture=cell",
                curves=["nlls=nll_"], objectives=[LOSS])  # fmt: skip


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ("valid_accuracy=ep_", "results.csv has no columns ep_1, ep_2, ... without gaps"),
        ("valid_accuracy=no_", "results.csv has no columns no_1, no_2, ... without gaps"),
        ("valid_accuracy", "--curve valid_accuracy: not of the form OURS=PREFIX"),
        ("valid_accuracy=bad", "row 1: valid_accuracy is 'x', not a number"),
    ],
)
def test_curves_that_are_none(convert, curve, message):
    text = f"architecture,test_accuracy,ep_1,ep_2,ep_4,bad1\n{A},50,1,2,3,x\n"
    with pytest.raises(InputError, match=message) as caught:
        convert(text, curves=[curve])
    assert "\n" not in str(caught.value)


def test_gzip(convert):
    text = f"architecture,test_accuracy\n{A},10\n".encode()
    assert len(convert(gzip.compress(text), name="results.csv.gz")) == 1


HEADER = "architecture,seed,test_accuracy,valid_accuracy\n"


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("", (), "not a readable CSV file"),
        (b"PAR1\x00\xff\xfe\n", (), "not a readable CSV file"),
        (HEADER + f"{A},0,1,2\n{A},0,1,2,3,4\n", (), "not a readable CSV file"),
        (HEADER + f"{A},0,1,2,3\n", (), "Expected 4 fields in line 2, saw 5"),
        ("cell,test_accuracy\nx,1\n", (), "no column 'architecture'.*--column architecture="),
        ("architecture,acc\nx,1\n", (), "no column 'test_accuracy'"),
        (HEADER, (), "no rows"),
        (HEADER + f"{A},0,1,2\nfoo,0,1,2\n", (), "row 2: 'foo' is not an architecture"),
        (HEADER + f"{A},0,1,2\n{B},0,high,2\n", (), "row 2: test_accuracy is 'high', not a number"),
        (HEADER + f"{A},0,,2\n", (), "row 1: test_accuracy is empty"),
        (HEADER + f"{A},0,101,2\n", (), "row 1: test_accuracy is 101.0, not percent"),
        (HEADER + f"{A},0.5,1,2\n", (), "row 1: seed is '0.5', not a whole number"),
        (HEADER + f"{A},{10**20},1,2\n", (), "row 1: seed is '1000.*not a whole number"),
        (HEADER + f"{A},0,1\n", (), "row 1: valid_accuracy is empty"),
        (HEADER + f'{A},0,1,"[1, null]"\n', (), r"row 1: valid_accuracy is '\[1, null\]'"),
        (HEADER + f'{A},0,1,"[1, 2"\n', (), r"row 1: valid_accuracy is '\[1, 2'"),
        (HEADER + f"{A},0,1,2\n", ("test_accuracy",), "not of the form OURS=THEIRS"),
        (HEADER + f"{A},0,1,2\n", ("flops=",), "not of the form OURS=THEIRS"),
        (HEADER + f"{A},0,1,2\n", ("flop=seeds",), "has no column 'seeds'; did you mean seed"),
        (HEADER + f"{A},0,1,2\n", ("flops=sead",), "has no column 'sead'; did you mean seed"),
        (HEADER + f"{A},0,1,2\n", ("flops=seed", "seed=seed", "flops=seed"), "mapped twice"),
    ],
)
def test_errors_are_one_line_and_say_where(convert, text, columns, message):
    with pytest.raises(InputError, match=message) as caught:
        convert(text, *columns)
    assert "\n" not in str(caught.value)


def test_broken_gzip(convert):
    whole = gzip.compress(json.dumps(list(range(5000))).encode())
    for data in (b"no gzip", whole[:-50], whole[:20] + b"xxxx" + whole[24:]):
        with pytest.raises(InputError, match="not a readable CSV file"):
            convert(data, name="results.csv.gz")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        convert_csv(tmp_path / "none.csv", "nasbench201", "mine", ())


@pytest.mark.skipif(not REAL.is_file(), reason="needs the results beside the project")
def test_real_results():
    table = convert_csv(REAL, "nasbench201", "cifar10", ["test_accuracy=test_accuracy_200"])
    assert len(table) == 15_625
    assert table.columns["test_accuracy"].argmax() == 6111
    assert table.columns["test_accuracy"][6111] == pytest.approx(94.37, abs=0.005)


@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
def test_separators_quotes_and_spaces(convert, separator):
    """What spreadsheets write, with a byte order mark and the index of a frame."""
    rows = [["", "architecture ", '"test_accuracy"', " seed"], ["0", A, '"10"', "3000000000"]]
    text = "\n".join(separator.join(row) for row in rows)
    table = convert(f"\ufeff{text}\n")
    assert table.columns["test_accuracy"].tolist() == [10]
    assert table.columns["seed"].tolist() == [3_000_000_000]
    assert set(table.columns) == {"seed", "test_accuracy"}


def test_two_columns_of_one_name(convert):
    with pytest.raises(InputError, match="two columns are called 'test_accuracy'; rename one"):
        convert(f"architecture,test_accuracy, test_accuracy\n{A},10,20\n")
