"""A part of what was measured, and the marks between which it stands on a page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.core.errors import InputError
from archcast.core.files import replacing
from archcast.core.identity import digest, made_of, recorded_versions
from archcast.networks import registry as networks
from archcast.search import registry as strategies
from archcast.studies.experiment import choose_predictors
from reproduce.options import opened

ROOT = Path(__file__).parent.parent
# What counts where a part uses it, by its predictors, its tables, or the strategies that it names.
APART = (
    *(f"archcast.{room}." for room in ("predictors", "zero_cost", "encodings")),
    *(f"archcast.{room}." for room in ("spaces", "networks")),
    *(entry.target for entry in strategies.entries.values()),
)

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
    tables: tuple[str, ...] = (DEFAULT_BENCHMARK,)  # that ship, as NAME or NAME:DATASET

    @property
    def where(self) -> str:
        return ", ".join([*self.pages, *self.files])

    def made_of(self, root: Path = ROOT) -> str:
        """Changes when what the command gives may."""
        named = [*files_of(shlex.split(self.command), root), *(root / each for each in self.reads)]
        sources = {str(path.relative_to(root)): path.read_bytes().hex() for path in named}
        for own in self.files:  # of a notebook that is executed in place, what is written counts
            sources.pop(own, None)
        hashes = [opened(each).hash for each in self.tables]
        told = [self.command, *(path.read_text() for path in named if path.suffix == ".py")]
        named_there = tuple(name for name in strategies if any(_names(name, text) for text in told))
        used = versions(self.predictors, self.tables, named_there)
        return digest([self.command, sources, hashes, used])

    def written(self, root: Path = ROOT) -> str:
        """Changes when a block or a file does; empty where one is missing."""
        try:
            shown = [shown_in((root / page).read_text(), self.name) for page in self.pages]
            files = [(root / file).read_bytes().hex() for file in self.files]
        except (InputError, FileNotFoundError):
            return ""
        return digest([shown, files])

    def measure(self, given: Mapping[str, str | None], root: Path = ROOT) -> None:
        """Run the command, and write what it gives.

        Raises:
            InputError: a page has no place for it, or the command gives nothing.
            subprocess.CalledProcessError: the command fails.
        """
        for page in self.pages:
            shown_in((root / page).read_text(), self.name)  # no place: said before anything is run
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
def versions(predictors: str, tables: tuple[str, ...], searches: tuple[str, ...]) -> Any:
    """Of what computes: predictors, with all that they use, the machinery, spaces and strategies.

    Results of NAS-Bench-201 that are no table of archcast's count as the embedded benchmark does.
    """
    machinery = {
        target: recorded
        for target, recorded in recorded_versions().items()
        if not target.startswith(APART)
    }
    numbers = {target: version for target, (version, _) in machinery.items()}
    table = open_table(DEFAULT_BENCHMARK)
    chosen = choose_predictors(predictors, table, table.objective())[0] if predictors else []
    around = {each.space.name: each.space for each in map(opened, (DEFAULT_BENCHMARK, *tables))}
    built = [networks.get(name) for name in around if name in networks]
    found = [strategies.get(name)() for name in searches]
    return [numbers, *map(made_of, (chosen, list(around.values()), built, found))]


def _names(strategy: str, text: str) -> bool:
    """Whether a text has the name of a strategy in it, and not as a part of another word."""
    return re.search(rf"(?<![\w-]){strategy}(?![\w-])", text) is not None


def run(command: str, given: Mapping[str, str | None], root: Path) -> str:
    """What a command prints, in a terminal of 80 columns."""
    words = [word.format_map(given) for word in shlex.split(command)]
    started = {"archcast": [sys.executable, "-m", "archcast"], "python": [sys.executable]}
    words[:1] = started[words[0]]
    process = subprocess.Popen(
        words, cwd=root, env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            printed, _ = process.communicate()
        except BaseException:  # who is stopped stops it, and lets it keep what it has
            process.terminate()
            raise
    if process.returncode:
        print(printed, end="", file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, words)
    return printed
