"""Make a benchmark: train every canonical architecture of a space, resumably, into one table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config

from archcast.catalog import spaces
from archcast.device import pick_device
from archcast.errors import InputError
from archcast.networks.nasbench201 import Network
from archcast.networks.task import IMAGES, skeleton_for
from archcast.networks.trainer import Data, Recipe, Run, load_data, train
from archcast.progress import track
from archcast.spaces.base import Architecture, Space
from archcast.tables.images import SHIPPED, Images, load_images
from archcast.tables.table import Table, read_table

RECIPE = Recipe()


def train_table(
    space: Space,
    images: str,
    seeds: Sequence[int],
    out: Path,
    jobs: int = 1,
    device: str = "auto",
    limit: int | None = None,
) -> Table:
    """Train all canonical architectures of `space` (or `limit` random ones) with each of `seeds`.

    Each finished run is appended to a journal beside `out`, so that a killed process loses only
    the runs in flight. Runs that `out` or its journal hold already are not repeated.

    Raises:
        InputError: `images` can't be read, or `out` holds another space or data set.
    """
    if space.name != "nasbench201":
        raise InputError(f"space {space.name} has no trainer; use --space nasbench201")
    loaded = load_images(images)
    device = pick_device(device)
    source = images if images in SHIPPED else str(Path(images).resolve())
    journal = Journal(out, {**_provenance(space, loaded, device), IMAGES: source})
    canonical = sorted({space.canonical(a) for a in space.enumerate()}, key=lambda a: a.choices)
    order = np.random.default_rng(0).permutation(len(canonical))[:limit]
    todo = [
        (canonical[i], seed)
        for seed in seeds
        for i in order
        if (str(canonical[i]), seed) not in journal.finished
    ]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        results = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(
            delayed(_train_one)(architecture, seed, images, device) for architecture, seed in todo
        )
        try:
            for row in track(results, len(todo), "training"):
                journal.append(row)
        except KeyboardInterrupt:
            journal.close()
            raise
    return journal.close()


class Journal:
    """Rows of a table in the making: a line of JSON each, merged into the table on closing."""

    def __init__(self, out: Path, provenance: dict[str, str]) -> None:
        self.out, self.provenance = out, provenance
        self.path = out.with_name(out.name + ".journal")
        self.rows = list(self._rows_of_table()) + list(self._rows_of_journal())
        self.finished = {(row["architecture"], row["seed"]) for row in self.rows}
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a")
        except OSError as error:
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None
        if self._file.tell() == 0:
            self._append(provenance)

    def append(self, row: dict[str, Any]) -> None:
        """Keep a row, whatever happens next."""
        self.rows.append(row)
        self._append(row)

    def _append(self, item: dict[str, Any]) -> None:
        self._file.write(json.dumps(item) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> Table:
        """Write the table and remove the journal."""
        self._file.close()
        table = _table(self.rows, self.provenance, str(self.out))
        table.write(self.out)
        self.path.unlink()
        return table

    def _rows_of_table(self) -> Iterator[dict[str, Any]]:
        if not self.out.exists():
            return
        table = read_table(self.out)
        held = {"space": table.space.name, "dataset": table.dataset, **table.metadata}
        self._check_provenance(held, self.out)
        owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
        for row, owner in enumerate(owners):
            values = {name: column[row] for name, column in table.columns.items()}
            curves = {name: value[~np.isnan(value)] for name, value in values.items() if value.ndim}
            plain = {name: value.tolist() for name, value in (values | curves).items()}
            yield {"architecture": str(table.architectures[owner]), **plain}

    def _rows_of_journal(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        text = self.path.read_text()
        whole = text[: text.rfind("\n") + 1]  # a last line without its end was cut by a kill
        if whole != text:
            self.path.write_text(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if lines:
            self._check_provenance(lines[0], self.path)
        yield from lines[1:]

    def _check_provenance(self, held: dict[str, str], where: Path) -> None:
        for key in ("space", "dataset", "recipe"):
            if held.get(key) != self.provenance[key]:
                raise InputError(
                    f"{where} was made with {key} {held.get(key)}, not {self.provenance[key]};"
                    " choose another --out"
                )


def _provenance(space: Space, images: Images, device: str) -> dict[str, str]:
    recipe = {**asdict(skeleton_for(images)), **asdict(RECIPE)}
    machine = platform.processor() or platform.machine()
    name = torch.cuda.get_device_name() if device == "cuda" else f"{machine}, one thread"
    return {
        "space": space.name,
        "dataset": images.name,
        "recipe": ", ".join(f"{key} {value}" for key, value in recipe.items()),
        "device": f"{device} ({name}), PyTorch {torch.__version__}",
    }


def _table(rows: list[dict[str, Any]], provenance: dict[str, str], source: str) -> Table:
    metadata = dict(provenance)
    space, dataset = spaces.get(metadata.pop("space")), metadata.pop("dataset")
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    texts = columns.pop("architecture", [])
    return Table(space, dataset, texts, columns, metadata, source)


@lru_cache(maxsize=1)
def _loaded(images: str, device: str) -> tuple[Images, dict[str, Data]]:
    torch.set_num_threads(1)
    loaded = load_images(images)
    return loaded, load_data(loaded, torch.device(device))


def _train_one(architecture: Architecture, seed: int, images: str, device: str) -> dict[str, Any]:
    loaded, data = _loaded(images, device)
    skeleton = skeleton_for(loaded)
    text = str(architecture)
    run: Run = train(lambda: Network(architecture, skeleton), text, seed, data, RECIPE)
    values = asdict(run)
    values[f"latency_{device}"] = values.pop("latency")
    return {"architecture": text, "seed": seed, **values}
