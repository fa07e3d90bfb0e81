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
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from filelock import FileLock

from archcast.core.errors import InputError, did_you_mean
from archcast.core.files import replacing
from reproduce.cifar10 import write_table
from reproduce.part import ROOT, Part
from reproduce.parts import PARTS

MEASURED = "docs/measured.json"
RESULTS = "results/reproduce"

Known = dict[str, dict[str, Any]]  # what is known of each part since it was measured


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
        last = known.get(part.name, {}).get("seconds")
        told = "" if last is None else f", which took {last} s the last time"
        print(f"measuring: {part.name}{told}", flush=True)
        made_of, before, begun = part.made_of(root), part.written(root), perf_counter()
        try:
            part.measure({**given, "results": f"{RESULTS}/{part.name}"}, root)
        except Exception as error:  # whatever it is, the other parts go on
            print(f"failed: {part.name} in {part.where}: {_line(error)}", flush=True)
            yield False
            continue
        seconds = round(perf_counter() - begun)
        known[part.name] = {
            "made_of": made_of,
            "written": part.written(root),
            "seconds": seconds,
            "machine": f"{platform.system()} {platform.machine()}",
        }
        (root / RESULTS).mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / RESULTS / ".measured.lock")
        with lock, replacing(root / MEASURED) as aside:
            entries = read_known(root) | {part.name: known[part.name]}  # others may have measured
            aside.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n")
        same = before == known[part.name]["written"]
        told = "the same as before" if same else "changed: read what the text around it says"
        print(f"measured: {part.name} in {part.where}, {seconds} s; {told}", flush=True)
        yield True


def read_known(root: Path) -> Known:
    """What is known of the parts, by name."""
    path = root / MEASURED
    known: Known = json.loads(path.read_text()) if path.exists() else {}
    return known


def _line(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"its command ended with exit code {error.returncode}"
    told = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return told.partition("\n")[0]


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
    known = read_known(root)
    if options.check:
        reasons = {part.name: why_stale(part, known, root) for part in chosen}
        stale = [part for part in chosen if reasons[part.name]]
        for part in stale:
            print(f"stale: {part.name} in {part.where} ({reasons[part.name]})")
        return 1 if stale else 0
    try:
        cifar10 = options.cifar10 and write_table(options.cifar10, root / RESULTS)
    except (OSError, ValueError, LookupError) as error:
        print(f"--cifar10 {options.cifar10}: can't be read ({_line(error)})", file=sys.stderr)
        return 2
    given = {
        "jobs": str(options.jobs),
        "cifar10": cifar10,
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser"),
    }
    try:
        done = list(measure(chosen, known, given, bool(options.names), root))
    except KeyboardInterrupt:
        print("interrupted; records are kept, and the next run goes on there", file=sys.stderr)
        return 130
    return 0 if all(done) else 1


def heed_stop() -> None:
    """Be stopped by the signal that kills, as by an interrupt: nothing that was started runs on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


if __name__ == "__main__":
    heed_stop()
    sys.exit(main(PARTS))
