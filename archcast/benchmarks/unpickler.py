"""Pickles from outside, read without running anything that they name."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from archcast.core.errors import InputError

Globals = Mapping[tuple[str, str], Any]


class SafeUnpickler(pickle.Unpickler):
    """Reads builtin containers, numbers and text, and the globals that the caller stands in for.

    A pickle may name any function of any installed package and have it called. Here a name is
    never imported: `allowed` gives, for each (module, name), the object that takes its place, and
    every other name is refused.
    """

    def __init__(self, file: IO[bytes], allowed: Globals, source: str = "pickle") -> None:
        super().__init__(file)
        self._allowed = {**_BUILTINS, **allowed}
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a global.

        Raises:
            InputError: there is none.
        """
        try:
            return self._allowed[module, name]
        except KeyError:
            raise InputError(
                f"{self._source}: refused to load {module}.{name}, which is not needed for"
                " results and may run code; get the file from its authors"
            ) from None

    def load(self) -> Any:
        """The next object of the file.

        Raises:
            InputError: a global that is not allowed, or no well-formed pickle.
        """
        try:
            return super().load()
        except InputError:
            raise
        except Exception as error:  # a broken stream fails in any of ten ways
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{self._source}: not a readable pickle ({reason}); get the file anew"
            ) from None


def safe_loads(data: bytes, allowed: Globals, source: str = "pickle") -> Any:
    """The object that `data` pickles; `source` names it in error messages.

    Raises:
        InputError: a global that is not allowed, or no well-formed pickle.
    """
    return SafeUnpickler(io.BytesIO(data), allowed, source).load()


class _NumberType:
    """Stands in for `numpy.dtype`, for plain numbers only.

    The real one takes a state from the pickle that can make numpy read numbers as addresses.
    """

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[biufc]\d{1,2}", code):
            raise ValueError(f"numpy values of type {code!r} are no plain numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


def _scalar(number_type: _NumberType, data: bytes) -> Any:
    (value,) = np.frombuffer(data, dtype=number_type.dtype)
    return value


def _encode(text: str, encoding: str) -> bytes:
    """Stands in for `codecs.encode`, by which pickles before protocol 3 write bytes."""
    if encoding != "latin1":
        raise ValueError(f"bytes in encoding {encoding!r}")
    return text.encode("latin1")


_BUILTINS: Globals = {
    ("_codecs", "encode"): _encode,
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (complex, set, frozenset)
    },
}
ORDERED_DICT: Globals = {("collections", "OrderedDict"): dict}
NUMPY_SCALARS: Globals = {
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
