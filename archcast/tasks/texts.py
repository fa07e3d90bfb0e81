"""Text, to be learned character by character: tasks whose score is bits a character."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short, told
from archcast.core.files import is_file, read_whole
from archcast.core.heavy import torch
from archcast.tasks.task import ALL, PARTS, Data, Measure, Rows, Signature, Task

if TYPE_CHECKING:
    from torch import Tensor

PASSAGE = 1_000  # characters: of five passages in a row, three are learned, one is for each test
LENGTH = 50  # characters that a network reads, and foretells, one after another
MOST = 256  # characters of an alphabet
LARGEST = 500_000_000  # characters times those that differ: gigabytes as tensors
SHIPPED = {"genesis": "genesis.txt"}
_PART_OF_PASSAGE = ("train", "train", "train", "valid", "test")


@dataclass(frozen=True, slots=True)
class TextData(Data):
    """Sequences, each character as one of the alphabet (n, length, alphabet), and what follows.

    Targets, of shape (n, length), are the numbers of the characters that come next; outputs, of
    shape (n, alphabet, length), logits of these.
    """

    measure: ClassVar[Measure] = Measure("bits", "min", "bits")

    @property
    def chance(self) -> float:
        """The bits of guessing among the characters that there are."""
        return math.log2(self.inputs.shape[-1])

    @staticmethod
    def loss(
        outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Cross-entropy in nats a character."""
        total = torch.nn.functional.cross_entropy(outputs, targets, reduction=reduction)
        return total if reduction == "mean" else total / targets.shape[1]

    @staticmethod
    def score(outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in bits a character, of each sequence."""
        nats = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
        return nats.mean(dim=1) / math.log(2.0)

    @staticmethod
    def augmented(inputs: Tensor, chances: Tensor) -> Tensor:
        """The sequences as they are."""
        return inputs


@dataclass(frozen=True)
class Text(Task):
    """Passages of a text by part, each as numbers of characters in `alphabet`."""

    name: str
    alphabet: str
    train: NDArray[np.uint8]  # (sequences, length + 1): the last character is foretold only
    valid: NDArray[np.uint8]
    test: NDArray[np.uint8]

    @cached_property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents; the name does not matter."""
        return _digest(self.alphabet, self.train, self.valid, self.test)

    @cached_property
    def training_hash(self) -> str:
        """The same of the training part alone."""
        return _digest(self.alphabet, self.train)

    @property
    def signature(self) -> Signature:
        """What its networks take and give."""
        return Signature((self.train.shape[1] - 1, len(self.alphabet)), len(self.alphabet))

    def without_test(self) -> Text:
        """The training and validation passages alone."""
        return replace(self, test=self.test[:0])

    def size(self, part: str) -> int:
        """How many sequences a part has."""
        return len(getattr(self, part))

    def examples(self, part: str, rows: Rows = ALL, device: str | torch.device = "cpu") -> TextData:
        """Sequences of a part as tensors."""
        numbers = torch.from_numpy(getattr(self, part)[rows]).long().to(device)
        inputs = torch.eye(len(self.alphabet), device=device)[numbers[:, :-1]]
        return TextData(inputs, numbers[:, 1:].contiguous())


def _digest(alphabet: str, *parts: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(alphabet.encode())
    for part in parts:
        digest.update(f"{part.shape}".encode() + part.tobytes())
    return digest.hexdigest()[:20]


def load_text(name: str | Path) -> Text:
    """Load a shipped text by name, or a `.txt` file by path.

    Of five passages of 1,000 characters in a row, three are for training, the fourth for validation
    and the fifth for testing; each is cut into sequences of 50 characters and the next one.

    Raises:
        InputError: no such file, no UTF-8, fewer than five passages, or too many characters that
            differ.
    """
    if str(name) in SHIPPED:
        file = files("archcast.tasks").joinpath("shipped", SHIPPED[str(name)])
        return _read(file.read_bytes(), str(name))
    path = Path(name)
    if not is_file(path):
        raise InputError(
            f"text {short(str(name))}: neither a file nor one of {', '.join(SHIPPED)};"
            " give the path of a .txt file"
        )
    return _read(read_whole(path), path.stem)


def _read(content: bytes, name: str) -> Text:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"text {name}: no UTF-8 ({told(error)}); convert it") from None
    alphabet = "".join(sorted(set(text)))
    if len(text) * len(alphabet) > LARGEST:
        most = LARGEST // len(alphabet)
        raise InputError(
            f"text {name}: {len(text):,} characters, {len(alphabet)} of which differ; give a part"
            f" of it, at most {most:,}"
        )
    if len(text) < (least := len(_PART_OF_PASSAGE) * PASSAGE):
        raise InputError(f"text {name}: {len(text):,} characters; give {least:,} or more")
    if len(alphabet) < 2:
        raise InputError(
            f"text {name}: all its characters are alike, and there is nothing to learn"
        )
    if len(alphabet) > MOST:
        raise InputError(
            f"text {name}: {len(alphabet)} characters that differ, of which {MOST} are the most;"
            " replace rare ones"
        )
    place = {character: at for at, character in enumerate(alphabet)}
    numbers = np.array([place[character] for character in text], dtype=np.uint8)
    sequences: dict[str, list[NDArray[np.uint8]]] = {part: [] for part in PARTS}
    for at in range(len(numbers) // PASSAGE):
        passage = numbers[at * PASSAGE : (at + 1) * PASSAGE]
        windows = np.lib.stride_tricks.sliding_window_view(passage, LENGTH + 1)[::LENGTH]
        sequences[_PART_OF_PASSAGE[at % len(_PART_OF_PASSAGE)]].append(windows)
    return Text(name, alphabet, **{part: np.concatenate(each) for part, each in sequences.items()})
