"""NATS-Bench's archive and NAS-Bench-201's file to tables."""

import bz2
import logging
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from archcast.benchmarks import nasbench201_pth
from archcast.benchmarks.nasbench201_pth import convert_nasbench201
from archcast.benchmarks.nats_bench import DATASETS, HPS, convert_nats_bench
from archcast.benchmarks.table import CURVES, read_table
from archcast.core.errors import InputError
from archcast.spaces.nasbench201 import SPACE

CELLS = [str(cell) for cell in SPACE.enumerate()][100:103]
OFFICIAL = Path(__file__).parents[2] / "shared/data/NATS-tss-v1_0-3ffb9-simple"
ALL_RUNS, FIRST_SEEDS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120"), (777, 888)


def trained(dataset, seed, epochs, start):
    """A run as the archive has it; `start` makes its numbers differ from those of other runs."""
    sets = {"cifar10-valid": ("x-valid", "ori-test"), "cifar10": ("ori-test",)}
    evaluated = sets.get(dataset, ("x-valid", "x-test", "ori-test"))
    per_epoch = {"cifar10-valid": "x-valid"}.get(dataset, "ori-test") if epochs == 200 else None
    accuracies = {
        f"{name}@{epoch}": start + 3 * i + epoch / 100
        for i, name in enumerate(evaluated)
        for epoch in range(epochs)
        if per_epoch in (None, name) or epoch == epochs - 1
    }
    return {
        "name": dataset,
        "seed": f"0{seed}",
        "epochs": epochs,
        "train_acc1es": {epoch: start + epoch / 50 for epoch in range(epochs)},
        "train_losses": {epoch: 3 - epoch / 100 for epoch in range(epochs)},
        "train_times": OrderedDict((epoch, start + epoch % 2) for epoch in range(epochs)),
        "eval_acc1es": accuracies,
        "eval_losses": {key: accuracy / 10 for key, accuracy in accuracies.items()},
        "eval_names": list(evaluated),
        "params": np.float64(0.129306),
        "flop": 15.64737,
        "latency": [np.float64(0.01), np.float64(0.03)],
        "net_state_dict": None,
    }


def record(cell, start):
    """A cell as the archive has it: at 12 epochs CIFAR-10 has a validation run too many."""
    runs = {hp: [(name, s) for s in FIRST_SEEDS for name in ALL_RUNS] for hp in ("200",)}
    runs["12"] = [("cifar10-valid", 777), *((name, 111) for name in ALL_RUNS)]
    return OrderedDict(
        (hp, {
            "arch_index": 0,
            "arch_str": cell,
            "all_results": {
                (name, seed): trained(name, seed, int(hp), start + i)
                for i, (name, seed) in enumerate(runs[hp])
            },
        })
        for hp in HPS
    )  # fmt: skip


@pytest.fixture(scope="module")
def records():
    return {index: record(cell, 10 * (i + 1)) for i, (index, cell) in enumerate(
        zip((0, 7, 15_624), CELLS, strict=True))}  # fmt: skip


@pytest.fixture
def archive(tmp_path, records):
    folder = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    for index, content in records.items():
        data = bz2.compress(pickle.dumps(content, 4), 1)
        (folder / f"{index:06d}.pickle.pbz2").write_bytes(data)
    meta = {"meta_archs": CELLS, "total_archs": 15_625}
    (folder / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(meta, 4)))
    return folder


def test_cifar10_joins_validation_and_test_runs_of_one_seed(archive, records, tmp_path):
    table = convert_nats_bench(archive, "cifar10")
    assert [str(cell) for cell in table.architectures] == CELLS
    assert (table.space, table.dataset) == (SPACE, "cifar10")
    columns = table.columns
    assert columns["seed"].tolist() == [777, 888] * 3
    assert columns["parameters"].tolist() == [129_306] * 6
    assert columns["flops"].tolist() == [15_647_370] * 6
    assert columns["latency_gpu"].tolist() == pytest.approx([20] * 6)
    runs = records[7]["200"]["all_results"]
    row = 3  # the second seed of the second cell
    on_half, on_all = runs["cifar10-valid", 888], runs["cifar10", 888]
    assert columns["test_accuracy"][row] == pytest.approx(on_all["eval_acc1es"]["ori-test@199"])
    assert columns["epoch_seconds"][row] == pytest.approx(on_half["train_times"][0] + 0.5)
    for name, theirs, key in (
        ("train_loss", "train_losses", "{}"),
        ("train_accuracy", "train_acc1es", "{}"),
        ("valid_loss", "eval_losses", "x-valid@{}"),
        ("valid_accuracy", "eval_acc1es", "x-valid@{}"),
    ):
        by_key = {str(k): value for k, value in on_half[theirs].items()}
        expected = [by_key[key.format(epoch)] for epoch in range(200)]
        np.testing.assert_allclose(columns[name][row], expected, rtol=1e-6)
    table.write(tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").hash == table.hash


def test_a_validation_run_without_its_test_run_gives_no_row(archive):
    assert convert_nats_bench(archive, "cifar10", "12").columns["seed"].tolist() == [111] * 3
    alone = convert_nats_bench(archive, "cifar10-valid", "12")
    assert alone.columns["seed"].tolist() == [111, 777] * 3


def test_cifar10_valid_is_tested_on_the_very_run(archive, records):
    table = convert_nats_bench(archive, "cifar10-valid")
    run = records[0]["200"]["all_results"]["cifar10-valid", 777]
    assert table.columns["test_accuracy"][0] == pytest.approx(run["eval_acc1es"]["ori-test@199"])


@pytest.mark.parametrize("dataset", ["cifar100", "ImageNet16-120"])
def test_the_others_are_tested_on_half_of_the_test_images(archive, records, dataset):
    for hp, seed in (("12", 111), ("200", 777)):
        table = convert_nats_bench(archive, dataset, hp)
        run = records[0][hp]["all_results"][dataset, seed]
        accuracy = run["eval_acc1es"][f"x-test@{int(hp) - 1}"]
        assert table.columns["test_accuracy"][0] == pytest.approx(accuracy)
        assert table.epochs.tolist() == [int(hp)] * len(table.epochs)


def test_final_validation_alone_is_no_curve(archive, caplog):
    with caplog.at_level(logging.WARNING, logger="archcast"):
        table = convert_nats_bench(archive, "cifar100", "200")
    assert set(CURVES) & set(table.columns) == {"train_loss", "train_accuracy"}
    assert "valid_loss, valid_accuracy; use --label test" in caplog.text
    assert set(CURVES) <= set(convert_nats_bench(archive, "cifar100", "12").columns)


def test_absent_files_are_counted(archive, caplog):
    (archive / "000007.pickle.pbz2").unlink()
    with caplog.at_level(logging.WARNING, logger="archcast"):
        assert len(convert_nats_bench(archive, "cifar10")) == 2
    assert "15623 cells of the space are absent" in caplog.text


def test_a_column_that_one_run_lacks_is_left_out(archive, records):
    content = record(CELLS[0], 10)
    for run in content["200"]["all_results"].values():
        run["latency"], run["train_times"] = None, None
    write(archive / "000000.pickle.pbz2", content)
    table = convert_nats_bench(archive, "cifar10")
    assert {"latency_gpu", "epoch_seconds"}.isdisjoint(table.columns)
    assert len(table) == 3


def write(path, content):
    path.write_bytes(bz2.compress(pickle.dumps(content, 4)))


class Call:
    def __reduce__(self):
        return os.system, ("touch ran",)


def test_code_in_a_file_is_refused_and_not_run(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(archive / "000007.pickle.pbz2", {"200": Call()})
    with pytest.raises(InputError, match=r"000007\.pickle\.pbz2: refused to load .*system"):
        convert_nats_bench(archive, "cifar10")
    path = tmp_path / "bad.pth"
    path.write_bytes(pickle.dumps({"arch2infos": Call()}, 2))
    with pytest.raises(InputError, match=r"refused to load .*system"):
        convert_nasbench201(path, "cifar10")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no bz2", "can't be read"),
        (bz2.compress(b"x" * 1000)[:-10], "can't be read"),
        (bz2.compress(b"no pickle"), "not a readable pickle"),
        (bz2.compress(pickle.dumps([1])), "not a NATS-Bench record"),
        (bz2.compress(pickle.dumps({"12": {}})), "not a NATS-Bench record .*'200'"),
    ],
)
def test_broken_files_are_named_in_one_line(archive, data, message):
    (archive / "000007.pickle.pbz2").write_bytes(data)
    with pytest.raises(InputError, match=f"000007.*{message}") as caught:
        convert_nats_bench(archive, "cifar10")
    assert "\n" not in str(caught.value)


def test_wrong_arguments(archive, tmp_path):
    with pytest.raises(InputError, match="no data set 'cifar-10': did you mean cifar10"):
        convert_nats_bench(archive, "cifar-10")
    with pytest.raises(InputError, match="no runs of '90' epochs; it has 12 and 200"):
        convert_nats_bench(archive, "cifar10", "90")
    with pytest.raises(InputError, match="no such folder"):
        convert_nats_bench(tmp_path / "none", "cifar10")
    with pytest.raises(InputError, match="no files 000000"):
        convert_nats_bench(tmp_path, "cifar10")
    with pytest.raises(InputError, match="no such file"):
        convert_nasbench201(tmp_path, "cifar10")


def pth(records):
    infos = {i: {"less": r["12"], "full": r["200"]} for i, r in records.items()}
    return {"meta_archs": CELLS, "arch2infos": infos, "evaluated_indexes": set(infos)}


@pytest.mark.parametrize("hp", HPS)
@pytest.mark.parametrize("zipped", [True, False])
def test_the_single_file_gives_the_same_table(archive, records, tmp_path, zipped, hp):
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    content = pickle.dumps(pth(records), 2)
    if zipped:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("NAS-Bench-201-v1_1-096897/data.pkl", content)
            file.writestr("NAS-Bench-201-v1_1-096897/version", "3\n")
    else:
        header = (nasbench201_pth._LEGACY_MAGIC, 1001, {"little_endian": True})
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in header) + content)
    table = convert_nasbench201(path, "cifar10", hp)
    assert table.hash == convert_nats_bench(archive, "cifar10", hp).hash


@pytest.mark.parametrize("zipped", [True, False])
def test_the_single_file_is_read_as_torch_writes_it(records, tmp_path, zipped):
    torch = pytest.importorskip("torch")
    path = tmp_path / "file.pth"
    torch.save(pth(records), path, _use_new_zipfile_serialization=zipped)
    assert len(convert_nasbench201(path, "cifar100")) == 3
    torch.save(torch.zeros(2), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="refused to load torch"):
        convert_nasbench201(path, "cifar10")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("no magic", 1001, {}, {}), "not written by torch"),
        ((nasbench201_pth._LEGACY_MAGIC, 1001, {}, {"state": 1}), "no 'arch2infos' inside"),
        ((nasbench201_pth._LEGACY_MAGIC, 1001), "not a readable pickle"),
        ((nasbench201_pth._LEGACY_MAGIC, 1001, {}, {"arch2infos": {5: {}}}), "cell 5: not a NATS"),
    ],
)
def test_other_files_are_refused(tmp_path, parts, message):
    path = tmp_path / "other.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(InputError, match=message):
        convert_nasbench201(path, "cifar10")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme", "hello")
    with pytest.raises(InputError, match="can't be read"):
        convert_nasbench201(path, "cifar10")


def test_more_cells_seeds_and_epochs_than_there_are_are_refused(records, tmp_path):
    """A record may stand in a file once and be meant a million times."""
    path = tmp_path / "file.pth"
    header = (nasbench201_pth._LEGACY_MAGIC, 1001, {})

    def write(infos):
        content = (*header, {"arch2infos": infos})
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in content))

    cell = pth(records)["arch2infos"][0]
    write(dict.fromkeys(range(15_626), cell))
    with pytest.raises(InputError, match="15,626 cells, more than there are"):
        convert_nasbench201(path, "cifar100")
    runs = cell["full"]["all_results"]
    (key,) = [each for each in runs if each[0] == "cifar100"][:1]
    for change, message in (
        ({("cifar100", seed): runs[key] for seed in range(4)}, "4 seeds"),
        ({key: {**runs[key], "epochs": 201}}, "201 epochs"),
    ):
        write({0: {**cell, "full": {**cell["full"], "all_results": change}}})
        with pytest.raises(InputError, match=message):
            convert_nasbench201(path, "cifar100")


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="needs the records beside the project")
@pytest.mark.parametrize("hp", HPS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_official_records_value_for_value(dataset, hp):
    table = convert_nats_bench(OFFICIAL, dataset, hp)
    curves = "cifar10-valid" if dataset == "cifar10" else dataset
    tested_on = "ori-test" if dataset.startswith("cifar10") and dataset != "cifar100" else "x-test"
    rows = zip(np.repeat(table.architectures, np.diff(table.starts)), range(99), strict=False)
    owner = {row: str(cell) for cell, row in rows}
    expected = 0
    for index in (0, 11, 284):
        content = pickle.loads(bz2.decompress((OFFICIAL / f"{index:06d}.pickle.pbz2").read_bytes()))
        for name, seed in content[hp]["all_results"]:
            runs = content[hp]["all_results"]
            if name != dataset or (curves, seed) not in runs:
                continue
            expected += 1
            (row,) = (
                row
                for row, cell in owner.items()
                if cell == content[hp]["arch_str"] and table.columns["seed"][row] == seed
            )
            values = {column: array[row] for column, array in table.columns.items()}
            run, tested = runs[curves, seed], runs[name, seed]
            last = int(hp) - 1
            assert values["test_accuracy"] == np.float32(
                tested["eval_acc1es"][f"{tested_on}@{last}"]
            )
            assert values["parameters"] == round(run["params"] * 1e6)
            assert values["flops"] == round(run["flop"] * 1e6)
            assert values["epoch_seconds"] == pytest.approx(run["train_times"][last])
            assert values["latency_gpu"] == pytest.approx(1e3 * run["latency"][0])
            for epoch in range(int(hp)):
                assert values["train_loss"][epoch] == np.float32(run["train_losses"][epoch])
                assert values["train_accuracy"][epoch] == np.float32(run["train_acc1es"][epoch])
                if "valid_loss" in values:
                    key = f"x-valid@{epoch}"
                    assert values["valid_loss"][epoch] == np.float32(run["eval_losses"][key])
                    assert values["valid_accuracy"][epoch] == np.float32(run["eval_acc1es"][key])
    assert (
        expected
        == len(owner)
        == {"12": 3, "200": 9}[hp] + 3 * ((dataset, hp) == ("cifar10-valid", "12"))
    )


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="needs the records beside the project")
def test_official_means_are_the_published_ones():
    table = convert_nats_bench(OFFICIAL, "cifar10")
    means = table.mean_over_runs(table.columns["test_accuracy"])
    np.testing.assert_allclose(means, [85.863, 91.583, 88.790], atol=6e-4)
    valid = table.mean_over_runs(table.values(table.objective(), "valid"))
    np.testing.assert_allclose(valid, [81.983, 87.940, 86.047], atol=6e-4)
