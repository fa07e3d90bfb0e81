"""Files are written aside, then renamed: none is ever half there. Only regular ones are read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from archcast.core.errors import InputError

DIGEST = hashlib.sha256().digest_size
LEFT = 3_600.0  # seconds after which nobody is still writing a file


@contextmanager
def replacing(path: Path, mend: str = "choose another place") -> Iterator[Path]:
    """Yield the path of a file to write; at the end of the context it becomes `path`.

    It lies in the same folder, hidden, and any failure removes it; what `path` was before stays
    whole until the end. Symbolic links are followed: the file that they lead to is replaced. Only
    a process that is killed leaves something behind, `.NAME.PID.THREAD.RANDOM.part`.

    Raises:
        InputError: an `OSError` inside, or `path` is a folder, a device or a pipe; `mend` ends the
            message.
    """
    check_target(path, mend=mend)
    target = Path(os.path.realpath(path))
    who = f"{os.getpid()}.{threading.get_native_id()}.{uuid4().hex[:8]}"
    aside = target.with_name(f".{_start(target.name)}.{who}.part")
    try:
        yield aside
        aside.replace(target)
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise InputError(f"{path}: can't be written ({reason}); {mend}") from None
    finally:
        with suppress(OSError):
            aside.unlink()


def _start(name: str) -> str:
    """Of a name the first hundred bytes."""
    return name.encode()[:100].decode(errors="ignore")


def check_target(path: Path, *inputs: str | Path, mend: str = "choose another place") -> None:
    """Refuse what `replacing` would refuse, and to replace what is read; before long work.

    Args:
        path: what is to be written.
        inputs: files that are read, and folders whose files are.
        mend: ends the message.

    Raises:
        InputError: it is a folder, a device or a pipe, or one of `inputs`.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero in it
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: can't be written ({reason}); {mend}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: can't be written (no regular file); {mend}")
    target = Path(os.path.realpath(path))
    if any(_is_same(place, each) for each in inputs for place in (target, *target.parents)):
        raise InputError(f"{path}: can't be written (it is what is read); {mend}")


def _is_same(one: Path, other: str | Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def read_whole(path: Path, most: int | None = None, start: int = 0) -> bytes:
    """The content of a regular file from byte `start` on, of `most` bytes if that is given.

    Raises:
        OSError: it can't be read, is a folder, a device or a pipe, or is larger.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        if most is not None and status.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
        file.seek(start)
        return file.read()


def append_line(file: BinaryIO, item: Any) -> None:
    """Add a line of JSON to a journal, and see it on the disk."""
    file.write(json.dumps(item).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def whole_lines(content: bytes) -> bytes:
    """That of a journal up to the end of a line; a last one without it was cut by a kill."""
    return content[: content.rfind(b"\n") + 1]


def sealed(content: bytes) -> bytes:
    """Content behind a digest of it, for files that nobody but us writes."""
    return hashlib.sha256(content).digest() + content


def unsealed(path: Path) -> memoryview:
    """The content of a file as `sealed` gave it.

    Raises:
        OSError: as `read_whole`.
        ValueError: its bytes are others now.
    """
    content = memoryview(read_whole(path))
    if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
        raise ValueError("its bytes are not those that were written")
    return content[DIGEST:]


def _without_waiting(path: str, flags: int) -> int:
    """As `os.open`; that of a pipe would wait until somebody writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_file(path: Path) -> bool:
    """As `Path.is_file`; it never raises, whatever the name is."""
    return os.path.isfile(path)  # noqa: PTH113


def most_unpacked(packed: int) -> int:
    """Bytes that a file of so many honestly unpacks to: results and images shrink by less."""
    return 20_000_000 + 100 * packed


def remove_left_behind(folder: Path) -> None:
    """Remove what killed processes were writing there, as far as it is an hour old."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > LEFT:
                part.unlink()
