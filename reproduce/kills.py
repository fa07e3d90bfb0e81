"""Commands that are killed at random moments, again and again: nothing is lost, nothing is left.

    python -m reproduce.kills --kills 300 --seed 0

A kill is one of INT, TERM, HUP and KILL, of the main process alone. What counts as a fault: a
record or a kept training that is gone or changed afterwards, a journal of a search that does not
begin as before, a traceback, a process that is there after ten seconds, a temporary file, and a
command that does not end well when it is let alone at last. Then each is run twice at the same time
by two users of one folder: both have to end well, or one says in a line that the other is at it.
The exit status is 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from archcast.core.progress import track
from reproduce.page import table
from tests.results import small_table

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
SECONDS = 10.0  # after which no process may be there
ON = "--benchmark toy.parquet"
SPLIT = "--test-size 20 --repeats 40"
LIVE = "--live --task squares.npz --space size --device cpu"
SEARCH = f"search {LIVE} --strategy evolution --predictor bayes-lin-reg --budget 8"
RANKED = f"{ON} {SPLIT} --train-sizes 10,20 --predictors rf,random"
SCHEDULER = "scheduler.json"
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
        for folder in (self.folder, self.temporary):
            folder.mkdir()
        small_table().write(self.folder / "toy.parquet")
        write_images(self.folder / "squares.npz")
        self.environment = {
            **os.environ, "TMPDIR": str(self.temporary), "ARCHCAST_CACHE": str(above / "cache"),
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "archcast", *self.command], cwd=self.folder,
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def kill(self, number: signal.Signals, after: float) -> Iterator[str]:
        """What is wrong after a kill."""
        before = self.finished()
        process = self.start()
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        try:
            _, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            yield f"does not end by {number.name}"
            return
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
        parts = [str(path) for path in self.folder.rglob("*.part")]
        parts += [str(path) for path in self.temporary.glob("archcast-*")]
        if parts:
            yield f"temporary files: {parts}"

    def finished(self) -> dict[Path, bytes]:
        """Records and trainings, which never change once they are there, and journals."""
        found = [
            *self.folder.glob("results/**/*.json"),
            *self.folder.glob("results/**/*.journal"),
            *self.above.glob("cache/ground-truth/**/*.json"),
        ]
        return {path: path.read_bytes() for path in found}

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
        process = self.start()
        _, said = process.communicate()
        if process.returncode:
            yield f"ends with {process.returncode}: {said[-300:]!r}"

    def share(self) -> Iterator[str]:
        """What is wrong when two users of one folder begin anew at the same time."""
        for path in self.folder.glob("results/**/*.json"):
            path.unlink()
        both = [self.start() for _ in range(2)]
        told = [process.communicate()[1] for process in both]
        codes = [process.returncode for process in both]
        for code, said in zip(codes, told, strict=True):
            if code and not (code == 2 and BUSY in said and 0 in codes):
                yield f"beside another, ends with {code}: {said[-300:]!r}"
        yield from self.finish()


def is_kept(path: Path, before: bytes, after: bytes | None) -> bool:
    """Whether a file is as before; a journal may be longer, and loses a line that was cut."""
    if path.suffix != ".journal" or after is None:
        return after == before
    return after.startswith(before[: before.rfind(b"\n") + 1])


def main(kills: int, seed: int, longest: float) -> int:
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
    faults, killed = Counter[str](), Counter[str]()

    def count(name: str, fault: str) -> None:
        faults[name] += 1
        print(f"{name}: {fault}", file=sys.stderr, flush=True)

    with TemporaryDirectory() as root, ExitStack() as stack:
        begin_cluster(stack, Path(root))
        trials = {}
        for name in COMMANDS:
            above = Path(root) / name.replace(" ", "-").replace(",", "")
            above.mkdir()
            trials[name] = Trials(name, above)
        for turn in track(range(kills), kills, "kills"):
            name = [*COMMANDS][turn % len(COMMANDS)]
            number, after = SIGNALS[rng.integers(len(SIGNALS))], rng.uniform(0.0, longest)
            killed[name] += 1
            for fault in trials[name].kill(number, after):
                count(name, f"{number.name} after {after:.2f} s: {fault}")
        for name, each in trials.items():
            for fault in (*each.finish(), *each.share()):
                count(name, fault)
    print(f"{kills} kills at random moments, {faults.total()} faults:\n")
    print(
        table(
            ["command", "kills", "faults"], [[n, f"{killed[n]}", f"{faults[n]}"] for n in COMMANDS]
        )
    )
    return int(faults.total() > 0)


def begin_cluster(stack: ExitStack, root: Path) -> None:
    """A scheduler and a worker, for the commands that have one."""
    file = ("--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(root / SCHEDULER))
    where = ("--local-directory", str(root / "worker"), "--nthreads", "2")
    environment = {**os.environ, "ARCHCAST_CACHE": str(root / "worker-cache")}
    for kind, options in (("scheduler", ("--port", "0")), ("worker", where)):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *file, *options],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.terminate)
    while not (root / SCHEDULER).exists():
        time.sleep(0.1)


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
