"""What other spaces teach: each benchmark's space left out, and ranked by few labels.

    python -m reproduce.across nasbench201-mini size-mini --repeats 10 --jobs 2

A table in Markdown of Kendall's tau by labels, beside a predictor that begins with nothing, and
proxies alone; seconds are of scoring an architecture.
"""

from __future__ import annotations

import numpy as np

from archcast.report.text import seconds_text
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table
from reproduce.transfer import by_size

LEARNING, ALONE = ("across(gp)", "gp"), ("params", "zen", "gradsign")
SIZES = (0, 5, 10, 20, 30, 100)


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("tables", nargs="+")
    options = parser.parse_args()
    rows = []
    for name in options.tables:
        experiment = Experiment(
            opened(name), ",".join((*LEARNING, *ALONE)), SIZES, repeats=options.repeats
        )
        board = summarise(experiment.measured(options.results, options.jobs))
        for predictor in (*LEARNING, *ALONE):
            values = by_size(board, predictor, "kendall_tau", SIZES)
            # What is the same for all networks ranks none.
            shown = ["" if np.isnan(each) or each == 0.0 else number(each) for each in values]
            seconds = board[board["predictor"] == predictor]["query_seconds"].max()
            rows.append([name, f"`{predictor}`", *shown, seconds_text(seconds)])
    print(table(["benchmark", "predictor", *map(str, SIZES), "a query"], rows))


if __name__ == "__main__":
    main()
