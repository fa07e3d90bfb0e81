"""Live searches on the embedded images, whose cells are all known, and the same ones killed.

    python -m reproduce.live_search --budget 40 --kills 5

Each search begins with two cells, trains what it asks for, and knows nothing of the embedded
benchmark; that says what is worth what it returned. Every search has a cache of its own, so that
all is trained, and goes on after each kill by the same command. One at a time it gives the same
results; with several at a time what ends first is chance, and it has to do each training once.
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
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table, read_table
from archcast.evaluation.record import RecordStore
from archcast.search.search_job import SearchRecord, own_seed
from archcast.search.simulation import incumbents
from archcast.search.trainings import ended_in
from reproduce.page import number, table

TASK, SPACE = "fashion-mnist-14", "nasbench201"
STRATEGY, GUIDE = "evolution", "xgb"
HEADS = ("search", "at once", "trainings", "regret", "test accuracy, of the best")


class Searches:
    """The searches of one command in a folder with a cache of its own."""

    def __init__(self, folder: Path, budget: int, at_once: int) -> None:
        self.folder = folder
        asked = f"--task {TASK} --space {SPACE} --strategy {STRATEGY} --predictor {GUIDE}"
        self.command = (
            f"search --live {asked} --repeats 1 --budget {budget} --at-once {at_once} --device cpu"
        )
        folder.mkdir()

    def run(self, kill_after: float | None = None) -> tuple[float, bool]:
        """Seconds until the end, or until it is killed; and whether it was."""
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "archcast", *self.command.split()],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={
                **os.environ, "ARCHCAST_CACHE": str(self.folder / "cache"),
                "PYTHONPATH": str(Path(__file__).parent.parent),
            },
        )  # fmt: skip
        killed = False
        try:
            code = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed, code = True, process.wait()
        if code and not killed:
            raise subprocess.CalledProcessError(code, self.command)
        return time.perf_counter() - begun, killed

    def records(self) -> list[SearchRecord]:
        """The searches, the plain ones first."""
        found = RecordStore(self.folder / "results" / "search", SearchRecord)
        return sorted(found, key=lambda each: (each.job.predictor, each.job.strategy != "random"))

    @property
    def begun_with(self) -> Path:
        """The table of the cells that they begin with."""
        [path] = self.folder.glob(f"results/{SPACE}-{TASK}-??????.parquet")
        return path

    def ended(self) -> dict[Path, list[str]]:
        """The trainings that each search has seen end, in order, by its journal."""
        paths = self.folder.glob("results/search/*/*.journal")
        return {path: [each.text for each in ended_in(path)] for path in paths}

    @property
    def are_whole(self) -> bool:
        """Whether the journals hold each training of the searches once, and no other."""
        of_journals = {path.stem: sorted(texts) for path, texts in self.ended().items()}
        records = self.records()
        return of_journals == {each.job.key(each.table): asked_by(each) for each in records}

    def trained(self) -> dict[Path, bytes]:
        """All trainings that are kept."""
        return {path: path.read_bytes() for path in self.folder.glob("cache/ground-truth/*/*.json")}


def main(budget: int, kills: int, at_once: int, seed: int) -> int:
    known, rng = open_table("nasbench201-mini"), np.random.default_rng(seed)
    lost, rows, told = 0, [], []
    with TemporaryDirectory() as root:
        for count in (1, at_once):
            plain = Searches(Path(root, f"plain-{count}"), budget, count)
            seconds, _ = plain.run()
            begun = read_table(plain.begun_with)
            rows += [cells(record, known, begun) for record in plain.records()]
            killed = Searches(Path(root, f"killed-{count}"), budget, count)
            (killed.folder / "results").mkdir()  # seconds of what it begins with are chance
            shutil.copy(plain.begun_with, killed.folder / "results")
            hit = 0
            for _ in range(kills):
                before, ended = killed.trained(), killed.ended()
                hit += killed.run(rng.uniform(0.1, 0.3) * seconds)[1]
                after, ended_now = killed.trained(), killed.ended()
                lost += sum(after.get(path) != content for path, content in before.items())
                lost += sum(
                    ended_now.get(path, [])[: len(texts)] != texts for path, texts in ended.items()
                )
            killed.run()
            if count == 1:
                courses = [[course(each) for each in one.records()] for one in (plain, killed)]
                same = "the same" if courses[0] == courses[1] else "not the same"
                came = f"they gave {same} results"
            else:
                whole = "each" if killed.are_whole else "not each"
                came = f"their journals hold {whole} training once"
            told.append(
                f"With {count} at a time the three searches took {seconds:.0f} s together; killed"
                f" {hit} times, {came}."
            )
    print(table(HEADS, rows))
    print(f"\n{' '.join(told)} {lost} finished trainings were lost.")
    return int(lost > 0)


def asked_by(record: SearchRecord) -> list[str]:
    """All trainings of a search, as journals name them."""
    return sorted(json.dumps([each, own_seed(record.job)]) for each in record.beyond)


def course(record: SearchRecord) -> tuple[object, ...]:
    """All of a search but its seconds."""
    return record.beyond, record.architectures, record.epochs, record.values, record.truth


def cells(record: SearchRecord, known: Table, begun: Table) -> list[str]:
    """A row of the table: what the search returned, by the truth of the embedded benchmark."""
    job, objective = record.job, known.objective()
    names = [*map(str, begun.architectures), *record.beyond]
    at = incumbents(record.epochs, record.values, objective)[-1]
    found = known.space.parse(names[record.architectures[at]])
    truth = known.mean_over_runs(known.values(objective, "test"))
    own = float(truth[known.index(found)])
    return [
        f"`{job.strategy}`" + (f" with `{job.predictor}`" if job.predictor else ""),
        f"{job.at_once}",
        f"{len(record.values)}",
        number(float(truth.max()) - own, 2),
        f"{own:.2f} of {truth.max():.2f}",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(main(options.budget, options.kills, options.at_once, options.seed))
