"""Measure what README, docs, notebooks and shipped files show, and write it there.

    make results                            # all that is stale; goes on where it was interrupted
    python -m reproduce.results --check     # says what is stale, and exits 1 if anything is
    python -m reproduce.results stop        # one part, stale or not

A block of a page that was measured stands between `<!-- measured: NAME -->` and `<!-- end -->`. The
parts are in `reproduce/parts.py`. What each was made of, and what was written, stands in
`docs/measured.json`. Parts that need the CIFAR-10 results of NAS-Bench-201 are left alone without
`--cifar10 FILE.csv.gz`, pictures of the page without chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from archcast.benchmarks.opening import open_table
from archcast.core.errors import InputError, did_you_mean
from archcast.core.files import replacing
from archcast.core.identity import digest, made_of, recorded_versions
from archcast.studies.experiment import choose_predictors
from reproduce.cifar10 import write_table

ROOT = Path(__file__).parent.parent
MEASURED = "docs/measured.json"
RESULTS = "results/reproduce"
BENCHMARK = "nasbench201-mini"
COMPUTE_APART = ("predictors", "zero_cost", "encodings")  # count with the predictors that use them
LONG = 60  # seconds from which on it is said how long a part took the last time

Known = dict[str, dict[str, Any]]
Show = Callable[[str], str]  # from what a command prints to a block of a page


@dataclass(frozen=True)
class Part:
    """Something that is measured: a block of some pages, files, or both.

    In the command `{jobs}`, `{cifar10}` (a table) and `{chromium}` are what there is; a part that
    needs what there is not is left alone. `{results}` is a folder that keeps records, and `{out}`
    one in which the command leaves `files`, each by its name.
    """

    name: str
    command: str
    pages: Mapping[str, Show] = field(default_factory=dict)  # what they show of what it prints
    files: tuple[str, ...] = ()
    predictors: str = "all"  # that the command runs, as `--predictors`
    reads: tuple[str, ...] = ()  # files of the project that the command does not name

    @property
    def where(self) -> str:
        return ", ".join([*self.pages, *self.files])

    def made_of(self, root: Path = ROOT) -> str:
        """Changes when what the command gives may."""
        named = [*files_of(shlex.split(self.command), root), *(root / each for each in self.reads)]
        sources = {str(path.relative_to(root)): path.read_bytes().hex() for path in named}
        for own in self.files:  # of a notebook that is executed in place, what is written counts
            sources.pop(own, None)
        table = "" if "{cifar10}" in self.command else open_table(BENCHMARK).hash
        return digest([self.command, sources, table, versions(self.predictors)])

    def written(self, root: Path = ROOT) -> str:
        """Changes when a block or a file does; empty where a file is missing."""
        paths = [root / each for each in self.files]
        if not all(path.exists() for path in paths):
            return ""
        shown = [shown_in((root / page).read_text(), self.name) for page in self.pages]
        return digest([shown, *(path.read_bytes().hex() for path in paths)])

    def measure(self, given: Mapping[str, str | None], root: Path = ROOT) -> None:
        """Run the command, and write what it gives.

        Raises:
            InputError: a page has no place for it, or the command gives nothing.
            subprocess.CalledProcessError: the command fails.
        """
        self.written(root)  # that there is no place is said before anything is run
        with TemporaryDirectory() as out:
            printed = run(self.command, {**given, "out": out}, root)
            shown = {page: show(printed).strip("\n") for page, show in self.pages.items()}
            made = {target: Path(out, Path(target).name) for target in self.files}
            if not all(shown.values()) or not all(path.exists() for path in made.values()):
                raise InputError(f"{self.name}: its command gives nothing for {self.where}")
            for target, path in made.items():
                with replacing(root / target) as aside:
                    shutil.copyfile(path, aside)
            for page, block in shown.items():
                text = with_block((root / page).read_text(), self.name, block)
                with replacing(root / page) as aside:
                    aside.write_text(text)


_PART = re.compile(
    r"(?P<start><!-- measured: (?P<name>\S+) -->\n)(?P<shown>.*?)\n?(?P<end><!-- end -->)", re.S
)


def blocks(page: str) -> list[str]:
    """The names of the measured blocks of a page, in its order."""
    return [match["name"] for match in _PART.finditer(page)]


def shown_in(page: str, name: str) -> str:
    """What stands between the marks.

    Raises:
        InputError: the page has not one such block.
    """
    found = [match["shown"] for match in _PART.finditer(page) if match["name"] == name]
    if len(found) != 1:
        raise InputError(f"a page has {len(found)} places for {name}; it needs one")
    return found[0]


def with_block(page: str, name: str, shown: str) -> str:
    """The page with something else between the marks."""

    def replaced(match: re.Match[str]) -> str:
        own = match["name"] == name
        return f"{match['start']}{shown}\n{match['end']}" if own else match[0]

    return _PART.sub(replaced, page)


def files_of(words: Iterable[str], root: Path) -> set[Path]:
    """The files of the project that words name, by path or as modules, and modules that these use.

    Only those of `reproduce` and `tests`: what archcast computes has versions.
    """
    found: set[Path] = set()
    todo = list(words)
    while todo:
        word = todo.pop()
        is_module = re.fullmatch(r"(?:reproduce|tests)\.\w+", word)
        path = root / (f"{word.replace('.', '/')}.py" if is_module else word)
        if path in found or not path.is_file():
            continue
        found.add(path)
        if path.suffix == ".py":
            todo += re.findall(r"^from ((?:reproduce|tests)\.\w+) import", path.read_text(), re.M)
    return found


@cache
def versions(predictors: str) -> Any:
    """Of predictors, with all that they compute with, and of the machinery that runs them."""
    machinery = {
        target: recorded
        for target, recorded in recorded_versions().items()
        if target.split(".")[1] not in COMPUTE_APART
    }
    numbers = {target: version for target, (version, _) in machinery.items()}
    table = open_table(BENCHMARK)
    chosen = choose_predictors(predictors, table, table.objective())[0] if predictors else []
    return [numbers, made_of(chosen)]


def run(command: str, given: Mapping[str, str | None], root: Path) -> str:
    """What a command prints, in a terminal of 80 columns."""
    words = [word.format_map(given) for word in shlex.split(command)]
    started = {"archcast": [sys.executable, "-m", "archcast"], "python": [sys.executable]}
    words[:1] = started[words[0]]
    done = subprocess.run(
        words, cwd=root, env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout


def why_stale(part: Part, known: Known, root: Path = ROOT) -> str | None:
    """In what a part is not what it would be if it was measured now; None where it is."""
    last = known.get(part.name)
    if last is None:
        return "never measured"
    if last["made_of"] != part.made_of(root):
        return "its command, code or data changed"
    return None if last["written"] == part.written(root) else "edited by hand"


def lacks(part: Part, given: Mapping[str, str | None]) -> str | None:
    """What a part needs that is not there."""
    for name, mend in (("cifar10", "give --cifar10 FILE.csv.gz"), ("chromium", "no chromium here")):
        if f"{{{name}}}" in part.command and not given[name]:
            return mend
    return None


def measure(
    parts: Sequence[Part], known: Known, given: Mapping[str, str | None], named: bool, root: Path
) -> Iterator[bool]:
    """Measure the parts, all of them if they were named, else those that are stale.

    Yields whether each was measured; says what it does.
    """
    for part in parts:
        if not named and why_stale(part, known, root) is None:
            continue
        if (mend := lacks(part, given)) is not None:
            print(f"left alone: {part.name} in {part.where} ({mend})", flush=True)
            continue
        seconds = known.get(part.name, {}).get("seconds", 0)
        if seconds >= LONG:
            print(f"measuring: {part.name}, which took {seconds} s the last time", flush=True)
        before, begun = part.written(root), perf_counter()
        try:
            part.measure({**given, "results": f"{RESULTS}/{part.name}"}, root)
        except Exception as error:  # whatever it is, the other parts go on
            print(f"failed: {part.name} in {part.where}: {_line(error)}", flush=True)
            yield False
            continue
        seconds = round(perf_counter() - begun)
        known[part.name] = {
            "made_of": part.made_of(root),
            "written": part.written(root),
            "seconds": seconds,
            "machine": f"{platform.system()} {platform.machine()}",
        }
        with replacing(root / MEASURED) as aside:
            aside.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        same = before == known[part.name]["written"]
        told = "the same as before" if same else "changed: read what the text around it says"
        print(f"measured: {part.name} in {part.where}, {seconds} s; {told}", flush=True)
        yield True


def _line(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"its command ended with exit code {error.returncode}"
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def main(parts: Sequence[Part], arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m reproduce.results", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts; else those that are stale")
    parser.add_argument("--check", action="store_true", help="say what is stale")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cifar10", type=Path, help="CIFAR-10 results of NAS-Bench-201, as CSV")
    options = parser.parse_args(arguments)
    by_name = {part.name: part for part in parts}
    for name in options.names:
        if name not in by_name:
            print(f"unknown part {name!r}: {did_you_mean(name, by_name)}", file=sys.stderr)
            return 2
    chosen = [by_name[name] for name in options.names] or parts
    path = root / MEASURED
    known: Known = json.loads(path.read_text()) if path.exists() else {}
    if options.check:
        reasons = {part.name: why_stale(part, known, root) for part in chosen}
        stale = [part for part in chosen if reasons[part.name]]
        for part in stale:
            print(f"stale: {part.name} in {part.where} ({reasons[part.name]})")
        return 1 if stale else 0
    given = {
        "jobs": str(options.jobs),
        "cifar10": options.cifar10 and write_table(options.cifar10, root / RESULTS),
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser"),
    }
    try:
        done = list(measure(chosen, known, given, bool(options.names), root))
    except KeyboardInterrupt:
        print("interrupted; records are kept, and the next run goes on there", file=sys.stderr)
        return 130
    return 0 if all(done) else 1


if __name__ == "__main__":
    from reproduce.parts import PARTS

    sys.exit(main(PARTS))
