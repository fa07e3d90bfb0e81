"""Where work is kept that many commands can use: trained supernets, scores of networks."""

from __future__ import annotations

import os
from pathlib import Path

from archcast.core.errors import InputError
from archcast.core.files import remove_left_behind


def cache_folder(name: str) -> Path:
    """The folder of one kind of work, in `$ARCHCAST_CACHE` or `~/.cache/archcast`."""
    root = os.environ.get("ARCHCAST_CACHE") or Path.home() / ".cache" / "archcast"
    return Path(root) / name


def made_folder(folder: Path) -> Path:
    """The same folder, which is there now and can be written to.

    Raises:
        InputError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cache {folder}: {error.strerror}; choose another folder, or set ARCHCAST_CACHE"
        ) from None
    remove_left_behind(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"cache {folder}: not writable; choose another folder, or set ARCHCAST_CACHE"
        )
    return folder
