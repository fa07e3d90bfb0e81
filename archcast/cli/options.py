"""Options that commands share, each said once; those that go together are groups."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from archcast.core.errors import InputError
from archcast.core.files import check_target

if TYPE_CHECKING:
    from archcast.benchmarks.table import Table
    from archcast.predictors.predictor import Predictor
    from archcast.studies.experiment import Experiment

DEFAULT_BENCHMARK = "nasbench201-mini"

Format = Literal["table", "json", "csv"]
MeasuredOn = Literal["valid", "test"]
Device = Literal["auto", "cpu", "cuda"]


def _page(path: Path | None) -> Path | None:
    """What is written after long work must have a place before it, and be no other file."""
    if path is not None:
        if not os.path.isdir(path.parent):  # noqa: PTH112  which never raises
            raise InputError(f"{path}: no such folder; make it, or choose another")
        check_target(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise InputError(f"{path}: a page is written; name it {path.stem}.html")
    return path


Predictors = Annotated[
    str, typer.Option(help="Names, with parameters as in 'xgb(labels=raw)', a family, or all.")
]
TrainSizes = Annotated[str, typer.Option(help="Numbers of labelled architectures.")]
Epochs = Annotated[
    str | None,
    typer.Option(help="Epochs of the curves that a query pays.", show_default="a third of them"),
]
TestSize = Annotated[int, typer.Option(help="Number of architectures to rank.")]
Label = Annotated[
    MeasuredOn | None,
    typer.Option(help="Which values are learned from.", show_default="valid, where there are any"),
]
Objective = Annotated[
    str | None,
    typer.Option(help="What is predicted, by name.", show_default="the table's main one"),
]
Known = Annotated[
    str | None,
    typer.Option(
        help="Other objectives that are known of every architecture, as in"
        " 'latency_a,latency_b(price=2)' with the seconds that one costs.",
        show_default="none",
    ),
]
By = Annotated[str, typer.Option(help="The metric that ranks rows; see `archcast list metrics`.")]
Jobs = Annotated[int, typer.Option(min=1, max=1_000, help="Worker processes.")]
OnCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="A Dask scheduler whose workers run the jobs, as in 'tcp://scheduler:8786', or the"
        " path of the .json file that it wrote.",
        show_default="this machine",
    ),
]
Where = Annotated[Device, typer.Option(help="Where networks run.")]
Build = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION",
        help="Builds the network of an architecture, in place of the space's.",
        show_default="the space's",
    ),
]
Results = Annotated[Path, typer.Option(help="Folder of the records.")]
Shown = Annotated[Format, typer.Option(help="What to print.")]
Page = Annotated[
    Path | None,
    typer.Option(metavar="FILE.html", help="Write a page with table and figures.", callback=_page),
]
PageOut = Annotated[
    Path, typer.Option(metavar="FILE.html", help="The page to write.", callback=_page)
]


@dataclass(frozen=True, slots=True)
class OnTable:
    """Which results to work on."""

    benchmark: Annotated[
        str, typer.Option(help="A benchmark's name, or the path of a table (.parquet).")
    ] = DEFAULT_BENCHMARK
    dataset: Annotated[
        str | None, typer.Option(help="A data set of the benchmark.", show_default="its first")
    ] = None

    runs: Annotated[
        Literal["drawn", "mean"],
        typer.Option(
            help="What an architecture is known by: a drawn run, which is held against the mean of"
            " its others, or the mean of all, as in most publications."
        ),
    ] = "drawn"

    def open(self, *outputs: Path | None) -> Table:
        """The table, whose file no output replaces."""
        from archcast.benchmarks.opening import open_table

        for path in filter(None, outputs):
            check_target(path, self.benchmark)
        table = open_table(self.benchmark, self.dataset)
        return table.averaged() if self.runs == "mean" else table


@dataclass(frozen=True, slots=True)
class OnTables(OnTable):
    """Which results to work on, maybe of several benchmarks."""

    benchmark: Annotated[
        str,
        typer.Option(
            help="A benchmark's name, or the path of a table (.parquet); several with commas, as in"
            " 'nasbench201-mini,nasbench201:cifar100', or all, are compared."
        ),
    ] = DEFAULT_BENCHMARK

    def open_all(self, *outputs: Path | None) -> dict[str, Table]:
        """The tables by their names, whose files no output replaces."""
        from archcast.benchmarks.opening import open_tables
        from archcast.core.files import is_file

        several = self.benchmark == "all" or "," in self.benchmark
        if not several or is_file(Path(self.benchmark)):
            return {self.benchmark: self.open(*outputs)}
        if self.dataset is not None:
            raise InputError(f"--dataset {self.dataset}: write NAME:{self.dataset} in --benchmark")
        found = open_tables(self.benchmark)
        if self.runs == "mean":
            found = {name: table.averaged() for name, table in found.items()}
        return found


@dataclass(frozen=True, slots=True)
class Splits:
    """What predictors are asked to rank, and how often."""

    test_size: TestSize = 200
    repeats: Annotated[int, typer.Option(help="Random splits.")] = 10
    seed: Annotated[int, typer.Option(help="Seed of the splits and of the predictors.")] = 0
    objective: Objective = None
    label: Label = None
    truth: Annotated[
        MeasuredOn | None,
        typer.Option(help="Which values are predicted.", show_default="test, where there are any"),
    ] = None

    def experiment(
        self,
        table: Table,
        predictors: str | list[Predictor],
        train_sizes: tuple[int, ...],
        epochs: tuple[int, ...] | None,
        device: Device,
    ) -> Experiment:
        from archcast.studies.experiment import Experiment

        return Experiment(table, predictors, train_sizes, epochs, **asdict(self), device=device)


@dataclass(frozen=True, slots=True)
class Work:
    """How jobs are run, and where their records are kept."""

    jobs: Jobs = 1
    cluster: OnCluster = None
    results: Results = Path("results")
    retry: Annotated[bool, typer.Option("--retry/--no-retry", help="Run failed jobs again.")] = True

    @property
    def workers(self) -> Executor:
        return workers_of(self.jobs, self.cluster)


def workers_of(jobs: int, cluster: str | None) -> Executor:
    """What runs jobs, apart from this process: one that crashes ends no other.

    Raises:
        InputError: both are given, or what `Cluster` refuses.
    """
    from archcast.core.cluster import opened
    from archcast.core.workers import Processes

    if cluster is None:
        return Processes(jobs)
    if jobs > 1:
        raise InputError("--jobs: is of this machine; leave it or --cluster out")
    found = opened(cluster)
    for name in ("distributed", "distributed.client"):  # of what is lost we tell
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return found


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command in whose place of each dataclass stand the fields of it, as options.

    The command names dataclasses as parameters, and is given them. Their fields have the defaults
    of the parameter's default, if it has one.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    options: list[Parameter] = []
    for name, given in signature(command).parameters.items():
        kind, default = groups.get(name), given.default
        if kind is None:
            options.append(_option(name, default, hints[name]))
            continue
        if default is Parameter.empty:
            default = kind()
        inner = get_type_hints(kind, include_extras=True)
        options += [
            _option(each.name, getattr(default, each.name), inner[each.name])
            for each in fields(kind)
        ]

    def run(**values: Any) -> None:
        made = {
            name: kind(**{each.name: values.pop(each.name) for each in fields(kind)})
            for name, kind in groups.items()
        }
        command(**made, **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {option.name: option.annotation for option in options}
    run.__signature__ = Signature(options)  # type: ignore[attr-defined]
    return run


def _option(name: str, default: Any, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def chances(option: str, text: str) -> tuple[float, ...]:
    """Numbers from 0 to 1 with commas between.

    Raises:
        InputError: the text is something else.
    """
    try:
        found = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        found = ()
    if not found or not all(0.0 <= chance <= 1.0 for chance in found):
        raise InputError(f"{option} {text}: give chances from 0 to 1 such as 0.01,0.05")
    return found


def names(text: str) -> list[str]:
    """Names with commas between."""
    return [part.strip() for part in text.split(",")]


def numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas between.

    Raises:
        InputError: the text is something else.
    """
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"{option} {text}: give whole numbers such as 10,100") from None


def numbers_or_none(option: str, text: str | None) -> tuple[int, ...] | None:
    """The same of an option that may be left out."""
    return None if text is None else numbers(option, text)
