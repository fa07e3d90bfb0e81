"""Pickles from outside, read in bounded time and without running anything that they name."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, ClassVar

import numpy as np

from archcast.core.errors import InputError, told

Globals = Mapping[tuple[str, str], Any]


Step = Callable[[Any], None]


def _after(first: Step, code: bytes) -> Step:
    """What the unpickler does at a code, and something else before."""
    known: Step = pickle._Unpickler.dispatch[code[0]]

    def step(unpickler: SafeUnpickler) -> None:
        first(unpickler)
        known(unpickler)

    return step


def _count(taken: int) -> Step:
    return lambda unpickler: unpickler.count(taken)


def _count_arguments(unpickler: SafeUnpickler) -> None:
    """Our stand-ins copy what they are given."""
    for each in unpickler.stack[-1]:
        if hasattr(each, "__len__"):
            unpickler.count(len(each) * (1 if isinstance(each, str | bytes) else _MOST_AN_ITEM))


def _refuse(unpickler: SafeUnpickler) -> None:
    raise ValueError("a code that numbers and text don't need")


def _check(keys: Callable[[list[Any]], Iterable[Any]]) -> Step:
    """Of the stack above the last mark, these are going to be keys."""
    return lambda unpickler: _check_keys(keys(unpickler.stack))


def _check_keys(keys: Iterable[Any]) -> None:
    """Refuse keys that take long to be hashed, or that collide."""
    for key in keys:
        parts = key if type(key) is tuple and len(key) <= _LONGEST_KEY else (key,)
        if sum(not isinstance(part, str | bytes) for part in parts) > 1:
            raise ValueError("a key of several numbers")  # whose hashes can be chosen
        for part in parts:
            if not isinstance(part, _KEYS) or (isinstance(part, int) and abs(part) >= _LARGEST_KEY):
                raise ValueError(f"a key of type {type(part).__name__}, or a huge one")


def _check_state(unpickler: SafeUnpickler) -> None:
    """Only our own stand-in has one: what else is set would change what is there already."""
    made = unpickler.stack[-2]
    if not isinstance(made, _NumberType):
        raise ValueError(f"a state of {type(made).__name__}")


_TAKEN = {  # bytes of memory for one in the file, or little more
    pickle.EMPTY_LIST: 80, pickle.EMPTY_DICT: 80, pickle.EMPTY_SET: 232, pickle.MARK: 80,
    pickle.TUPLE1: 64, pickle.TUPLE2: 72, pickle.TUPLE3: 80, pickle.MEMOIZE: 110,
}  # fmt: skip
_MOST_AN_ITEM = 110  # bytes of memory, of a dictionary
_NEEDLESS = (
    pickle.BYTEARRAY8, pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX,
)  # fmt: skip
_FREE, _TIMES = 100_000_000, 30  # bytes of memory for any file, and for each byte of it


class SafeUnpickler(pickle._Unpickler):
    """Reads builtin containers, numbers and text, and the globals that the caller stands in for.

    A pickle may name any function of any installed package and have it called. Here a name is
    never imported: `allowed` gives, for each (module, name), the object that takes its place, and
    every other name is refused.

    It is the unpickler that is written in Python, at a third of the speed of the other: that one
    takes gigabytes for a large number in a memo, and keys that are made to collide stop it for
    ever. Keys are texts, numbers and short tuples of these, and what takes many times its bytes in
    memory is counted before it is made.
    """

    dispatch: ClassVar[dict[int, Step]] = {
        **pickle._Unpickler.dispatch,
        **{code[0]: _after(_count(taken), code) for code, taken in _TAKEN.items()},
        **{code[0]: _refuse for code in _NEEDLESS},
        **{
            code[0]: _after(first, code)
            for code, first in (
                (pickle.SETITEM, _check(lambda stack: stack[-2:-1])),
                (pickle.SETITEMS, _check(lambda stack: stack[::2])),
                (pickle.DICT, _check(lambda stack: stack[::2])),
                (pickle.ADDITEMS, _check(lambda stack: stack)),
                (pickle.FROZENSET, _check(lambda stack: stack)),
                (pickle.BUILD, _check_state),
                (pickle.REDUCE, _count_arguments),
            )
        },
    }

    def __init__(self, file: IO[bytes], allowed: Globals, source: str = "pickle") -> None:
        super().__init__(file)
        self.stack: list[Any]
        self._file = file
        self._allowed = {**_BUILTINS, **allowed}
        self._source = source
        self._taken = 0

    def count(self, taken: int) -> None:
        """Refuse to take so many bytes of memory more, where those read are too few for all."""
        self._taken += taken
        if self._taken > _FREE + _TIMES * self._file.tell():
            raise ValueError(f"{self._file.tell():,} bytes that become {self._taken:,} and more")

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
            raise InputError(
                f"{self._source}: not a readable pickle ({told(error)}); get the file anew"
            ) from None


def _dict(items: Iterable[tuple[Any, Any]] = ()) -> dict[Any, Any]:
    pairs = [(key, value) for key, value in items]
    _check_keys(key for key, _ in pairs)
    return dict(pairs)


def _set(items: Iterable[Any] = ()) -> set[Any]:
    found = list(items)
    _check_keys(found)
    return set(found)


def _frozenset(items: Iterable[Any] = ()) -> frozenset[Any]:
    return frozenset(_set(items))


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


_KEYS = (str, bytes, int, float, np.integer, np.floating, np.bool_, type(None))
_LONGEST_KEY = 8  # parts of a tuple
_LARGEST_KEY = 2**60  # smaller ones have hashes of their own
_BUILTINS: Globals = {
    ("_codecs", "encode"): _encode,
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in (("complex", complex), ("set", _set), ("frozenset", _frozenset))
    },
}
ORDERED_DICT: Globals = {("collections", "OrderedDict"): _dict}
NUMPY_SCALARS: Globals = {
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
