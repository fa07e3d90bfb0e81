"""Measure what README, docs and shipped files show, and write it there.

    make results                         # all that is stale; goes on where it was interrupted
    python reproduce/results.py --check  # says what is stale, and exits 1 if anything is
    python reproduce/results.py stop     # one part, stale or not

A measured part of a page stands between `<!-- measured: NAME -->` and `<!-- end -->`. What each was
made of, the versions of all that computes numbers, the benchmark and the command, stands in
`docs/measured.json`. Parts that need the CIFAR-10 results of NAS-Bench-201 are left alone without
`--cifar10 FILE.csv.gz`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from archcast.benchmarks.opening import open_table
from archcast.core.identity import digest, recorded_versions

ROOT = Path(__file__).parent.parent
MEASURED = ROOT / "docs" / "measured.json"
RESULTS = ROOT / "results" / "reproduce"
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"  # below the head of a table


@dataclass(frozen=True)
class Options:
    """How to measure."""

    jobs: int
    cifar10: Path | None


@dataclass(frozen=True)
class Part:
    """A measured part of a page, or of what ships."""

    name: str
    file: str
    command: str  # that measures it; what follows it is in `show`
    show: Callable[[str], str]  # from what the command prints to what stands on the page
    needs_cifar10: bool = False

    def made_of(self) -> str:
        """Changes when the numbers may."""
        versions = {target: version for target, (version, _) in recorded_versions().items()}
        return digest([self.command, versions, open_table("nasbench201-mini").hash])

    def measure(self, options: Options) -> None:
        """Run the command and write the part."""
        path = ROOT / self.file
        before = path.read_text()
        start, end = f"<!-- measured: {self.name} -->\n", "<!-- end -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.S)
        assert len(pattern.findall(before)) == 1, f"{self.file} has no part {self.name}"
        shown = self.show(run(self.command, options)).rstrip()
        path.write_text(pattern.sub(lambda _: f"{start}{shown}\n{end}", before))


def run(command: str, options: Options) -> str:
    """What a command prints, in a terminal of 80 columns."""
    values = {"jobs": str(options.jobs), "cifar10": str(options.cifar10)}
    words = [values.get(word.strip("{}"), word) for word in command.split()]
    if words[0] == "archcast":
        words[0:1] = [sys.executable, "-m", "archcast"]
        words += ["--results", str(RESULTS)]
    else:
        words[0:1] = [sys.executable, f"reproduce/{words[0]}"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout


def indented(text: str) -> str:
    """As a block of a page."""
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())


def typed(command: str) -> Callable[[str], str]:
    """A block that begins with what was typed."""
    return lambda text: indented(f"$ {command}\n{text}")


def some_rows(keep: Sequence[str], column: int) -> Callable[[str], str]:
    """The rows of a table whose word in this column is one of `keep`, and what is around it."""

    def show(text: str) -> str:
        lines = text.rstrip().splitlines()
        rule = next(
            i
            for i, line in enumerate(lines)
            if line.startswith("\N{BOX DRAWINGS LIGHT HORIZONTAL}")
        )
        shown, cut = lines[: rule + 1], False
        for line in lines[rule + 1 :]:
            words = line.split()
            row = len(words) > column + 3
            if row and words[column] not in keep:
                if not cut:
                    shown.append("...")
                cut = True
                continue
            shown.append(line)
            cut = False
        return indented("\n".join(shown))

    return show


def as_it_is(text: str) -> str:
    """Markdown that the command prints."""
    return text


def first_rows(text: str, rows: int) -> str:
    """The head of a table and its first rows."""
    lines = text.rstrip().splitlines()
    rules = [
        i for i, line in enumerate(lines) if line.startswith("\N{BOX DRAWINGS LIGHT HORIZONTAL}")
    ]
    return "\n".join([*lines[: rules[-1] + 1 + rows], "..."])


LEADERS = (
    "lcsvr", "sotl-e", "tse-e", "omni", "var-sparse-gp", "xgb", "gp", "bananas", "gcn", "zen",
    "params", "synflow", "fairnas", "early-stop-acc", "nwot", "fisher", "random",
)  # fmt: skip

PARTS = [
    Part(
        "leaderboard",
        "README.md",
        "archcast leaderboard --repeats 3 --jobs {jobs}",
        some_rows(LEADERS, 1),
    ),
    Part(
        "search",
        "README.md",
        "archcast search --strategy evolution --predictor xgb --repeats 100 --jobs {jobs}",
        indented,
    ),
    Part(
        "combine",
        "docs/combining.md",
        "archcast combine ngb sotl-e jacov --epochs 2 --jobs {jobs}",
        typed("archcast combine ngb sotl-e jacov --epochs 2"),
    ),
    Part(
        "stop",
        "docs/learning-curves.md",
        "archcast stop --threshold 0.01,0.05,0.2 --jobs {jobs}",
        indented,
    ),
    Part(
        "learning-curves",
        "docs/learning-curves.md",
        "learning_curves.py --jobs {jobs}",
        as_it_is,
    ),
]


def stale(known: dict[str, dict[str, str]]) -> list[Part]:
    """The parts whose numbers may be of other code or data than what is here."""
    return [part for part in PARTS if known.get(part.name, {}).get("made_of") != part.made_of()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="parts; those that are stale without"
    )
    parser.add_argument("--check", action="store_true", help="say what is stale")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cifar10", type=Path, help="CIFAR-10 results of NAS-Bench-201, as CSV")
    given = parser.parse_args()
    known: dict[str, dict[str, str]] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    todo = [part for part in PARTS if part.name in given.names] if given.names else stale(known)
    if given.check:
        print(*(f"stale: {part.name} in {part.file}" for part in todo), sep="\n")
        return 1 if todo else 0
    for part in todo:
        if part.needs_cifar10 and given.cifar10 is None:
            print(f"left alone: {part.name} in {part.file} (give --cifar10)")
            continue
        begun = perf_counter()
        part.measure(Options(given.jobs, given.cifar10))
        known[part.name] = {
            "made_of": part.made_of(),
            "machine": f"{platform.system()} {platform.machine()}",
        }
        MEASURED.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        print(f"measured: {part.name} in {part.file}, {perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
