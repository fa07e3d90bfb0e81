from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import logging
import os
import pickle
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from archcast import __version__
from archcast.cli import main
from archcast.cli.list_command import ROOMS
from archcast.core import progress
from archcast.core.registry import load
from archcast.evaluation.record import Record, save_record
from tests.results import small_table, write_small_table
from tests.test_networks import save_images

ROOT = Path(__file__).parent.parent
Output = tuple[int, str, str]

REQUIRED = {
    *("predictor", "family", "benchmark", "dataset", "train_size", "epochs", "repeats", "failed"),
    *("kendall_tau", "kendall_tau_low", "kendall_tau_high", "spearman", "pearson"),
    *("sparse_kendall_tau", "precision_at_10", "regret_at_10", "init_seconds", "query_seconds"),
}


@pytest.fixture
def archcast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run a command in an empty folder that holds `toy.parquet`; get exit code and both outputs."""
    write_small_table(tmp_path)
    monkeypatch.setattr(progress, "SECONDS", float("inf"))  # how busy the machine is, is not said
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> Output:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["archcast", *shlex.split(command)])
            patched.setattr(logging.root, "handlers", [])  # pytest's: `main` adds one of its own
            with pytest.raises(SystemExit) as exit_:
                main()
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return run


SMALL = "leaderboard --benchmark toy.parquet --train-sizes 10 --test-size 20 --repeats 2"


def test_several_benchmarks_have_one_board(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command = f"{SMALL.replace('toy.parquet', 'toy.parquet,nasbench201:cifar100')} --predictors"
    code, out, _ = archcast(f"{command} random,params,bayes-lin-reg")
    assert code == 0
    assert out.startswith("2 benchmarks: kendall-tau, mean of 2 splits each")
    assert "ranks of the best, which is chance with 95 % confidence" in out
    code, out, err = archcast(f"{command} random,params,bayes-lin-reg --format json")
    rows = json.loads(out)
    assert code == 0
    assert {"mean_rank", "won", "toy.parquet", "nasbench201:cifar100"} <= rows[0].keys()
    assert [row["mean_rank"] for row in rows] == sorted(row["mean_rank"] for row in rows)
    assert "reused" in err


@pytest.mark.parametrize("format", ["table", "json"])
def test_a_table_fills_on_a_terminal(tmp_path: Path, format: str) -> None:
    write_small_table(tmp_path)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = f"{SMALL} --predictors random,params,bayes-lin-reg --format {format}"
    process = subprocess.Popen(
        [sys.executable, "-m", "archcast", *command.split()],
        cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    sent = b""
    with contextlib.suppress(OSError):  # nobody has the other end any more
        while part := os.read(ours, 65_536):
            sent += part
    os.close(ours)
    assert process.wait() == 0
    text = sent.decode()
    hidden, shown = text.index("\x1b[?25l"), text.rindex("\x1b[?25h")
    assert hidden < shown, "the cursor is back"
    assert ("95 % of tau" in text[hidden:shown]) == (format == "table")
    assert ("95 % of tau" in text[shown:]) == (format == "table")


def test_json_is_pure_and_complete(archcast) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(f"{SMALL} --predictors rf,params,flops(),random --format json")
    assert code == 2, "flops is asked for by name, and the table has none"
    code, out, err = archcast(f"{SMALL} --predictors rf,params,random --format json")
    rows = json.loads(out)
    assert code == 0
    assert {row["predictor"] for row in rows} == {"rf", "params", "random"}
    assert all(row.keys() >= REQUIRED for row in rows)
    assert err == ""


def test_csv_has_the_same_rows(archcast) -> None:  # type: ignore[no-untyped-def]
    _, as_json, _ = archcast(f"{SMALL} --predictors baseline --format json")
    _, as_csv, _ = archcast(f"{SMALL} --predictors baseline --format csv")
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    for row, expected in zip(rows, json.loads(as_json), strict=True):
        assert row.keys() == expected.keys()
        assert float(row["kendall_tau"]) == pytest.approx(expected["kendall_tau"])


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_table_fits_the_terminal(archcast, width: int, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, err = archcast(f"{SMALL} --predictors baseline,bayes-lin-reg")
    assert code == 0
    assert "bayes-lin-reg" in out
    assert ("family" in out) == (width == 120)
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    assert "left out: flops" in err


def test_brackets_and_escapes_in_names_are_text(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, name = small_table(), "[/]\x1b[31m[red]:smile:\x9b1m\x07"
    table.dataset = name
    table.write(tmp_path / "[red]\x1b[31m.parquet")
    commands = ["table info", "leaderboard --train-sizes 10 --test-size 20 --repeats 2 --predictors"
                " committee([rf(n_estimators=-1),xgb]),random --benchmark"]  # fmt: skip
    for command in commands:
        for more in ("", " --format csv") if "leader" in command else ("",):
            _, out, err = archcast(f"{command} [red]\x1b[31m.parquet{more}")
            assert not {"\x1b", "\x9b", "\x07"} & {*out, *err}
            assert r"[/]\x1b[31m[red]:smile:\x9b1m\x07" in out
            assert "Traceback" not in err
    assert "failed: committee(members=[rf(n_estimators=-1), xgb]), 10 labels" in err


def test_variants_are_rows_of_their_own(archcast) -> None:  # type: ignore[no-untyped-def]
    specs = "rf,rf(encoding=one-hot),sklearn(Lasso(alpha=0.1))"
    code, out, _ = archcast(f"{SMALL} --predictors {specs} --format json")
    assert code == 0
    names = {row["predictor"] for row in json.loads(out)}
    assert names == {"rf", "rf(encoding=one-hot)", "sklearn(Lasso(alpha=0.1))"}


def test_failed_jobs_are_named_and_the_rest_is_shown(archcast) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(f"{SMALL} --predictors random,rf(n_estimators=-1) --format json")
    assert code == 1
    assert len(json.loads(out)) == 2
    assert err.count("'n_estimators' parameter of RandomForestRegressor must be") == 2
    assert "2 of 4 jobs failed" in err


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_library_makes_an_error_is_one(
    end: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As imports of extensions do."""

    def imports(**_: object) -> None:
        try:
            signal.raise_signal(end)
        except KeyboardInterrupt:
            raise ImportError("could not import a module") from None

    monkeypatch.setattr("archcast.cli.app", imports)
    with pytest.raises(SystemExit) as ended:
        main()
    signal.alarm(0)
    assert ended.value.code == 128 + end
    assert capsys.readouterr().err.startswith("archcast: interrupted; what is finished is kept")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_keeps_what_is_finished(tmp_path: Path, end: int) -> None:
    write_small_table(tmp_path)
    command = [
        sys.executable,
        "-m",
        "archcast",
        *f"{SMALL} --predictors bayes-lin-reg --repeats 3000".split(),
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while len(list(tmp_path.glob("results/*.json"))) < 2:
            assert process.poll() is None, "it ended before it could be ended"
            time.sleep(0.02)
        process.send_signal(end)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 128 + end
    assert [line for line in told.splitlines() if "failed" not in line][-1].endswith(
        "interrupted; what is finished is kept, and the same command goes on from there"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"toy.parquet", "results"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("leaderboard --predictors xgbb", "unknown predictor 'xgbb': did you mean xgb"),
        ("leaderboard --predictors sklearn(SVRR)", "no regressor 'SVRR': did you mean"),
        ("leaderboard --objective speed", "has no objective 'speed'"),
        ("leaderboard --benchmark absent.parquet", "absent.parquet: no such file"),
        ("leaderboard --benchmark nasbench-grap", "did you mean nasbench-graph"),
        ("leaderboard --dataset coar", "no data set 'coar'"),
        ("leaderboard --benchmark toy.parquet,nasbench201:cifar", "no data set 'cifar'"),
        ("leaderboard --benchmark toy.parquet,toy.parquet", "toy.parquet is named twice"),
        ("leaderboard --benchmark toy.parquet,nasbench201 --dataset x", "write NAME:x in --bench"),
        ("leaderboard --benchmark all --report new.html", "a page is of one benchmark; give one"),
        ("leaderboard --benchmark all --epochs 1,2", "at one number; give one"),
        (
            "leaderboard --benchmark toy.parquet --train-sizes -5",
            "--train-sizes -5: give 0 or more",
        ),
        ("leaderboard --benchmark toy.parquet --train-sizes ten", "--train-sizes ten: give whole"),
        ("leaderboard --benchmark toy.parquet", "toy.parquet has 60 architectures, fewer than"),
        (f"{SMALL} --results toy.parquet", "results folder toy.parquet"),
        (f"{SMALL} --label foo", "'--label'"),
        (f"{SMALL} --jobs 0", "'--jobs'"),
        ("report --benchmark toy.parquet", "results: no records of toy (toy.parquet); run"),
        ("report --out absent/page.html", "absent/page.html: no such folder"),
        (f"{SMALL} --report absent/page.html", "absent/page.html: no such folder"),
        (f"{SMALL} --report toy.parquet", "toy.parquet: a page is written; name it toy.html"),
        ("leaderbord", "leaderbord"),
        ("table verify absent.parquet", "no such file"),
        ("table verify broken.parquet", "not a readable Parquet file"),
        ("table convert absent.csv out.parquet --dataset x", "absent.csv"),
        ("table convert toy.csv out.parquet --dataset ' '", "--dataset: is empty"),
        ("table convert toy.csv out.parquet --dataset x --hp 12", "--hp: is of official runs"),
        ("table convert toy.csv out.parquet --dataset x --space nasbench", "did you mean nasbench"),
    ],
)
def test_bad_input_is_one_line(archcast, command: str, message: str) -> None:  # type: ignore[no-untyped-def]
    Path("broken.parquet").write_bytes(b"PAR1 and no more")
    Path("toy.csv").write_text("architecture,test_accuracy\n")
    code, out, err = archcast(command)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not Path("results").exists(), "nothing is made before the input is checked"


HUGE = "1" + "0" * 400
ON = "--benchmark toy.parquet"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        *(
            (f"{SMALL} {option} {value}", message)
            for option, value, message in [
                ("--repeats", "1000000000", "jobs, of which 100,000 are the most"),
                ("--repeats", HUGE, "give less"),
                ("--seed", HUGE, "give less"),
                ("--seed", "-1", "--seed -1: give 0 or more"),
                ("--jobs", HUGE, "'--jobs'"),
                ("--jobs", "1000000000", "'--jobs'"),
                ("--test-size", HUGE, "give less"),
                ("--train-sizes", "nan", "give whole numbers"),
                ("--train-sizes", "9" * 5_000, "give whole numbers"),
                ("--epochs", HUGE, "give less"),
            ]
        ),
        (f"search {ON} --budget {HUGE}", "give less"),
        (f"search {ON} --repeats 1000000000", "jobs, of which 100,000"),
        (f"search {ON} --seed -1", "give 0 or more"),
        (f"stop {ON} --predictor lce --train-size 1 --repeats 1000000000", "jobs, of which"),
        (f"stop {ON} --predictor lce --train-size 1 --seed {HUGE}", "give less"),
        (f"stop {ON} --threshold nan", "give chances from 0 to 1"),
        (f"supernet {ON} --epochs {HUGE}", "give less"),
        (f"supernet {ON} --valid-images {HUGE}", "give less"),
        (f"supernet {ON} --seeds {HUGE}", "give less"),
        (f"benchmark train --out made.parquet --seeds {HUGE}", "give less"),
        (f"recommend {ON} --init nan --query 1", "give seconds, 0 or more"),
        (f"recommend {ON} --init 1 --query nan", "give seconds, 0 or more"),
        (f"search {ON} --budget 5 --repeats 1 --target nan", "'--target'"),
        ("costs --quick --benchmark toy.parquet --seed -1", "give 0 or more"),
        (
            f"combine params sotl-e {ON} --repeats 1000000000 --train-size 9 --test-size 9",
            "jobs, of which",
        ),
    ],
)
def test_odd_numbers_are_one_line(archcast, command: str, message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(command)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert {path.name for path in Path().iterdir()} == {"toy.parquet"}


@pytest.mark.parametrize("name", ["/", ".", "..", "''", "./", "../", "folder", "folder/", "pipe"])
@pytest.mark.parametrize(
    "command",
    [
        "table convert toy.csv {} --dataset x",
        "benchmark train --limit 1 --out {}",
        "report --benchmark toy.parquet --out {}",
        f"{SMALL} --report {{}}",
    ],
)
def test_outputs_that_are_no_file_are_one_line(archcast, command: str, name: str) -> None:  # type: ignore[no-untyped-def]
    Path("toy.csv").write_text("architecture,test_accuracy\n")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    before = sorted(Path().iterdir())
    code, out, err = archcast(command.format(name))
    assert code == 2
    assert out == ""
    assert "can't be written (no regular file); choose another" in err
    assert err.count("\n") == 1
    assert sorted(Path().iterdir()) == before


def test_convert_verify_info(archcast) -> None:  # type: ignore[no-untyped-def]
    table = pq.read_table("toy.parquet").to_pandas().drop_duplicates("architecture")
    table = table[["architecture", "test_accuracy"]].rename(columns={"test_accuracy": "acc"})
    table.to_csv("toy.csv.gz", index=False)
    code, out, _ = archcast(
        "table convert toy.csv.gz new.parquet --dataset toy --column test_accuracy=acc"
    )
    assert code == 0
    assert "new.parquet: 60 architectures" in out
    code, out, _ = archcast("table verify new.parquet")
    assert (code, out.strip().endswith("no fault found")) == (0, True)
    code, out, _ = archcast("table info new.parquet")
    assert code == 0
    assert "nasbench201" in out
    assert "no curves" in out
    code, out, err = archcast(SMALL.replace("toy.parquet", "new.parquet") + " --predictors rf")
    assert code == 0
    assert "labels are test values" in err


@pytest.mark.parametrize("kind", ["predictors", "encodings", "benchmarks", "metrics"])
def test_list_names_everything(archcast, kind: str) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = archcast(f"list {kind}")
    assert code == 0
    registry = load(f"archcast.{ROOMS[kind]}:registry")
    names = [line.split()[0] for line in out.splitlines()]
    assert sorted(names) == sorted(registry)
    families = [registry.entry(name).family for name in names]
    assert len(list(groupby(families))) == len(set(families))


def test_list_and_help_import_nothing_heavy() -> None:
    script = """
import sys
from archcast.cli import main
sys.argv = ["archcast", *sys.argv[1:]]
try:
    main()
finally:
    print(",".join({"torch", "sklearn", "scipy", "pandas", "pyarrow", "numpy"} & set(sys.modules)))
"""
    for arguments in (["--help"], ["list", "predictors"]):
        run = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
        )
        assert run.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("module", ["archcast", "archcast.cli"])
def test_the_package_is_the_command_line(module: str) -> None:
    command = [sys.executable, "-m", module, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Rank predictors by how well they rank architectures." in shown
    assert "..." not in shown.replace("[ARGS]...", ""), "every command in a whole sentence"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("leaderboard", ["--test-size <int>", "[default: 200]", "--retry / --no-retry", "--by"]),
        ("costs", ["--test-size <int>", "[default: 100]", "--report FILE.html", "--quick"]),
        ("combine", ["--head", "--train-size", "[default: 10]", "{predictors}..."]),
        ("stop", ["--jobs", "--results"]),
    ],
)
def test_help_has_the_options_of_groups(archcast, command: str, shown: list[str]) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = archcast(f"{command} --help")
    assert code == 0
    for part in shown:
        assert part in " ".join(out.split())


def test_rows_by_another_metric(archcast) -> None:  # type: ignore[no-untyped-def]
    command = f"{SMALL} --predictors rf,params,random"
    code, out, _ = archcast(f"{command} --by regret-at-10 --format json")
    rows = json.loads(out)
    assert code == 0
    assert [row["regret_at_10"] for row in rows] == sorted(row["regret_at_10"] for row in rows)
    assert all(row["tied_with_best"] is None for row in rows)
    _, out, _ = archcast(f"{command} --by pearson --report by.html")
    assert "pearson" in out
    assert "may be the best too" not in out
    page = Path("by.html").read_text()
    assert "pearson: Pearson" in page
    assert "may be the best too" not in page
    code, _, err = archcast(f"{command} --by regret")
    assert code == 2
    assert "did you mean regret-at-10" in err


def test_python_starts_with_the_root_on_its_path() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", ""], env=environment, check=True)


def test_pickle_in_place_of_a_table_is_refused(archcast) -> None:  # type: ignore[no-untyped-def]
    class Bomb:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return Path.touch, (Path("boom"),)

    Path("bomb.parquet").write_bytes(pickle.dumps(Bomb()))
    code, _, err = archcast("leaderboard --benchmark bomb.parquet")
    assert code == 2
    assert "not a readable Parquet file" in err
    assert not Path("boom").exists()


def test_supernet_ranks_and_keeps_what_it_trained(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command = "supernet --strategies rsws --epochs 1 --valid-images 20,40 --seeds 0,1"
    command += f" --test-size 4 --results {tmp_path}"
    code, out, err = archcast(f"{command} --format json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["valid_images"] for row in rows] == [20, 40]
    assert all(row["seeds"] == 2 and row["init_seconds"] > 0 for row in rows)
    code, out, _ = archcast(command)
    assert "rsws" in out
    assert "mean of 2 supernets" in " ".join(out.split())
    more = command.replace("20,40", "20") + " --recalibrate 0,2,batch"
    code, out, _ = archcast(f"{more} --format json")
    assert [row["recalibrate"] for row in json.loads(out)] == ["0", "2", "batch"]
    code, out, _ = archcast(f"{command} --biases")
    assert "rank error" in " ".join(out.split())


def test_live_searches_refuse_what_they_can_not_heed(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    images = save_images(tmp_path / "mine.npz")
    live = f"search --live --task {images}"
    for command, message in {
        "search --space darts": "of the networks for a --task; give one",
        f"search --task {images}": "add --live",
        "search --strategy random --build mine:build": "--build mine:build: is for searches that",
        "search --live --judge cifar100": "leave it or --live out",
        f"{live} --benchmark mine.parquet": "leave --benchmark and its like",
        f"{live} --strategy evolutoin": "did you mean evolution",
        f"{live} --space house": "unknown space 'house'",
        f"{live} --report {images}": "a page is written; name it mine.html",
        f"{live} --found {images}": "it is what is read",
        "search --live --runs mean": "leave --runs mean out",
        "search --live --predictor latency": "leave it or --live out",
        "supernet --benchmark all --strategies rswss": "rswss: no supernet",
    }.items():
        code, out, err = archcast(command)
        assert (code, out) == (2, ""), command
        assert message in err
        assert err.count("\n") == 1
    assert not list(Path().glob("results/*.parquet"))
    assert images.read_bytes().startswith(b"PK"), "as they were"


def test_supernet_refuses_what_is_none(archcast) -> None:  # type: ignore[no-untyped-def]
    for command, message in {
        "supernet --strategies rf": "rf: no supernet; choose of oneshot",
        "supernet --epochs 0": "give 1 or more",
        "supernet --recalibrate some": "--recalibrate",
        "supernet --images none.npz": "neither a file nor one of",
    }.items():
        code, _, err = archcast(command)
        assert code == 2
        assert message in err


SWEEP = "--predictors bayes-lin-reg,sotl-e,params --train-sizes 10,30 --repeats 2 --test-size 20"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table, and a results folder that is filled by whoever asks first."""
    folder = tmp_path_factory.mktemp("swept")
    return write_small_table(folder), folder / "results"


def test_costs_shows_who_wins_where(archcast, swept) -> None:  # type: ignore[no-untyped-def]
    table, results = swept
    command = f"costs --benchmark {table} {SWEEP} --results {results}"
    code, out, err = archcast(f"{command} --format json")
    assert code == 0
    assert not err or "results reused" in err
    rows = json.loads(out)
    assert {(row["predictor"], row["train_size"], row["epochs"]) for row in rows} == {
        ("bayes-lin-reg", 10, 0), ("bayes-lin-reg", 30, 0), ("params", 0, 0),
        ("sotl-e", 0, 1), ("sotl-e", 0, 2), ("sotl-e", 0, 4),
    }  # fmt: skip
    assert any(row["pareto"] for row in rows)
    code, out, _ = archcast(command)
    assert code == 0
    for part in ("to initialise (across)", "Not beaten", "Tau by labelled", "Tau by epochs"):
        assert part in " ".join(out.split())


def test_costs_over_benchmarks(archcast, swept, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, results = swept
    other = tmp_path / "other.parquet"
    other.write_bytes(table.read_bytes())
    command = f"costs --benchmark {table},{other} {SWEEP} --results {results}"
    code, out, _ = archcast(command)
    assert code == 0
    for part in ("2 benchmarks", "30 trainings 50% of one", "Not beaten", "sotl-e"):
        assert part in " ".join(out.split())
    code, out, _ = archcast(f"{command} --format json")
    rows = json.loads(out)
    assert {(row["benchmark"], row["epochs"]) for row in rows} == {
        (path.name, epochs) for path in (table, other) for epochs in (0, 1, 2, 4)
    }
    assert archcast(f"{command} --report page.html")[0] == 2


@pytest.mark.parametrize("command", ["", "table", "benchmark"])
def test_who_asks_for_nothing_is_told_what_there_is(archcast, command: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(command)
    assert (code, out) == (2, "")
    assert err.startswith("Usage:")
    assert "\nCommands:\n" in err


def test_the_version(archcast) -> None:  # type: ignore[no-untyped-def]
    assert archcast("--version") == (0, f"archcast {__version__}\n", "")


def test_quick_leaves_alone_what_is_given(archcast, swept) -> None:  # type: ignore[no-untyped-def]
    table, results = swept
    given = "--predictors bayes-lin-reg,params --train-sizes 10,20 --test-size 10 --repeats 2"
    code, out, _ = archcast(
        f"costs --quick --benchmark {table} {given} --results {results} --format json"
    )
    assert code == 0
    rows = json.loads(out)
    assert {(row["predictor"], row["train_size"], row["repeats"]) for row in rows} == {
        ("bayes-lin-reg", 10, 2), ("bayes-lin-reg", 20, 2), ("params", 0, 2),
    }  # fmt: skip


def test_quick_leaves_alone_what_is_given_as_it_would_be_without(  # type: ignore[no-untyped-def]
    archcast, swept
) -> None:
    table, results = swept
    given = "--train-sizes 10,20 --test-size 10 --repeats 4"
    code, out, _ = archcast(
        f"costs --quick --benchmark {table} {given} --results {results} --format json"
        " --predictors params"
    )
    assert code == 0
    assert {row["repeats"] for row in json.loads(out)} == {4}


def test_recommend_stays_within_the_budget(archcast, swept) -> None:  # type: ignore[no-untyped-def]
    table, results = swept
    archcast(f"costs --benchmark {table} {SWEEP} --results {results}")
    base = f"recommend --benchmark {table} --results {results}"
    code, out, err = archcast(f"{base} --init 70 --query 1 --format json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert rows[0]["kendall_tau"] == max(row["kendall_tau"] for row in rows)
    assert all(row["init_seconds"] <= 70 and row["query_seconds"] <= 1 for row in rows)
    assert {row["predictor"] for row in rows} == {"params"}  # 10 labels of 12 seconds are too dear
    code, out, _ = archcast(f"{base} --init 1000 --query 100")
    assert code == 0
    assert "expected tau" in out
    code, out, _ = archcast(f"{base} --init 0 --query 0")
    assert "Nothing fits 0 to initialise" in " ".join(out.split())
    code, _, err = archcast(f"recommend --init -1 --query 0 --benchmark {table}")
    assert code == 2
    code, _, err = archcast(f"{base}-none --init 1 --query 1")
    assert code == 2
    assert "run `archcast costs" in err


def test_combine_shows_what_each_part_adds(archcast, swept) -> None:  # type: ignore[no-untyped-def]
    table, results = swept
    command = f"combine bayes-lin-reg sotl-e params --benchmark {table} --train-size 30"
    command += f" --epochs 2 --repeats 3 --test-size 20 --results {results}"
    code, out, err = archcast(f"{command} --format json")
    assert code == 0
    assert not err or "results reused" in err
    rows = {row["variant"]: row for row in json.loads(out)}
    assert list(rows) == [
        "all", "without sotl-e", "without params",
        "bayes-lin-reg alone", "sotl-e alone", "params alone",
    ]  # fmt: skip
    alone = {name: row for name, row in rows.items() if name.endswith("alone")}
    best = max(alone.values(), key=lambda row: row["kendall_tau"])
    assert best["lead"] is None
    for row in rows.values():
        if row is not best:
            assert row["lead"] == pytest.approx(row["kendall_tau"] - best["kendall_tau"])
    whole, curve = rows["all"], rows["sotl-e alone"]
    assert whole["evidence_seconds"] == curve["evidence_seconds"] > 0  # costs add up
    assert whole["label_seconds"] == rows["bayes-lin-reg alone"]["label_seconds"] > 0
    code, out, _ = archcast(command)
    assert "lead over" in " ".join(out.split())


def test_combine_refuses_what_can_not_be_combined(archcast) -> None:  # type: ignore[no-untyped-def]
    for command, message in {
        "combine xgb rf sotl-e": "xgb and rf both learn",
        "combine xgb": "give predictors that do not learn",
        "combine gcn params": "gcn can't be a head",
    }.items():
        code, _, err = archcast(command)
        assert code == 2, command
        assert message in err


def test_report_of_what_is_on_disk(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(f"{SMALL} --predictors rf,params --format json --report now.html")
    assert code == 0
    assert {row["predictor"] for row in json.loads(out)} == {"rf", "params"}
    assert err == "archcast: wrote now.html\n"
    assert f"{SMALL} --predictors rf,params" in Path("now.html").read_text()
    archcast(f"{SMALL} --predictors random --seed 1 --format json")
    code, out, err = archcast("report --benchmark toy.parquet --out later.html --figures print")
    assert (code, out) == (0, "")
    assert "left out: 2 records of another test size, objective, label, truth or seed" in err
    assert "wrote later.html" in err
    assert {path.name for path in Path("print").iterdir()} >= {"surface.pdf", "pareto.svg"}
    rows = re.findall(r'class="predictor">(.*?)<', Path("later.html").read_text())
    assert sorted(rows) == ["params", "rf"]


def test_means_of_runs_are_results_of_their_own(archcast) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = archcast(f"{SMALL} --predictors rf --runs mean --format csv")
    assert code == 0
    assert '"toy.parquet, means of runs"' in out
    assert archcast("report --benchmark toy.parquet --runs mean --out means.html")[0] == 0
    code, _, err = archcast("report --benchmark toy.parquet --out drawn.html")
    assert (code, "no records of" in err) == (2, True)


SEARCH = "search --benchmark toy.parquet --predictor params,sotl-e,bayes-lin-reg --budget 12"


def test_records_of_a_plugin_that_is_gone_are_shown(archcast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    archcast(f"{SMALL} --predictors rf,params")
    for path in (tmp_path / "results").glob("*.json"):
        record = Record.model_validate_json(path.read_bytes())
        changes = {"predictor": "gone(a=1)", "name": "gone", "family": "third-party"}
        other = record.model_copy(update={"job": record.job.model_copy(update=changes)})
        save_record(path.parent, other.job.key(other.table), other)
    for command in ("report", "recommend --init 1e9 --query 1e9"):
        code, out, _ = archcast(f"{command} --benchmark toy.parquet")
        assert code == 0
        assert "gone(a=1)" in out + (tmp_path / "report.html").read_text()


def test_report_of_searches(archcast) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(f"{SEARCH} --repeats 2 --target 1.5 --format json --report now.html")
    assert (code, err.splitlines()[-1]) == (0, "archcast: wrote now.html")
    assert len(json.loads(out)) == 5
    page = Path("now.html").read_text()
    assert f"{SEARCH} --repeats 2" in page
    assert "a regret of 1.5 points" in page
    assert 'id="search"' in page
    assert 'id="leaderboard"' not in page
    code, _, err = archcast("report --benchmark toy.parquet --out later.html --figures print")
    assert (code, "wrote later.html" in err) == (0, True)
    shown = Path("later.html").read_text().partition('<table id="searches">')[2]
    assert shown.partition("</table>")[0].count('<td class="predictor">') == 5
    assert {path.stem for path in Path("print").iterdir()} == {
        *("regret-by-seconds", "regret-by-evaluations")
    }
    archcast(f"{SMALL} --predictors params,sotl-e,bayes-lin-reg --format json")
    archcast(f"{SEARCH} --repeats 1 --seed 1 --format json --report now.html")
    assert 'id="leaderboard"' in Path("now.html").read_text()
    code, _, err = archcast("report --benchmark toy.parquet --out later.html")
    assert "left out: 5 searches of another budget, objective, limit" in err
    page = Path("later.html").read_text()
    assert all(f'id="{section}"' in page for section in ("leaderboard", "search", "speed-up"))


def test_compare_tells_how_the_leaderboard_agrees(archcast) -> None:  # type: ignore[no-untyped-def]
    command = f"{SEARCH} --compare --repeats 2"
    code, out, _ = archcast(command)
    assert code == 0
    assert "run `archcast leaderboard` with these first" in " ".join(out.split())
    archcast(f"{SMALL} --predictors params,sotl-e,bayes-lin-reg --format json")
    code, out, _ = archcast(command)
    assert "over 3 predictors" in " ".join(out.split())
    code, out, err = archcast(command.replace("--benchmark toy.parquet", "--results other"))
    assert "over 3 predictors" in " ".join(out.split())
    assert "no records in other: using the sweep that comes with archcast" in err


@pytest.mark.parametrize(("output", "expected"), [("full", 2), ("closed", 1)])
def test_output_that_nobody_takes(output: str, expected: int) -> None:
    """A full disk and a closed pipe, whatever the output goes through."""
    script = "from archcast.cli import main; main()"
    for arguments in (["--help"], ["list", "predictors"]):
        command = [sys.executable, "-c", script, *arguments]
        if output == "full":
            with Path("/dev/full").open("w") as nowhere:
                run = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, check=False)
        else:
            reading, writing = os.pipe()
            os.close(reading)
            run = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
            os.close(writing)
        assert run.returncode == expected
        told = run.stderr.decode()
        assert told.count("\n") == (output == "full")
        assert "Traceback" not in told


def test_what_others_print_is_no_output(archcast) -> None:  # type: ignore[no-untyped-def]
    """In this process and in others."""
    Path("noisy.py").write_text(
        "import os\n"
        "from tests.toys.a_predictor import Widest\n\n\n"
        "class Noisy(Widest):\n"
        '    """It prints, and so does a library of it in C."""\n\n'
        "    def _fit(self, *given):\n"
        '        print("fitting")\n'
        '        os.write(1, b"from C")\n'
        "        super()._fit(*given)\n"
    )
    script = (
        "import sys\n"
        "from archcast.cli import main\n"
        "from archcast.core.registry import Entry\n"
        "from archcast.predictors import registry\n"
        'registry.entries["noisy"] = Entry("noisy:Noisy", "it prints", "third-party")\n'
        'for jobs in ("1", "2"):\n'
        '    print("now", file=sys.stderr)\n'
        '    sys.argv[-4:] = ["--jobs", jobs, "--results", f"by-{jobs}"]\n'
        "    try:\n"
        "        main()\n"
        "    except SystemExit as ended:\n"
        "        assert not ended.code\n"
    )
    command = f"{SMALL} --predictors noisy --format json --jobs - --results -"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path.cwd()}"}
    run = subprocess.run(
        [sys.executable, "-c", script, *command.split()],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    shown = json.loads("[" + run.stdout.replace("]", "],").rstrip().removesuffix(",") + "]")
    assert [[row["predictor"] for row in rows] for rows in shown] == [["noisy"], ["noisy"]]
    _, here, elsewhere = run.stderr.split("now\n")
    for told in (here, elsewhere):
        assert "fitting" in told
        assert "from C" in told


def test_pareto_shows_each_pair(archcast) -> None:  # type: ignore[no-untyped-def]
    sizes = "--benchmark toy.parquet --train-size 10 --test-size 20 --repeats 2"
    command = f"pareto accuracy,latency_cpu {sizes} --predictors additive,bayes-lin-reg"
    code, out, err = archcast(f"{command} --format json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    pairs = {(row["accuracy"], row["latency_cpu"]) for row in rows}
    assert len(pairs) == len(rows) == 4
    regrets = [row["hypervolume_regret"] for row in rows]
    assert regrets == sorted(regrets)
    assert [row["init_seconds"] for row in rows] == [None] * 4, "what latencies cost, who knows"
    code, out, err = archcast(command)
    assert code == 0
    assert {"accuracy", "latency_cpu", "regret", "recall", "chosen"} <= {*out.split()}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("pareto accuracy", "two different objectives"),
        ("pareto accuracy,nothing", "no objective 'nothing'"),
        ("pareto accuracy,latency_cpu --objective accuracy", "name all objectives"),
        ("leaderboard --objective latency_cpu --known latency_cpu", "--known latency_cpu"),
    ],
)
def test_fronts_and_known_objectives_refused(archcast, command: str, message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = archcast(
        f"{command} --benchmark toy.parquet --test-size 20 --predictors additive"
        f" {'--train-size' if command.startswith('pareto') else '--train-sizes'} 10"
    )
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_known_objectives_stand_beside(archcast) -> None:  # type: ignore[no-untyped-def]
    command = f"{SMALL} --predictors additive --objective latency_cpu --known parameters"
    code, out, _ = archcast(f"{command} --format csv")
    rows = {row["predictor"]: row for row in csv.DictReader(io.StringIO(out))}
    column = "column(parameters, direction=min)"
    assert code == 0
    assert {*rows} == {"additive", column, f"combine(additive, parts=[{column}])"}
    assert float(rows["additive"]["within_10"]) > 0
    assert rows[column]["within_10"] == ""
