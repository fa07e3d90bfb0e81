"""Commands that are killed at random moments, again and again: nothing is lost, nothing is left.

    python -m reproduce.kills --kills 300 --seed 0

A kill is one of INT, TERM, HUP and KILL, of the main process alone or of all, as by a terminal; of
commands on a cluster every other one is of the worker, and lets the command go on. A command that
ends before its kill is not counted as killed; all that it has made is removed then, so that there
is work left. What counts as a fault: a record, a kept training or a row of a table that is gone or
changed afterwards, a journal of a search that does not begin as before, a traceback, a process that
is there after ten seconds, a temporary file, and a command that does not end well when it is let
alone. At last each is run twice at the same time by two users of one folder, with one cache and
with two: both have to end well, or one says in a line that the other is at it. The exit status is 1
where there was a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from archcast.benchmarks.table import read_table
from archcast.core.progress import track
from reproduce.page import table
from tests.results import small_table

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
SECONDS = 10.0  # after which no process may be there
PATIENCE = 600.0  # seconds within which a command ends that is let alone
ON = "--benchmark toy.parquet"
SPLIT = "--test-size 20 --repeats 40"
LIVE = "--live --task squares.npz --space size --device cpu"
SEARCH = f"search {LIVE} --strategy evolution --predictor bayes-lin-reg --budget 8"
RANKED = f"{ON} {SPLIT} --train-sizes 10,20 --predictors rf,random"
SCHEDULER, WORKER_CACHE = "scheduler.json", "worker-cache"
ON_CLUSTER = f"--cluster ../../{SCHEDULER}"
COMMANDS = {
    "leaderboard": f"leaderboard {RANKED} --jobs 2",
    "leaderboard, cluster": f"leaderboard {RANKED} {ON_CLUSTER}",
    "leaderboard, live": f"leaderboard {LIVE} --seconds 2 --predictors params --jobs 2",
    "costs": f"costs {ON} {SPLIT} --train-sizes 5,10 --predictors rf,sotl-e --report page.html",
    "combine": f"combine rf sotl-e {ON} {SPLIT} --train-size 10 --jobs 2",
    "stop": f"stop {ON} --train-size 10 --architectures 10 --repeats 40 --predictor lce-m --jobs 2",
    "search": f"search {ON} --strategy evolution --predictor rf --budget 20 --repeats 40 --jobs 2",
    "search, live": f"{SEARCH} --repeats 2 --jobs 2",
    "search, live, 2 at once": f"{SEARCH} --repeats 2 --at-once 2",
    "search, live, cluster": f"{SEARCH} --repeats 2 --at-once 2 {ON_CLUSTER}",
    "search, live, stopped": f"{SEARCH} --repeats 2 --at-once 2 --stop lce-m",
    "supernet": "supernet --epochs 3,4 --seeds 0,1 --test-size 5 --valid-images 100 --device cpu"
    " --jobs 2",
    "benchmark train": "benchmark train --limit 6 --seeds 0,1 --out made.parquet --device cpu"
    " --jobs 2",
}
BUSY = "another process is training it"  # what a second user may be told


class Trials:
    """Kills of one command in one folder."""

    def __init__(self, name: str, above: Path) -> None:
        self.command = COMMANDS[name].split()
        self.above = above
        self.folder, self.temporary = above / "work", above / "temporary"
        self.struck = 0  # kills of a running command
        for folder in (self.folder, self.temporary):
            folder.mkdir()
        small_table().write(self.folder / "toy.parquet")
        write_images(self.folder / "squares.npz")
        self.environment = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }

    def start(self, cache: str = "cache") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "archcast", *self.command], cwd=self.folder,
            env=self.environment | {"ARCHCAST_CACHE": str(self.above / cache)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def kill(self, number: signal.Signals, everybody: bool, after: float) -> Iterator[str]:
        """What is wrong after a kill."""
        before, rows = self.finished(), self.rows()
        process = self.start()
        has_ended = ends(process, after)
        if not has_ended:
            self.struck += 1
            if everybody:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        if (said := told(process, SECONDS)) is None:
            yield f"does not end by {number.name}"
            return
        if has_ended and process.returncode:
            yield f"ends with {process.returncode}: {said[-300:]!r}"
        if "Traceback" in said and "in main" in said:  # before that it was Python that started
            yield f"a traceback: {said[-300:]!r}"
        end = time.monotonic() + SECONDS
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        if left:
            yield f"processes are left: {left}"
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        after_it = self.finished()
        if lost := [path for path in before if not is_kept(path, before[path], after_it.get(path))]:
            yield f"lost or changed: {lost}"
        rows_after = self.rows()
        if gone := [run for run, score in rows.items() if rows_after.get(run) != score]:
            yield f"lost or changed rows: {gone}"
        parts = [*self.folder.rglob("*.part")]
        left_there = [*self.temporary.glob("archcast-*")]
        if (number, everybody) != (signal.SIGKILL, True):  # which leaves nobody to tidy up
            parts += left_there
        if parts:
            yield f"temporary files: {[*map(str, parts)]}"
        for path in left_there:
            shutil.rmtree(path)
        if has_ended:
            self.clear()

    def lose(self, nanny: int, after: float) -> Iterator[str]:
        """What is wrong when the worker of the cluster is killed, and the command let alone."""
        before, process = self.finished(), self.start()
        if not ends(process, after):
            self.struck += 1
            for child in Path(f"/proc/{nanny}/task/{nanny}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        yield from well_ended(process)
        after_it = self.finished()
        if lost := [path for path in before if not is_kept(path, before[path], after_it.get(path))]:
            yield f"lost or changed: {lost}"
        self.clear()

    def clear(self) -> None:
        """Remove all that the command has made, so that it begins anew."""
        for folder in (self.folder / "results", self.above / "cache"):
            shutil.rmtree(folder, ignore_errors=True)
        (self.folder / "made.parquet").unlink(missing_ok=True)
        if ON_CLUSTER.split()[1] in self.command:
            for path in self.above.parent.glob(f"{WORKER_CACHE}/ground-truth/*/*.json"):
                path.unlink()

    def finished(self) -> dict[Path, bytes]:
        """Records and trainings, which never change once they are there, and journals."""
        found = [
            *self.folder.glob("results/**/*.json"),
            *self.folder.glob("results/search/**/*.journal"),
            *self.above.glob("cache/ground-truth/**/*.json"),
        ]
        return {path: path.read_bytes() for path in found}

    def rows(self) -> dict[tuple[str, str, int], float]:
        """Scores by table, architecture and seed, of tables in the making too."""
        found = {}
        for path in self.folder.rglob("*.parquet"):
            there = read_table(path)
            seeds, scores = there.columns["seed"].tolist(), there.columns["test_accuracy"].tolist()
            for at, architecture in enumerate(there.architectures):
                for row in range(there.starts[at], there.starts[at + 1]):
                    found[str(path), str(architecture), seeds[row]] = scores[row]
        for path in self.folder.rglob("*.parquet.journal"):
            for line in path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n"):
                    row = json.loads(line)
                    if "architecture" in row:  # the first line has none
                        run = str(path.with_suffix("")), row["architecture"], row["seed"]
                        found[run] = row["test_accuracy"]
        return found

    def processes(self) -> list[int]:
        """Those that have our folder for temporary files."""
        mark = f"TMPDIR={self.temporary}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def finish(self) -> Iterator[str]:
        """What is wrong when the command is let alone."""
        yield from well_ended(self.start())

    def share(self) -> Iterator[str]:
        """What is wrong when two users of one folder begin anew at the same time."""
        for cache in ("cache", "own-cache"):
            yield from self._share(cache)
        yield from self.finish()

    def _share(self, cache: str) -> Iterator[str]:
        for path in self.folder.glob("results/**/*.json"):
            path.unlink()
        both = [self.start(), self.start(cache)]
        said_by = [told(process, PATIENCE) for process in both]
        codes = [process.returncode for process in both]
        for code, said in zip(codes, said_by, strict=True):
            if said is None:
                yield f"beside another with {cache}, does not end within {PATIENCE:.0f} s"
            elif code and not (code == 2 and BUSY in said and 0 in codes):
                yield f"beside another with {cache}, ends with {code}: {said[-300:]!r}"


def ends(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether it does within so many seconds."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def told(process: subprocess.Popen[str], seconds: float) -> str | None:
    """What a command says; None of one that does not end in time, and is killed with its own."""
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None


def well_ended(process: subprocess.Popen[str]) -> Iterator[str]:
    """What is wrong with the end of a command that is let alone."""
    if (said := told(process, PATIENCE)) is None:
        yield f"does not end within {PATIENCE:.0f} s"
    elif process.returncode:
        yield f"ends with {process.returncode}: {said[-300:]!r}"


def is_kept(path: Path, before: bytes, after: bytes | None) -> bool:
    """Whether a file is as before; a journal may be longer, and loses a line that was cut."""
    if path.suffix != ".journal" or after is None:
        return after == before
    return after.startswith(before[: before.rfind(b"\n") + 1])


def main(kills: int, seed: int, longest: float) -> int:
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
    faults: list[tuple[str, str]] = []  # with the names of the commands
    with TemporaryDirectory() as root, ExitStack() as stack:
        nanny = begin_cluster(stack, Path(root))
        trials = {}
        for name in COMMANDS:
            above = Path(root) / name.replace(" ", "-").replace(",", "")
            above.mkdir()
            trials[name] = Trials(name, above)
        for turn in track(range(kills), kills, "kills"):
            name = [*COMMANDS][turn % len(COMMANDS)]
            number, after = SIGNALS[rng.integers(len(SIGNALS))], rng.uniform(0.0, longest)
            everybody, of_worker = rng.random(2) < 0.5
            if ON_CLUSTER in COMMANDS[name] and of_worker:
                found = trials[name].lose(nanny, after)
                how = "the worker's KILL"
            else:
                found = trials[name].kill(number, everybody, after)
                how = f"{number.name}{' of all' if everybody else ''}"
            faults += [(name, f"{how} after {after:.2f} s: {each}") for each in caught(found)]
        for name, trial in trials.items():
            for found in (trial.finish(), trial.share()):
                faults += [(name, each) for each in caught(found)]
    print(report({name: trial.struck for name, trial in trials.items()}, faults), flush=True)
    for name, fault in faults:
        print(f"{name}: {fault}", file=sys.stderr)
    return int(len(faults) > 0)


def caught(found: Iterator[str]) -> Iterator[str]:
    """What is wrong, also that it can't be found out."""
    try:
        yield from found
    except Exception as error:
        yield f"{type(error).__name__}: {error}"


def report(struck: Mapping[str, int], faults: Sequence[tuple[str, str]]) -> str:
    """How many kills struck each command, and how many faults it has."""
    of_command = Counter(name for name, _ in faults)
    rows = [[name, f"{number}", f"{of_command[name]}"] for name, number in struck.items()]
    total = f"{sum(struck.values())} kills at random moments, {len(faults)} faults:"
    return f"{total}\n\n{table(['command', 'kills', 'faults'], rows)}"


def begin_cluster(stack: ExitStack, root: Path) -> int:
    """A scheduler and a worker; the process that begins the worker, anew whenever it ends."""
    file = ("--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(root / SCHEDULER))
    where = ("--local-directory", str(root / "worker"), "--nthreads", "2")
    environment = {**os.environ, "ARCHCAST_CACHE": str(root / WORKER_CACHE)}
    for kind, options in (("scheduler", ("--port", "0")), ("worker", where)):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *file, *options],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.terminate)
    while not (root / SCHEDULER).exists():
        time.sleep(0.1)
    return process.pid


def write_images(path: Path) -> None:
    """A few of two kinds: dark ones, and bright ones."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "valid", "test"):
        labels = arrays[f"{part}_labels"] = rng.integers(2, size=60)
        bright = 100 * labels[:, None, None, None]
        arrays[f"{part}_images"] = (rng.integers(156, size=(60, 8, 8, 1)) + bright).astype(np.uint8)
    np.savez(path, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=5.0, help="seconds before a kill")
    options = parser.parse_args()
    sys.exit(main(options.kills, options.seed, options.longest))
