"""What README and docs show: what is stale, and that a part writes its own place alone."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

from archcast.core.errors import InputError
from reproduce import part as machine
from reproduce.options import opened
from reproduce.page import number, table
from reproduce.part import Part, blocks, files_of, shown_in, with_block
from reproduce.parts import PARTS, some_cells, some_rows, typed
from reproduce.results import MEASURED, ROOT, main, why_stale

PAGE = """before
<!-- measured: one -->
old
<!-- end -->
between
<!-- measured: other -->
its own

two paragraphs
<!-- end -->
after
"""
COMMAND = "python -m reproduce.script {out}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of a page and of a script that prints, and leaves a file."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text(PAGE)
    (tmp_path / "reproduce").mkdir()
    (tmp_path / "reproduce/__init__.py").touch()
    (tmp_path / "reproduce/script.py").write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from reproduce.words import WORD\n"
        "print(WORD)\n"
        "Path(sys.argv[1], 'figure.png').write_bytes(b'drawn')\n"
    )
    (tmp_path / "reproduce/words.py").write_text("WORD = 'new'\n")
    return tmp_path


ONE = Part("one", COMMAND, {"docs/page.md": str}, ("docs/figure.png",), predictors="params")


def known(root: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((root / MEASURED).read_text())
    return found


def test_every_block_has_a_part_and_every_part_its_blocks() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    on_pages = [(str(p.relative_to(ROOT)), name) for p in pages for name in blocks(p.read_text())]
    of_parts = [(page, part.name) for part in PARTS for page in part.pages]
    assert sorted(on_pages) == sorted(of_parts)
    assert len({part.name for part in PARTS}) == len(PARTS)
    for page in pages:  # no slip of the pen hides one
        assert page.read_text().count("<!-- measured") == len(blocks(page.read_text()))


def test_every_file_is_of_one_part_and_every_picture_of_a_page_is_made() -> None:
    files = [file for part in PARTS for file in part.files]
    assert len(set(files)) == len(files)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.png")} <= set(files)
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= set(files)
    assert all((ROOT / file).exists() for file in files)


def test_commands_name_what_is_there() -> None:
    for part in PARTS:
        program, *words = part.command.split()
        assert program in ("archcast", "python"), part.name
        if program == "python":
            assert files_of(words, ROOT), part.name
        assert all((ROOT / file).exists() for file in part.reads), part.name
        assert all(f"{{out}}/{Path(file).name}" in part.command for file in part.files) or (
            "{out}" in words
        ), part.name
        assert part.made_of() == part.made_of(), part.name


def test_a_block_is_replaced_and_nothing_else() -> None:
    changed = with_block(PAGE, "one", r"a \1 group" "\n" "<!-- not an end")
    assert changed == PAGE.replace("\nold\n", "\n" r"a \1 group" "\n" "<!-- not an end" "\n")
    assert shown_in(changed, "other") == "its own\n\ntwo paragraphs"
    assert blocks(changed) == ["one", "other"]
    for name in ("absent", "on"):
        assert with_block(PAGE, name, "x") == PAGE
        with pytest.raises(InputError, match="0 places"):
            shown_in(PAGE, name)


def test_measured_once_and_then_no_more(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([ONE], ["--check"], root) == 1
    assert capsys.readouterr().out == (
        "stale: one in docs/page.md, docs/figure.png (never measured)\n"
    )
    assert main([ONE], [], root) == 0
    assert (root / "docs/page.md").read_text() == PAGE.replace("old", "new")
    assert (root / "docs/figure.png").read_bytes() == b"drawn"
    assert known(root)["one"].keys() == {"made_of", "written", "seconds", "machine"}
    assert "changed" in capsys.readouterr().out
    assert main([ONE], ["--check"], root) == 0
    assert main([ONE], [], root) == 0
    assert capsys.readouterr().out == ""
    assert main([ONE], ["one"], root) == 0
    assert "the same as before" in capsys.readouterr().out
    assert sorted(path.name for path in (root / "docs").iterdir()) == [
        "figure.png", "measured.json", "page.md"
    ]  # fmt: skip


def by_hand(root: Path) -> None:
    page = root / "docs/page.md"
    page.write_text(page.read_text().replace("new", "better"))


def redrawn(root: Path) -> None:
    (root / "docs/figure.png").write_bytes(b"by hand")


def without_figure(root: Path) -> None:
    (root / "docs/figure.png").unlink()


def rewritten(root: Path) -> None:
    script = root / "reproduce/script.py"
    script.write_text(script.read_text() + "print('more')\n")


def other_word(root: Path) -> None:
    (root / "reproduce/words.py").write_text("WORD = 'other'\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (by_hand, "edited by hand"),
        (redrawn, "edited by hand"),
        (without_figure, "edited by hand"),
        (rewritten, "its command, code or data changed"),
        (other_word, "its command, code or data changed"),
    ],
)
def test_stale_by_files(root: Path, change: Callable[[Path], None], reason: str) -> None:
    main([ONE], [], root)
    change(root)
    assert why_stale(ONE, known(root), root) == reason


def test_stale_by_command_predictors_and_reads(root: Path) -> None:
    main([ONE], [], root)
    assert why_stale(ONE, known(root), root) is None
    for change in (
        {"command": f"{COMMAND} --more"}, {"predictors": "flops"}, {"reads": ("docs/page.md",)}
    ):  # fmt: skip
        other = dataclasses.replace(ONE, **change)  # type: ignore[arg-type]
        assert why_stale(other, known(root), root) == "its command, code or data changed"


def test_stale_by_version_of_what_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the predictors of a part, and of what these use, and of no others."""

    def made_with(predictors: str, raised: str) -> str:
        recorded = machine.recorded_versions()
        assert raised in recorded
        source = recorded[raised][1]
        with monkeypatch.context() as patch:
            patch.setitem(recorded, raised, [recorded[raised][0] + 1, source])
            machine.versions.cache_clear()
            return dataclasses.replace(ONE, predictors=predictors).made_of()

    strategy = "archcast.search.evolution:Evolution"
    engine = "archcast.evaluation.engine:run_job"
    forest = "archcast.predictors.random_forest:RandomForest"
    trees = "archcast.encodings.graph_features:encode"
    proxy = "archcast.zero_cost.synflow:synflow"

    def moves(predictors: str, raised: str) -> bool:
        machine.versions.cache_clear()
        now = dataclasses.replace(ONE, predictors=predictors).made_of()
        return made_with(predictors, raised) != now

    assert moves("", engine)
    assert moves("", "archcast.spaces.nasbench201:NASBench201")
    assert moves("", "archcast.networks.nasbench201_network:NASBench201Networks")
    assert not moves("", "archcast.spaces.darts:DARTS")
    assert not moves("", strategy)
    searching = dataclasses.replace(ONE, command=f"{COMMAND} --strategy evolution")
    before = searching.made_of()
    with monkeypatch.context() as patch:
        version, source = machine.recorded_versions()[strategy]
        patch.setitem(machine.recorded_versions(), strategy, [version + 1, source])
        machine.versions.cache_clear()
        assert searching.made_of() != before
    machine.versions.cache_clear()
    assert moves("", "archcast.search.search_job:run_search_job")
    assert moves("rf", forest)
    assert moves("rf", trees)
    assert not moves("xgb", forest)
    assert not moves("rf", proxy)
    assert moves("rank-sum([synflow, nwot])", proxy)
    assert moves("all", proxy)
    machine.versions.cache_clear()


def test_stale_by_table(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main([ONE], [], root)
    beside = dataclasses.replace(ONE, tables=("nasbench201-mini", "nasbench-graph:cora"))
    alone = dataclasses.replace(ONE, command="python {cifar10}", tables=())
    before = alone.made_of(root), beside.made_of(root)
    assert beside.made_of(root) != ONE.made_of(root)
    for changed in ("nasbench-graph:cora", "nasbench201-mini"):
        with monkeypatch.context() as patch:
            patch.setitem(vars(opened(changed)), "hash", "of another table")
            assert alone.made_of(root) == before[0]
            assert beside.made_of(root) != before[1]
            stale = why_stale(ONE, known(root), root)
            assert (stale is not None) == (changed == "nasbench201-mini")


def test_a_notebook_is_stale_where_it_is_edited_and_not_where_it_was_executed(root: Path) -> None:
    book = dataclasses.replace(ONE, command=f"{COMMAND} docs/figure.png")
    (root / "docs/figure.png").write_bytes(b"not executed")
    main([book], [], root)
    assert why_stale(book, known(root), root) is None


def test_others_go_on_after_one_that_fails(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = dataclasses.replace(ONE, name="other", command="python -c 'exit(3)'", files=())
    silent = dataclasses.replace(ONE, name="other", command="python -c ''", files=())
    fileless = dataclasses.replace(ONE, command="python -c 'print(1)'", files=("docs/none.png",))
    placeless = dataclasses.replace(ONE, name="absent")
    before = (root / "docs/page.md").read_text()
    for part, why in (
        (broken, "exit code 3"), (silent, "gives nothing"), (fileless, "gives nothing"),
        (placeless, "0 places for absent"),
    ):  # fmt: skip
        (root / "docs/page.md").write_text(before)
        (root / MEASURED).unlink(missing_ok=True)
        last = dataclasses.replace(ONE, name="one" if part.name != "one" else "other")
        assert main([part, last], [], root) == 1
        first, second = capsys.readouterr().out.splitlines()[1::2]
        assert first.startswith(f"failed: {part.name} in docs/page.md")
        assert why in first
        assert second.startswith(f"measured: {last.name}")
        assert list(known(root)) == [last.name]
        assert shown_in((root / "docs/page.md").read_text(), last.name) == "new"


def test_what_is_not_there_is_left_alone(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    for word in ("{cifar10}", "{chromium}"):
        assert main([dataclasses.replace(ONE, command=f"{COMMAND} {word}")], ["one"], root) == 0
        assert capsys.readouterr().out.startswith("left alone: one in docs/page.md")
    assert (root / "docs/page.md").read_text() == PAGE
    assert not (root / MEASURED).exists()


def test_how_long_it_took_the_last_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([ONE], [], root)
    found = known(root)
    found["one"]["seconds"] = 3_600
    (root / MEASURED).write_text(json.dumps(found))
    capsys.readouterr()
    main([ONE], ["one"], root)
    assert "one, which took 3600 s the last time" in capsys.readouterr().out


def test_unknown_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([ONE], ["onne"], root) == 2
    assert capsys.readouterr().err == "unknown part 'onne': did you mean one?\n"
    assert main([ONE], ["--check", "onne"], root) == 2


def test_rows_that_are_shown() -> None:
    rule = " \u2500\u2500"
    rows = [f" {i}  {name}  1  2  3" for i, name in enumerate("xyz", start=1)]
    printed = "\n".join(["head", " #  name  a  b  c", rule, *rows, "end"])
    indented = ["    head", "     #  name  a  b  c", f"    {rule}"]
    assert some_rows(["z"], 1)(printed).splitlines() == [
        *indented, "    ...", "     3  z  1  2  3", "    end"
    ]  # fmt: skip
    assert typed("archcast x", rows=1)(printed).splitlines() == [
        "    $ archcast x", *indented, "     1  x  1  2  3", "    ..."
    ]  # fmt: skip


def test_cells_that_are_shown() -> None:
    printed = table(["name", "a", "b"], [["`x`", "1", ""], ["`y`", "3", "4"]])
    assert some_cells(["name", "b"], ["y"])(printed) == table(["name", "b"], [["`y`", "4"]])
    assert some_cells(["b", "name"])(printed) == table(["b", "name"], [["", "`x`"], ["4", "`y`"]])


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.4567, 3, ".457"), (-0.4567, 3, "-.457"), (1.0, 2, "1.00"), (0.0, 2, ".00"),
     (-0.001, 2, ".00"), (10.25, 1, "10.2"), (-1.5, 1, "-1.5"), (0.9999, 2, "1.00")],
)  # fmt: skip
def test_numbers(value: float, digits: int, shown: str) -> None:
    assert number(value, digits) == shown


def test_who_is_stopped_stops_what_it_runs(root: Path) -> None:
    (root / "reproduce/script.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "Path('pid.part').write_text(str(os.getpid()))\n"
        "os.rename('pid.part', 'pid')\n"
        "time.sleep(600)\n"
    )
    code = "import sys; from pathlib import Path; from reproduce.results import heed_stop;"
    code += " from tests.test_results import ONE, main; heed_stop();"
    code += f" sys.exit(main([ONE], [], Path({str(root)!r})))"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        while not (root / "pid").exists():
            assert process.poll() is None
            sleep(0.05)
        process.terminate()
        assert process.wait(30) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((root / "pid").read_text()), 0)
