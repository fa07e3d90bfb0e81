"""Whatever happens while a file is written: the old one is whole, and nothing else is left."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from archcast.cli import app
from archcast.core.errors import InputError
from archcast.core.files import read_whole, replacing
from archcast.evaluation.job import BaseJob
from archcast.evaluation.measure import measure
from archcast.evaluation.record import BaseRecord, save_record
from archcast.making.supernet_training import Plan, _Training
from archcast.report.page import write_page
from archcast.report.print_figures import _write
from archcast.testing.toys import BLUEPRINT, TASK
from tests.results import said, small_table


def test_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("old", "new"):
        with replacing(path) as aside:
            assert aside.parent == path.parent
            assert aside.name.startswith(".")
            assert str(os.getpid()) in aside.name
            aside.write_text(text)
            assert not path.exists() or path.read_text() == "old"
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError(5, "broken")])
def test_a_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises((InputError, ValueError, KeyboardInterrupt)):  # noqa: PT012, SIM117
        with replacing(path) as aside:
            aside.write_text("half")
            raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    script = f"""
import os, pathlib, signal
from archcast.core.files import read_whole, replacing
with replacing(pathlib.Path({str(path)!r})) as aside:
    aside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert path.read_text() == "old"
    (left,) = set(tmp_path.iterdir()) - {path}
    assert left.read_text() == "half"
    assert left.name.startswith(".file.")
    assert left.name.endswith(".part")


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for link, target in (("folder", "there"), ("link", "folder/file"), ("further", "link")):
        (tmp_path / link).symlink_to(target)
    for text in ("through a dangling link", "through a link"):
        with replacing(tmp_path / "further") as aside:
            aside.write_text(text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "further").is_symlink()
        assert (tmp_path / "there" / "file").read_text() == text
    assert len(list((tmp_path / "there").iterdir())) == 1


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], link: bool
) -> None:
    odd = path = tmp_path / "odd"
    make(odd)
    before = odd.stat()
    if link:
        path = tmp_path / "link"
        path.symlink_to("odd")
    with pytest.raises(InputError, match=r"can't be written \(no regular file\); choose another"):  # noqa: SIM117
        with replacing(path):
            pytest.fail("it was opened")
    assert (odd.stat().st_ino, odd.stat().st_mode) == (before.st_ino, before.st_mode)
    assert set(tmp_path.iterdir()) == {odd, path}


@pytest.mark.parametrize("command", [
    "table convert toy.csv toy.csv --dataset d",
    "table convert toy.csv to-toy.csv --dataset d",
    "table convert toy.csv pipe --dataset d",
    "table convert toy.csv to-pipe --dataset d",
    "table convert folder folder/000000.pickle.pbz2 --dataset cifar10 --from nats-bench",
    "leaderboard --benchmark toy.parquet --report toy.parquet",
    "report --benchmark toy.parquet --out to-toy.parquet",
    "report --out pipe",
    "benchmark train --out pipe",
    "benchmark train --out new.parquet",
    "benchmark train --task toy.npz --out toy.npz",
])  # fmt: skip
def test_no_command_replaces_what_it_reads_or_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path).rename("toy.parquet")
    (tmp_path / "folder").mkdir()
    for name in ("toy.csv", "toy.npz", "folder/000000.pickle.pbz2"):
        (tmp_path / name).write_text("architecture,test_accuracy\n")
    for name in ("pipe", "new.parquet.journal"):
        os.mkfifo(name)
    for name in ("toy.csv", "toy.parquet", "pipe"):
        (tmp_path / f"to-{name}").symlink_to(name)
    before = everything(tmp_path)
    with pytest.raises(InputError, match=r"can't be written \((no regular|it is what)|a page"):
        app(command.split(), standalone_mode=False)
    assert everything(tmp_path) == before


def everything(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """What is in a folder, down to the last byte."""
    return {
        path: (
            path.lstat().st_ino, path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }  # fmt: skip


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(OSError, match=r"no regular file|Is a directory"):
        read_whole(tmp_path / "odd")
    (tmp_path / "file").write_bytes(b"12345")
    assert read_whole(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_whole(tmp_path / "file", 4)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("none/file", "file/file", "a" * 300, "a\0"):
        with pytest.raises(InputError) as caught, replacing(tmp_path / path, "mend it") as aside:
            aside.write_text("new")
        assert str(caught.value).startswith(f"{tmp_path / path}: can't be written (")
        assert str(caught.value).endswith("); mend it")
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def full_disk(room: int = 200) -> Iterator[None]:
    """Files end after so many bytes: the write of one more fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_table(folder: Path) -> Path:
    small_table().write(folder / "a.parquet")
    return folder / "a.parquet"


def keep_record(folder: Path) -> Path:
    save_record(
        folder,
        "1" * 20,
        BaseRecord(job=BaseJob(**said("random"), label="valid", repeat=0), table="t"),
    )
    return folder / f"{'1' * 20}.json"


def draw(folder: Path) -> Path:
    return _write(Figure(), folder / "figure.pdf")


def report(folder: Path) -> Path:
    write_page(measure([]), small_table(), folder / "page.html", "archcast report")
    return folder / "page.html"


def save_supernet(folder: Path) -> Path:
    training = _Training(Plan("uniform", 0), BLUEPRINT, TASK, "cpu", folder)
    list(training.epochs())
    training._save()
    training.path.with_suffix(".lock").unlink()
    return training.path


@pytest.mark.parametrize("write", [write_table, keep_record, draw, report, save_supernet])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    before = path.read_bytes()
    with full_disk(), pytest.raises(InputError, match=r"can't be written \(.+\); "):
        write(tmp_path)
    assert path.read_bytes() == before
    assert [file for file in tmp_path.iterdir() if file.suffix != ".lock"] == [path]
