"""Files are written aside, then renamed: none is ever half there."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from archcast.core.errors import InputError


@contextmanager
def replacing(path: Path, mend: str = "choose another place") -> Iterator[Path]:
    """Yield the path of a file to write; at the end of the context it becomes `path`.

    It lies in the same folder, hidden, and any failure removes it; what `path` was before stays
    whole until the end. Symbolic links are followed: the file that they lead to is replaced. Only
    a process that is killed leaves something behind, `.NAME.PID.THREAD.part`.

    Raises:
        InputError: an `OSError` inside, or `path` is a folder, a device or a pipe; `mend` ends the
            message.
    """
    target = Path(os.path.realpath(path))
    aside = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_native_id()}.part")
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: can't be written (no regular file); {mend}")
        yield aside
        aside.replace(target)
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise InputError(f"{path}: can't be written ({reason}); {mend}") from None
    finally:
        with suppress(OSError):
            aside.unlink()
