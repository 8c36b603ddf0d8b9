"""Protects the reading of pickled batches without unpickling: what NumPy writes is read, whatever else is refused."""

from __future__ import annotations

import os
import pickle
import subprocess
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import data_cases as cases
import numpy as np
import pytest

from snellen.data.readers.pickled import read_pickled
from snellen.errors import DataError

PIXELS = np.arange(6000, dtype=np.uint8).reshape(2, 3000)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_pickle_and_numpy_write(protocol: int) -> None:
    labels = list(range(300))
    batch = {"data": PIXELS, b"labels": labels, "names": ["a.png", "ä.png"], "many": [70_000, -1, None, True]}
    found = read_pickled(pickle.dumps(batch, protocol))
    np.testing.assert_array_equal(found["data"], PIXELS)
    assert found["labels"] == labels and found["names"] == batch["names"] and found["many"] == batch["many"]


def test_what_python_2_wrote() -> None:
    content = cases.python_2_batch(PIXELS, [1, 2])
    batch = read_pickled(content)
    np.testing.assert_array_equal(batch["data"], PIXELS)
    assert batch["labels"] == [1, 2]
    assert pickle.loads(content, encoding="bytes")[b"labels"] == [1, 2]  # the test's own bytes are a real pickle


class Reduced:
    """Asks for a call when it is unpickled."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return self.parts


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "value",
    [
        Reduced(os.system, ("touch sprung",)),
        Reduced(eval, ("open('sprung', 'w')",)),
        Reduced(subprocess.Popen, (["touch", "sprung"],)),
        Reduced(np.load, ("sprung",)),
        Reduced(getattr, ("np", "load")),
        OrderedDict(a=1),
        {1, 2},
        1.5,
        Path("sprung"),
        np.zeros(3, np.float32),
        np.array([{}], dtype=object),
        np.asfortranarray(PIXELS),
        np.zeros(2, np.uint8).view(np.recarray),
        np.uint8(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused(value: Any, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"byte \d+: "):
        read_pickled(pickle.dumps({"data": value}, protocol))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"byte 0: a damaged pickle; found pickle exhausted before seeing STOP"),
        (b"\x80\x05.", r"unknown pickle protocol; found 5; expected 2 to 4"),
        (b"\x80\x02}", r"byte 3: a damaged pickle; found pickle exhausted"),
        (b"\x80\x02]." + b"x", r"byte 3: bytes after the end; found 1"),
        (b"\x80\x02].", r"not a batch; found list"),
        (b"\x80\x02.", r"nothing on the stack"),
        (b"\x80\x02u.", r"no mark on the stack"),
        (
            b"\x80\x02}T\xff\xff\xff\x7f.",
            r"byte 3: a damaged pickle; found expected 2147483647 bytes.*but only 1 remain",
        ),
        (b"\x80\x02}\x8e" + b"\xff" * 8, r"byte 3: a damaged pickle; found bytes8 byte count > sys.maxsize"),
        (b"\x80\x02cos\nsystem\n.", r"byte 2: a pickle that asks for Python code; found os.system; expected numbers"),
        (b"\x80\x02c" + b"a" * 999, r"a name without an end"),
        (b"\x80\x02h\x07.", r"a value that was never stored; found number 7"),
        (b"\x80\x02K\x01K\x02a.", r"items for something that is no list; found int"),
        (b"\x80\x02}(]K\x01u.", r"a key that is not text; found list"),
        (b"\x80\x02i.", r"byte 2: an opcode that no batch needs; found 0x69"),
        (b"\x80\x02L" + b"9" * 9999 + b"\n.", r"byte 2: an opcode that no batch needs; found 0x4c"),
        (b"\x80\x02\xff.", r"byte 2: an opcode that no batch needs; found 0xff"),
        (b"\x80\x02}X\x03\0\0\0\xed\xa0\x80K\x01s.", r"byte 3: a damaged pickle; found 'utf-8'.*surrogates"),
        (b"\x80\x02}X\x02\0\0\0\xc3\x28K\x01s.", r"byte 3: a damaged pickle; found 'utf-8'"),
        (b"\x80\x02cnumpy\\q\nndarray\n.", r"byte 2: a name with a backslash"),
    ],
)
def test_damage(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pickled(content)


def test_copies_by_reference_do_not_grow() -> None:
    """A text stored once and encoded a thousand times would be a bomb."""
    encode = b"c_codecs\nencode\nq\x02"
    content = b"\x80\x02X" + (100_000).to_bytes(4, "little") + b"a" * 100_000 + b"q\x01X\x06\0\0\0latin1q\x03" + encode
    bomb = content + b"h\x02h\x01h\x03\x86R" * 1000 + b"."
    with pytest.raises(DataError, match=r"more bytes than the file has"):
        read_pickled(bomb)


def nested(depth: int) -> bytes:
    """A tuple of 2 to the `depth` items, each level twice the one below it through the memo."""
    return b"U\x01xq\x00" + b"".join(b"h%ch%c\x86q%c" % (level, level, level + 1) for level in range(depth))


BOMBS = {
    "the arguments of a call": b"\x80\x02cnumpy\ndtype\n" + nested(40) + b"\x85R.",
    "what is called": b"\x80\x02" + nested(40) + b")R.",
    "the module of a name": b"\x80\x04" + nested(40) + b"U\x01x\x93.",
    "the name in a module": b"\x80\x04U\x01x" + nested(40) + b"\x93.",
    "a shape": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01"
    + nested(40)
    + b"cnumpy\ndtype\nU\x02u1K\0K\x01\x87RK\x00U\x00tb.",
    "a key": b"\x80\x02}" + nested(40) + b"K\x01s.",
    "the whole": b"\x80\x02" + nested(40) + b".",
}


@pytest.mark.timeout(60)  # formatted whole, they take for ever
@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_values_are_not_formatted_whole(content: bytes) -> None:
    """250 bytes that would be a million million items of text."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as error:
            read_pickled(content)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("shape", [b"\x88\x88", b"K\x01\x88", b"NK\x01", b"J\xff\xff\xff\xffJ\xff\xff\xff\xff"])
def test_a_shape_is_numbers(shape: bytes) -> None:
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01" + shape + b"\x86"
    kind = b"cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\3U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    with pytest.raises(DataError, match="an array of another length"):
        read_pickled(b"\x80\x02}U\x04data" + array + kind + b"K\x00U\x01xtbs.")


def test_opcodes_are_counted() -> None:
    with pytest.raises(DataError, match=r"more opcodes than any batch needs; found 2,000,001"):
        read_pickled(b"\x80\x02" + b"N" * 3_000_000)


def test_one_wide_letter_does_not_multiply_long_text() -> None:
    text = "\N{GRINNING FACE}" + "a" * 2**20
    content = b"\x80\x02}X\x01\x00\x00\x00aX" + len(text.encode()).to_bytes(4, "little") + text.encode() + b"s."
    tracemalloc.start()
    with pytest.raises(DataError, match="long text with letters that no batch has"):
        read_pickled(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
