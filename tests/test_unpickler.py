"""The allow-list unpickler: numbers come through, code does not."""

import collections
import datetime
import os
import pickle
import subprocess

import numpy as np
import pytest

from archcast.benchmarks import unpickler
from archcast.benchmarks.unpickler import NUMPY_SCALARS, ORDERED_DICT, safe_loads
from archcast.core.errors import InputError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_builtins_pass_in_every_protocol(protocol):
    value = {"a": [1, 2.5, 10**30, None, True], (1, "é"): {2, 3}, "f": frozenset({1}), "c": 2j}
    assert safe_loads(pickle.dumps(value, protocol), {}) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "call",
    [
        Call(os.system, "touch ran"),
        Call(subprocess.Popen, ["touch", "ran"]),
        Call(eval, "open('ran', 'w')"),
        Call(exec, "open('ran', 'w')"),
        Call(getattr, dict, "fromkeys"),
        Call(__import__, "ran"),
    ],
    ids=lambda call: call.call[0].__name__,
)
def test_code_is_refused_and_not_run(call, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="refused to load") as caught:
        safe_loads(pickle.dumps([1, call], protocol), NUMPY_SCALARS | ORDERED_DICT, "some.file")
    assert str(caught.value).startswith("some.file: ")
    assert call.call[0].__name__ in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_names_inside_allowed_modules_and_objects_are_refused():
    for name in (b"multiarray.scalar", b"scalar.__globals__", b"_reconstruct", b"fromfile"):
        with pytest.raises(InputError, match="refused to load"):
            safe_loads(b"cnumpy.core.multiarray\n" + name + b"\n.", NUMPY_SCALARS)
    with pytest.raises(InputError, match=r"refused to load builtins\.dict\.fromkeys"):
        safe_loads(b"\x80\x04\x8c\x08builtins\x8c\x0ddict.fromkeys\x93.", ORDERED_DICT)


def test_harmless_globals_need_leave_too():
    data = pickle.dumps(collections.OrderedDict(a=1))
    with pytest.raises(InputError, match=r"collections\.OrderedDict"):
        safe_loads(data, {})
    assert safe_loads(data, ORDERED_DICT) == {"a": 1}
    date = datetime.date(2020, 1, 2)
    assert safe_loads(pickle.dumps(date), {("datetime", "date"): datetime.date}) == date


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
@pytest.mark.parametrize(
    "value",
    [np.float64(0.1), np.float32(-2), np.int64(-5), np.uint8(200), np.bool_(True),
     np.complex128(1 + 2j), np.float64(7).astype(">f8")],
)  # fmt: skip
def test_numpy_scalars_keep_value_and_type(value, protocol):
    data = pickle.dumps([value, value], protocol)
    for module in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        first, second = safe_loads(_renamed(data, module), NUMPY_SCALARS)
        assert first == second == value
        assert type(first) is type(value)


def _renamed(data, module):
    """The pickle as another version of numpy writes it, where names are not counted in bytes."""
    if b"cnumpy._core.multiarray\n" in data:
        return data.replace(b"numpy._core.multiarray", module)
    return data


def test_big_endian_scalars():
    data = b"".join(
        (b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR",
         b"(I3\nS'>'\nNNNI-1\nI-1\nI0\ntb", b"C\x08", np.array(1.5, ">f8").tobytes(), b"tR.")
    )  # fmt: skip
    assert safe_loads(data, NUMPY_SCALARS) == 1.5


def test_numpy_objects_are_refused():
    data = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O8'\nI0\nI1\ntRC\x08ABCDEFGHtR."
    with pytest.raises(InputError, match="'O8' are no plain numbers"):
        safe_loads(data, NUMPY_SCALARS)
    with pytest.raises(InputError):
        safe_loads(pickle.dumps(np.arange(3)), NUMPY_SCALARS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a pickle",
        pickle.dumps(list(range(1000)))[:-20],
        b"\x80\x04.",
        b"}K\x01b.",  # BUILD on a dict
        b"cbuiltins\nset\n(K\x01tR.",  # set(1)
        b"\x80\x02U\x01xQ.",  # a persistent id
        b"\x80\x02\x82\x01.",  # an extension
    ],
)
def test_broken_pickles_give_one_line(data):
    with pytest.raises(InputError, match=r"some\.file: not a readable pickle") as caught:
        safe_loads(data, NUMPY_SCALARS | ORDERED_DICT, "some.file")
    assert "\n" not in str(caught.value)


@pytest.fixture
def few(monkeypatch):
    """Any file takes ten thousand bytes of memory at most, beside those for its own bytes."""
    monkeypatch.setattr(unpickler, "_FREE", 10_000)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("code", [b"]", b"}", b"\x8f", b"(", b")\x94", b")\x85"])
def test_more_objects_than_bytes_tell_of_are_not_made(code):
    """Each takes a byte or two, and a hundred or two in memory."""
    data = b"\x80\x04" + code * 10_000
    with pytest.raises(InputError, match=r"[\d,]+ bytes that become [\d,]+ and more"):
        safe_loads(data, {})


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "function", [b"cbuiltins\nset\n", b"cbuiltins\nfrozenset\n", b"ccollections\nOrderedDict\n"]
)
def test_a_list_is_not_copied_again_and_again(function):
    """Five bytes a copy."""
    one = b"(K\x01K\x01t" if b"Ordered" in function else b"K\x01"
    whole = b"(" + one * 100 + b"lq\x01"
    data = whole + b"\x85q\x02" + function + b"q\x03" + b"h\x03h\x02R" * 100 + b"."
    with pytest.raises(InputError, match="bytes that become"):
        safe_loads(data, ORDERED_DICT)


@pytest.mark.usefixtures("few")
def test_a_text_is_not_encoded_again_and_again():
    text = b"X" + (10_000).to_bytes(4, "little") + b"a" * 10_000
    data = text + b"U\x06latin1\x86q\x02" + b"c_codecs\nencode\nq\x03" + b"h\x03h\x02R" * 100
    with pytest.raises(InputError, match="bytes that become"):
        safe_loads(data + b".", {})


def test_zeros_are_not_made_by_their_number():
    """Ten bytes for a hundred gigabytes."""
    with pytest.raises(InputError, match="don't need"):
        safe_loads(b"\x80\x05\x96" + (10**11).to_bytes(8, "little") + b".", {})


@pytest.mark.usefixtures("few")
def test_many_honest_numbers_are_read():
    """However dense they are: dictionaries of one number, and numpy's numbers."""
    value = [{"a": n / 7} for n in range(10_000)]
    scalars = [np.float64(n) for n in range(10_000)]
    for protocol in (2, 4):
        assert safe_loads(pickle.dumps(value, protocol), {}) == value
        assert safe_loads(pickle.dumps(scalars, protocol), NUMPY_SCALARS) == scalars
