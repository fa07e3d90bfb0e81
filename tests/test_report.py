from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from archcast.core.errors import InputError
from archcast.evaluation.job import Job
from archcast.evaluation.measure import measure
from archcast.evaluation.record import Cost, Record
from archcast.report.page import page, write_page
from archcast.report.print_figures import write_figures
from archcast.report.terminal import agreement_text
from archcast.report.text import rows_of, search_title
from archcast.report.views import (
    Comparison,
    comparison,
    cost_points,
    course_lines,
    edges,
    lines,
    log_range,
    number_ticks,
    place_names,
    second_ticks,
    surface,
    titles,
)
from archcast.search.search_job import SearchJob, SearchRecord
from archcast.studies.leaderboard import comparable, summarise
from archcast.studies.speed_up import agreement, measure_searches
from archcast.studies.speed_up import summarise as summarise_searches
from tests.results import said, searched, small_table

TABLE = small_table()
REPEATS = 8
NASTY = "</script><script>window.stolen = 1</script><b>&amp;"


def records(
    predictor: str = "rf",
    train_size: int = 20,
    epochs: int = 0,
    noise: float = 1.0,
    query: float = 1e-4,
    repeats: int = REPEATS,
    error: str | None = None,
    text: str | None = None,
    **changes: Any,
) -> list[Record]:
    """Records of one row; the less noise, the better the ranking."""
    made = []
    for repeat in range(repeats):
        truth = np.random.default_rng(repeat).normal(70.0, 3.0, 30)
        job = Job(
            **{**said(predictor), "predictor": text or predictor},
            train_size=train_size,
            epochs=epochs,
            repeat=repeat,
            **{"test_size": 30, "label": "valid", "truth": "test", **changes},
        )
        rng = np.random.default_rng([repeat, job.predictor_seed(), train_size, epochs])
        made.append(
            Record(
                table=TABLE.hash,
                job=job,
                error=error,
                predictions=[] if error else (truth + rng.normal(0.0, noise, 30)).tolist(),
                truth=[] if error else truth.tolist(),
                cost=None
                if error
                else Cost(labels=2.0 * train_size, fit=0.1, evidence=2.0 * epochs, query=query),
            )
        )
    return made


RECORDS = [
    *records("rf", 10, noise=4.0),
    *records("rf", 30, noise=2.0),
    *records("xgb", 10, noise=4.0),
    *records("xgb", 30, noise=2.1),
    *records("sotl-e", 0, 1, noise=3.0),
    *records("sotl-e", 0, 4, noise=0.5),
    *records("lcsvr", 10, 1, noise=3.0),
    *records("lcsvr", 10, 4, noise=1.0),
    *records("lcsvr", 30, 4, noise=0.8),
    *records("params", 0, noise=6.0, query=0.0),
    *records("sklearn", 30, text=f"sklearn({NASTY})", error=f"ValueError: {NASTY}"),
    *records("rf", 30, noise=2.5, text=f"rf(encoding={NASTY})"),
]
MEASURED = measure(RECORDS)
BOARD = summarise(MEASURED)
ROWS = rows_of(BOARD)


def searches(
    predictor: str = "",
    strategy: str = "evolution",
    epochs: int = 0,
    rate: float = 1.0,
    error: str | None = None,
    text: str | None = None,
    **changes: Any,
) -> list[SearchRecord]:
    """Records of one row; the higher the rate, the sooner regret falls."""
    made = []
    for repeat in range(REPEATS):
        job = SearchJob(
            **{**searched(predictor, strategy), "predictor": text or predictor or ""},
            epochs=epochs,
            repeat=repeat,
            **{"budget": BUDGET, "label": "valid", "truth": "test", **changes},
        )
        rng = np.random.default_rng([repeat, job.predictor_seed()])
        paid = [] if error else [float(at) for at in range(1, BUDGET + 1)]
        truth = [90.0 - 10.0 * np.exp(-rate * rng.uniform(0.05, 0.1) * at) for at in paid]
        made.append(
            SearchRecord(
                table=TABLE.hash,
                job=job,
                error=error,
                best=90.0,
                architectures=list(range(len(paid))),
                epochs=[6] * len(paid),
                values=truth,
                truth=truth,
                evaluations=paid,
                training_seconds=[12.0 * at for at in paid],
                predictor_seconds=[0.1 * at for at in paid],
                total_evaluations=len(paid),
                total_training_seconds=12.0 * len(paid),
                total_predictor_seconds=0.1 * len(paid),
            )
        )
    return made


BUDGET = 20
SEARCHES = [
    *searches(strategy="random", rate=0.5),
    *searches(),
    *searches("rf", rate=2.0),
    *searches("params", rate=1.5),
    *searches("sotl-e", epochs=4, rate=3.0),
    *searches("rf", text=f"rf(encoding={NASTY})"),
    *searches("sklearn", text=f"sklearn({NASTY})", error=f"ValueError: {NASTY}"),
]
SEARCHED = measure_searches(SEARCHES)
SUMMARY = summarise_searches(SEARCHED)
SEARCH_ROWS = rows_of(SUMMARY)
LEADERBOARD_SECTIONS = {"leaderboard", "costs", "budgets", "comparison", "predictions"}


@pytest.fixture(scope="module")
def html() -> str:
    return page(MEASURED, TABLE, f"archcast report --out '{NASTY}'")


@pytest.fixture(scope="module")
def search_html() -> str:
    return page(measure([]), TABLE, "archcast report", SEARCHED)


@pytest.fixture(scope="module")
def full_html() -> str:
    return page(MEASURED, TABLE, "archcast report", SEARCHED)


class Elements(HTMLParser):
    """Start tags with their attributes, the text of each script, and of each cell by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.cells: list[list[str]] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.cells.append([])
        elif tag == "td":
            self.cells[-1].append("")
        if tag in ("td", "script"):
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside == "td":
            self.cells[-1][-1] += data


@pytest.fixture(scope="module")
def elements(html: str) -> Elements:
    return Elements(html)


def test_titles_tell_rows_apart() -> None:
    found = titles(BOARD)
    assert len(set(found)) == len(ROWS)
    assert "sotl-e, 1 epoch" in found
    assert "lcsvr, 30 labels, 4 epochs" in found
    assert "params" in found


def test_lines_are_of_the_other_setting_with_the_most_points() -> None:
    by_size = {line.name: line.x for line in lines(BOARD, "train_size")}
    assert by_size == {"lcsvr, 4 epochs": [10, 30], "rf": [10, 30], "xgb": [10, 30]}
    by_epochs = {line.name: line for line in lines(BOARD, "epochs")}
    assert list(by_epochs) == ["sotl-e", "lcsvr, 10 labels"]
    line = by_epochs["sotl-e"]
    assert line.low[1] < line.y[1] < line.high[1]


def test_regions_cover_the_surface_and_lie_in_it() -> None:
    found = surface(BOARD)
    assert found is not None
    regions = found.regions()
    won = {row for line in found.winners for row in line if row is not None}
    assert {region.row for region in regions} == won
    across, along = edges(found.init), edges(found.query)
    assert len(across) == len(found.init) + 1
    for region in regions:
        at = np.searchsorted(across, region.init) - 1, np.searchsorted(along, region.query) - 1
        assert found.winners[at[1]][at[0]] == region.row


def test_surface_needs_costs() -> None:
    assert surface(summarise(measure(records(error="RuntimeError: no")))) is None


def compared(records: list[Record]) -> Comparison | None:
    measured = measure(records)
    return comparison(measured, summarise(measured))


@pytest.mark.parametrize(("blocks", "drawn"), [(1, False), (3, True)])
def test_critical_differences_of_few_blocks(blocks: int, drawn: bool) -> None:
    noises = {"rf": 0.01, "xgb": 2.0, "ngb": 2.2, "gp": 50.0}
    made = [
        record
        for predictor, noise in noises.items()
        for record in records(predictor, noise=noise, repeats=blocks)
    ]
    found = compared(made)
    assert found is not None
    assert found.blocks == blocks
    assert set(found.names) == set(noises)
    assert found.win_rates[0, -1] == 1.0
    assert (found.differences is not None) == drawn
    if found.differences:
        assert found.differences.names[0] == "rf"
        assert found.differences.ranks[0] == 1.0
        assert sum(found.differences.ranks) == pytest.approx(1 + 2 + 3 + 4)
        (group,) = found.differences.groups
        assert set(group) == {"xgb", "ngb"}


def test_comparison_is_of_shared_splits_and_without_failures() -> None:
    found = comparison(MEASURED, BOARD)
    assert found is not None
    assert found.names[0] == "sotl-e, 4 epochs"
    assert not any("sklearn" in name for name in found.names)
    fewer = [*RECORDS, *records("gp", noise=0.1, repeats=2)]
    same = compared(fewer)
    assert same is not None
    assert (same.names, same.blocks) == (found.names, REPEATS), "two splits, and those of others"
    other = [*records("rf", repeats=2), *records("xgb", seed=1)]
    assert compared(other) is None
    assert compared(records("rf")) is None


def test_names_cover_neither_points_nor_names() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"init_seconds": init, "query_seconds": query}
        for init, query in 10.0 ** rng.uniform(-2, 2, (40, 2))
    ]
    places = cost_points(pd.DataFrame(rows), 400, 300)
    placed = place_names(places, [["a long name", "short"]] * 40, 400, 300, 5)
    assert {name for name, _ in placed} == {"a long name", "short", ""}
    (left, right), (low, high) = (
        log_range([row[name] for row in rows]) for name in ("init_seconds", "query_seconds")
    )
    points = [
        (
            (np.log10(row["init_seconds"]) - left) / (right - left) * 400,
            (np.log10(row["query_seconds"]) - low) / (high - low) * 300,
        )
        for row in rows
    ]
    boxes = []
    for (x, y), (name, side) in zip(points, placed, strict=True):
        if name:
            w = 5 * len(name)
            x0 = {"right": x + 6.5, "left": x - 6.5 - w}.get(side, x - w / 2)
            y0 = {"above": y + 6.5, "below": y - 6.5 - 10}.get(side, y - 5)
            boxes.append((x0, y0, x0 + w, y0 + 10))
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert not any(a <= x <= c and b <= y <= d for a, b, c, d in boxes for x, y in points)
    assert all(min(a, b) >= 0 and c <= 400 and d <= 300 for a, b, c, d in boxes)


def test_ticks_are_within() -> None:
    assert list(second_ticks([0.01, 60.0]).values()) == ["10 ms", "100 ms", "1 s", "10 s", "1 min"]


def test_ticks_of_numbers_are_round_and_enough() -> None:
    assert list(number_ticks((-1.0, 1.0)).values()) == ["0.1", "0.2", "0.5", "1", "2", "5", "10"]
    assert list(number_ticks((-0.2, 0.4)).values()) == ["0.7", "1", "1.5", "2"]
    assert list(number_ticks((0.02, 0.14)).values()) == ["1.1", "1.2", "1.3"]
    assert list(number_ticks((2.9, 4.0)).values())[-2:] == ["5,000", "10,000"]


def test_records_of_other_splits_are_not_mixed() -> None:
    others, most = records("rf", test_size=20, repeats=3), records("rf")
    assert comparable(measure([*others, *most])).index.tolist() == [
        len(others) + at for at in range(len(most))
    ]
    assert comparable(measure([])).empty


def test_page_has_every_row_and_where_it_comes_from(html: str, elements: Elements) -> None:
    shown = [cells for cells in elements.cells if len(cells) == 14]
    assert [cells[1] for cells in shown] == [row["predictor"] for row in ROWS]
    assert [cells[5] for cells in shown if cells[5] != "-"] == [
        f"{row['kendall_tau']:.3f}" for row in ROWS if row["kendall_tau"] is not None
    ]
    assert [cells[-1] for cells in shown if cells[-1] != "-"] == [f"{REPEATS} of {REPEATS}"]
    failures = [cells for cells in elements.cells if len(cells) == 5]
    assert [cells[3:] for cells in failures] == [[str(REPEATS), f"ValueError: {NASTY}"]]
    for fact in (TABLE.hash, RECORDS[0].machine, f"python {RECORDS[0].versions['python']}"):
        assert fact in html


def test_page_loads_nothing(html: str, elements: Elements) -> None:
    for tag, attributes in elements.tags:
        assert tag not in ("link", "img", "iframe", "object", "base", "form")
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    styles = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert not any("url(" in style or "@import" in style for style in styles)
    (policy,) = (a["content"] for t, a in elements.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_foreign_text_stays_text(elements: Elements) -> None:
    assert len([tag for tag, _ in elements.tags if tag == "script"]) == 4
    assert not [tag for tag, _ in elements.tags if tag == "b"]
    figures = json.loads(elements.scripts[1])
    names = [trace["name"] for trace in figures["train-size"]["data"] if "name" in trace]
    assert "rf" in names
    drawn = json.dumps(figures)
    assert "<b>" not in drawn, "plotly would take it for markup"
    assert "&lt;b&gt;&amp;amp;" in drawn
    assert NASTY in json.dumps(json.loads(elements.scripts[2]))


def test_page_of_failures_alone() -> None:
    text = page(measure(records(error="RuntimeError: no luck")), TABLE, "archcast report")
    assert "RuntimeError: no luck" in text
    assert json.loads(Elements(text).scripts[1]) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("html", LEADERBOARD_SECTIONS),
        ("search_html", {"search"}),
        ("full_html", {*LEADERBOARD_SECTIONS, "search"}),
    ],
)
def test_page_has_the_sections_that_it_can_fill(
    name: str, expected: set[str], request: pytest.FixtureRequest
) -> None:
    tags = Elements(request.getfixturevalue(name)).tags
    found = [attributes["id"] for tag, attributes in tags if tag == "section"]
    assert set(found) == {*expected, "origin"}
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links == [f"#{section}" for section in found]
    places = {attributes.get("id") for _, attributes in tags}
    assert places >= figures_of(request.getfixturevalue(name)).keys()


def figures_of(html: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Elements(html).scripts[1])
    return found


def test_page_of_searches_alone(search_html: str) -> None:
    elements = Elements(search_html)
    shown = [cells for cells in elements.cells if len(cells) == 9]
    assert [cells[0] for cells in shown] == [
        search_title(row["strategy"], row["predictor"], row["epochs"], "") for row in SEARCH_ROWS
    ]
    assert [cells[2] for cells in shown if cells[2] != "-"] == [
        f"{row['regret']:.2f}" for row in SEARCH_ROWS if row["regret"] is not None
    ]
    assert [cells[-1] for cells in shown if cells[-1] != "-"] == [f"{REPEATS} of {REPEATS}"]
    (failure,) = [cells for cells in elements.cells if len(cells) == 5]
    assert failure[0].startswith("evolution with sklearn(")
    assert failure[3:] == [str(REPEATS), f"ValueError: {NASTY}"]
    assert f"{len(SEARCHES)}, of which {REPEATS} failed" in search_html
    assert f"a regret of {SEARCH_ROWS[0]['target']:.4g} points" in search_html
    assert figures_of(search_html).keys() == {"regret-seconds", "regret-evaluations"}
    other = page(measure([]), TABLE, "archcast report", SEARCHED, target=0.125)
    assert "a regret of 0.125 points" in other


def test_what_one_shot_searches_like_by_epoch(tmp_path: Path) -> None:
    """Two epochs: first the cell of skips, then that of 3x3 convolutions, of unknown regret."""
    paths = [[1] * 6, [3] * 6]
    shares = [[[0.1, 0.6, 0.1, 0.1, 0.1]] * 6, [[0.0, 0.1, 0.0, 0.7, 0.2]] * 6]
    told = {"liked": paths, "liked_truth": [70.0, None], "probabilities": shares}
    other: dict[str, Any] = {"liked": [[1, 1, 0, 0, 0, 0]] * 2, "liked_truth": [60.0, 50.0]}
    other["probabilities"] = [[], []]
    run = SEARCHES[0].model_copy(update={"error": None, "best": 90.0})
    found = [
        run.model_copy(update={"job": run.job.model_copy(update={"strategy": name, **of}), **more})
        for name, of, more in (
            ("gdas", {"repeat": 0}, told),
            ("enas", {"repeat": 0}, other),
            ("enas", {"repeat": 1}, other | {"liked_truth": [80.0, 70.0]}),
        )
    ]
    lines_of = course_lines(measure_searches(found), TABLE.space)
    regrets = {line.name: line.y for line in lines_of["regret"]}
    assert regrets == {"enas": [20.0, 30.0]}, "none of what is not in the table"
    skips = {line.name: line.y for line in lines_of["skips"]}
    assert skips == {"gdas": [6.0, 0.0], "enas": [2.0, 2.0]}
    options = {line.name: line.y for line in lines_of["options"]}
    assert options["gdas: skip_connect"] == pytest.approx([0.6, 0.1])
    assert options["gdas: nor_conv_3x3"] == pytest.approx([0.1, 0.7])
    assert len(options) == 5, "a controller has none"
    text = page(measure([]), TABLE, "archcast report", measure_searches(found))
    assert {"course-regret", "course-skips", "course-options"} <= figures_of(text).keys()
    written = write_figures(measure([]), TABLE, tmp_path, ["png"], measure_searches(found))
    names = {path.stem for path in written}
    assert {"regret-by-supernet-epoch", "skips-by-supernet-epoch"} <= names


def test_page_of_searches_that_failed() -> None:
    failed = [record for record in SEARCHES if record.failed]
    text = page(measure([]), TABLE, "archcast report", measure_searches(failed))
    assert figures_of(text) == {}
    assert f"{REPEATS} of {REPEATS}" in text


def test_lines_of_searches_end_where_the_rows_say(search_html: str) -> None:
    figures = figures_of(search_html)
    last = {
        axis: {
            trace["name"]: (trace["x"][-1], trace["y"][-1])
            for trace in figures[f"regret-{axis}"]["data"]
            if "name" in trace
        }
        for axis in ("seconds", "evaluations")
    }
    assert [name.split(",")[0] for name in last["seconds"]][:5] == [
        *("random", "evolution"),  # what others are held against
        *("evolution with sotl-e", "evolution with rf", "evolution with params"),
    ]
    assert list(last["seconds"]) == list(last["evaluations"]), "a search has one colour"
    for row in SEARCH_ROWS:
        if row["predictor"] in (None, "rf", "params"):
            guide = f" with {row['predictor']}" if row["predictor"] else ""
            cost, regret = last["evaluations"][f"{row['strategy']}{guide}"]
            assert cost == BUDGET
            assert regret == pytest.approx(row["regret"], rel=1e-3)
    assert "evolution with sotl-e, 4 epochs" in last["seconds"]
    assert "<b>" not in json.dumps(figures), "plotly would take it for markup"


def test_searches_on_a_table_without_seconds() -> None:
    timeless = [record.model_copy(update={"training_seconds": []}) for record in SEARCHES]
    text = page(MEASURED, TABLE, "archcast report", measure_searches(timeless))
    assert "regret-evaluations" in figures_of(text)
    assert "regret-seconds" not in figures_of(text)
    assert "in evaluations, with 95 % intervals" in " ".join(text.split())


def test_page_holds_speed_ups_against_the_leaderboard(full_html: str) -> None:
    figures = figures_of(full_html)
    assert figures.keys() >= {"surface", "wins", "regret-seconds", "speed-up"}
    points = {
        text.split("<br>")[0]: (x, y)
        for trace in figures["speed-up"]["data"]
        for text, x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True)
    }
    taus = {(row["predictor"], row["train_size"], row["epochs"]): row for row in ROWS}
    speed_ups = {row["predictor"]: row["speed_up_seconds"] for row in SEARCH_ROWS}
    for name, setting in {
        "evolution with rf": ("rf", 10, 0),
        "evolution with params": ("params", 0, 0),
        "evolution with sotl-e, 4 epochs": ("sotl-e", 0, 4),
    }.items():
        assert points[name] == (taus[setting]["kendall_tau"], speed_ups[setting[0]])
    assert len(points) == 4
    found = agreement(SUMMARY, BOARD)
    assert found is not None
    assert f"{found['kendall_tau']:.2f} (Kendall)" in full_html
    fewer = MEASURED[~MEASURED["predictor"].isin(["params", "sotl-e"])]
    assert "speed-up" not in figures_of(page(fewer, TABLE, "archcast report", SEARCHED))


def test_a_bound_is_a_hollow_point_and_no_markup() -> None:
    text = page(MEASURED, TABLE, "archcast report", SEARCHED, target=2.0)
    random = rows_of(summarise_searches(SEARCHED, 2.0))[0]
    assert (random["strategy"], random["reached"]) == ("random", 0)
    traces = figures_of(text)["speed-up"]["data"]
    symbols = [symbol for trace in traces for symbol in trace["marker"]["symbol"]]
    assert len(symbols) == 4
    assert all(symbol >= 100 for symbol in symbols)
    assert all("x random &gt; " in each for trace in traces for each in trace["customdata"])


def test_agreement_is_told_in_a_line() -> None:
    found = agreement(SUMMARY, BOARD)
    assert found is not None
    text = agreement_text(found)
    assert f"rank correlation {found['kendall_tau']:.2f} (Kendall)" in text
    assert "over 4 predictors" in text
    assert "run `archcast leaderboard` with these first" in agreement_text(None)


def test_page_is_written_at_once_or_not(tmp_path: Path) -> None:
    write_page(measure(records()), TABLE, tmp_path / "page.html", "archcast report")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="choose another place"):
        write_page(measure(records()), TABLE, tmp_path / "folder", "archcast report")
    assert len(list(tmp_path.iterdir())) == 2


def test_figures_are_written_for_print(tmp_path: Path) -> None:
    few = measure(records(noise=0.5))
    written = write_figures(few, TABLE, tmp_path / "new", ["png"])
    assert {path.stem for path in written} == {"surface", "pareto"}
    for path in written:
        header = path.read_bytes()[:24]
        assert header.startswith(b"\x89PNG")
        assert int.from_bytes(header[16:20], "big") == 3.4 * 300
    vector = write_figures(MEASURED, TABLE, tmp_path, ["svg"])
    board = {"surface", "pareto", "tau-by-train-size", "tau-by-epochs", "critical-differences"}
    assert {path.stem for path in vector} == board
    curves = {"regret-by-seconds", "regret-by-evaluations"}
    alone = write_figures(measure([]), TABLE, tmp_path, ["pdf"], SEARCHED)
    assert {path.stem for path in alone} == curves
    both = write_figures(MEASURED, TABLE, tmp_path, ["pdf"], SEARCHED)
    assert {path.stem for path in both} == {*curves, *board, "speed-up-by-tau"}
    for path in (*vector, *both):
        content = path.read_bytes()
        assert content.startswith(b"%PDF" if path.suffix == ".pdf" else b"<?xml")
        assert b"/Type3" not in content
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another --figures"):
        write_figures(few, TABLE, tmp_path / "file", ["png"])


EARLY = """<script>
window.faults = [];
addEventListener("error", (event) => faults.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => faults.push(event.violatedDirective));
console.error = console.warn = (...told) => faults.push(told.join(" "));
</script>"""

LATE = """<script>
const seen = {};
const column = (at) => [...body.rows].filter((row) => !row.hidden).map((row) => row.cells[at].textContent.trim());
const button = (at) => heads[at].querySelector("button");
const type = (control, text, kind) => { control.value = text; control.dispatchEvent(new Event(kind)); };
seen.plots = document.querySelectorAll(".js-plotly-plot > .plot-container .main-svg:first-child").length;
seen.texts = [...document.querySelectorAll("#train-size .legendtext, #surface .textpoint")].map((text) => text.textContent);
button(1).focus();
seen.focused = document.activeElement === button(1);
button(1).click();
seen.byName = column(1);
seen.sorted = heads[1].getAttribute("aria-sort");
button(1).click();
seen.byNameBack = column(1);
button(5).click();
seen.byTau = column(5);
type(filter, "RF 30", "input");
seen.filtered = column(1);
type(filter, "", "input");
type(family, "learning-curve", "change");
seen.family = column(2);
seen.count = document.getElementById("count").textContent;
const before = document.getElementById("scatter").data[0].x[0];
type(document.getElementById("choose"), "1", "change");
seen.chosen = document.getElementById("scatter").data[0].x[0] !== before;
</script>"""  # noqa: E501

TOLD = """<script>
seen.wide = document.documentElement.scrollWidth <= innerWidth;
seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
seen.stolen = window.stolen ?? null;
seen.faults = faults;
const told = document.createElement("pre");
told.id = "seen";
told.textContent = JSON.stringify(seen);
document.body.replaceChildren(told);
</script>"""

LATE_OF_SEARCHES = """<script>
const seen = {};
seen.plots = document.querySelectorAll(".js-plotly-plot > .plot-container .main-svg:first-child").length;
seen.texts = [...document.querySelectorAll("#regret-seconds .legendtext")].map((text) => text.textContent);
</script>"""  # noqa: E501

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)


def open_in_browser(html: str, late: str, tmp_path: Path) -> Any:
    """What a script saw on the page."""
    path = tmp_path / "page.html"
    path.write_text(html.replace("<style>", f"{EARLY}<style>", 1).replace("</body>", late + TOLD))
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
        "--virtual-time-budget=1000", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=800,900", path.as_uri(),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r'<pre id="seen">(.*?)</pre>', run.stdout, re.S)
    assert found, run.stderr[-2_000:]
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_page_in_a_browser(html: str, tmp_path: Path) -> None:
    seen = open_in_browser(html, LATE, tmp_path)
    assert seen["faults"] == seen["loaded"] == []
    assert seen["stolen"] is None
    assert seen["plots"] == 7
    assert "rf" in seen["texts"]
    assert seen["focused"]
    assert seen["byName"] == sorted(seen["byName"], key=str.lower)
    assert seen["sorted"] == "ascending"
    assert seen["byNameBack"][0] == "xgb"
    assert seen["byTau"] == sorted(seen["byTau"], key=lambda tau: (tau == "-", -float(tau + "0")))
    assert set(seen["filtered"]) <= {"rf", f"rf(encoding={NASTY})"}
    assert seen["filtered"]
    assert set(seen["family"]) == {"learning-curve"}
    assert seen["count"] == f"{len(seen['family'])} of {len(ROWS)} rows"
    assert seen["chosen"]
    assert seen["wide"], "the page is wider than the window"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_page_of_searches_in_a_browser(search_html: str, tmp_path: Path) -> None:
    seen = open_in_browser(search_html, LATE_OF_SEARCHES, tmp_path)
    assert seen["faults"] == seen["loaded"] == []
    assert seen["stolen"] is None
    assert seen["plots"] == 2
    assert "evolution with sotl-e, 4 epochs" in seen["texts"]
    assert seen["wide"], "the page is wider than the window"
