"""Pictures of the page of `archcast report`, of the shipped sweep, by chromium.

python -m reproduce.screenshots chromium out
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.measure import measure
from archcast.report.page import write_page
from archcast.studies.recommendation import shipped_sweep

SIZES = {"report.png": (1280, 1750), "report-phone.png": (390, 1500)}


def main(chromium: str, folder: Path) -> None:
    with TemporaryDirectory() as aside:
        page = Path(aside, "report.html")
        table = open_table(DEFAULT_BENCHMARK)
        write_page(measure(shipped_sweep()), table, page, "archcast costs --repeats 5")
        for name, (width, height) in SIZES.items():
            subprocess.run(
                [
                    chromium, "--headless", "--no-sandbox", "--hide-scrollbars",
                    "--virtual-time-budget=10000", f"--user-data-dir={aside}/profile",
                    f"--window-size={width},{height}", f"--screenshot={folder / name}",
                    page.as_uri(),
                ],
                check=True,
            )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
