"""Tasks by their names, or from files."""

from __future__ import annotations

from pathlib import Path

from archcast.core.errors import InputError, short
from archcast.tasks import images, texts
from archcast.tasks.task import Task

SHIPPED = (*images.SHIPPED, *texts.SHIPPED)
MEASURES = (images.ImageData.measure, texts.TextData.measure)


def load_task(name: str) -> Task:
    """A shipped task by name, or images from an `.npz` or text from a `.txt` file by path.

    Raises:
        InputError: neither a name nor such a file, or the file can't be read.
    """
    ending = Path(name).suffix
    if name in images.SHIPPED or ending == ".npz":
        return images.load_images(name)
    if name in texts.SHIPPED or ending == ".txt":
        return texts.load_text(name)
    raise InputError(
        f"task {short(name)}: neither one of {', '.join(SHIPPED)}, nor the path of an .npz or .txt"
        " file"
    )
