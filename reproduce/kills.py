"""Commands that are killed at random moments, again and again: nothing is lost, nothing is left.

    python -m reproduce.kills --kills 300 --seed 0

A kill is one of INT, TERM, HUP and KILL, of the main process alone. What counts as a fault: a
record that is gone or changed afterwards, a traceback, a process that is there after ten seconds, a
temporary file, and a command that does not end well when it is let alone at last. The exit status
is 1 where there was one.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from archcast.core.progress import track
from tests.results import small_table

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
SECONDS = 10.0  # after which no process may be there
LONGEST = 5.0  # before a kill
ON = "--benchmark toy.parquet"
SPLIT = "--test-size 20 --repeats 40"
COMMANDS = {
    "leaderboard": f"{ON} {SPLIT} --train-sizes 10,20 --predictors rf,random --jobs 2",
    "costs": f"{ON} {SPLIT} --train-sizes 5,10 --predictors rf,sotl-e --report page.html",
    "combine": f"rf sotl-e {ON} {SPLIT} --train-size 10 --jobs 2",
    "stop": f"{ON} --train-size 10 --architectures 10 --repeats 40 --predictor lce-m --jobs 2",
    "search": f"{ON} --strategy evolution --predictor rf --budget 20 --repeats 40 --jobs 2",
    "supernet": "--epochs 3,4 --seeds 0,1 --test-size 5 --valid-images 100 --device cpu --jobs 2",
    "benchmark train": "--limit 6 --seeds 0,1 --out made.parquet --device cpu --jobs 2",
}


class Trials:
    """Kills of one command in one folder."""

    def __init__(self, name: str, above: Path) -> None:
        self.command = [*name.split(), *COMMANDS[name].split()]
        self.folder, self.temporary = above / "work", above / "temporary"
        for folder in (self.folder, self.temporary):
            folder.mkdir()
        small_table().write(self.folder / "toy.parquet")
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
        if lost := [path for path in before if after_it.get(path) != before[path]]:
            yield f"lost or changed: {lost}"
        parts = [str(path) for path in self.folder.rglob("*.part")]
        parts += [str(path) for path in self.temporary.glob("archcast-*")]
        if parts:
            yield f"temporary files: {parts}"

    def finished(self) -> dict[Path, bytes]:
        """Records, which never change once they are there."""
        return {path: path.read_bytes() for path in self.folder.glob("results/**/*.json")}

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


def main(kills: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
    faults = 0
    with TemporaryDirectory() as root:
        trials = {}
        for name in COMMANDS:
            above = Path(root) / name.replace(" ", "-")
            above.mkdir()
            trials[name] = Trials(name, above)
        for turn in track(range(kills), kills, "kills"):
            name = [*COMMANDS][turn % len(COMMANDS)]
            number, after = SIGNALS[rng.integers(len(SIGNALS))], rng.uniform(0.0, LONGEST)
            for fault in trials[name].kill(number, after):
                faults += 1
                print(f"{name}, {number.name} after {after:.2f} s: {fault}", flush=True)
        for name, each in trials.items():
            for fault in each.finish():
                faults += 1
                print(f"{name}: {fault}", flush=True)
    print(f"{kills} kills of {len(COMMANDS)} commands, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(main(options.kills, options.seed))
