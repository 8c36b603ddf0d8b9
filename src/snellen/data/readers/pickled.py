"""Reads the dict in a pickled batch as data, by Python's `pickletools`: nothing is imported, called or unpickled.

Protocols 2 to 4. Only what NumPy writes for a dict of lists and uint8 arrays is accepted.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pickletools import genops, opcodes
from typing import Any, NoReturn

import numpy as np

from snellen.errors import DataError, shown
from snellen.limits import MAX_BATCH_OPCODES

PROTOCOLS = range(2, 5)
MAX_NAME_BYTES = 256
LONG_TEXT_BYTES = 256
"""Longer text is the pixels, as Python 3 writes the bytes of Python 2."""

LAST_LATIN_1 = 0xC3
"""The largest byte of Latin-1 letters in UTF-8. With a single other letter Python stores every letter in 2 or 4
bytes."""


@dataclass(frozen=True)
class Reference:
    """A function or class of Python that a pickle names."""

    name: str


@dataclass
class PendingArray:
    """A uint8 array; None until its content is read."""

    values: np.ndarray | None = None


NDARRAY, DTYPE, BYTE_TYPE = Reference("numpy.ndarray"), Reference("numpy.dtype"), Reference("uint8")
RECONSTRUCT, ENCODE = Reference("numpy.core.multiarray._reconstruct"), Reference("_codecs.encode")
KNOWN = {reference.name: reference for reference in (NDARRAY, DTYPE, RECONSTRUCT, ENCODE)}
KNOWN["numpy._core.multiarray._reconstruct"] = RECONSTRUCT


def read_pickled(content: bytes) -> dict[str, Any]:
    """The dict that a pickle holds: text, bytes, numbers, lists, and uint8 arrays (np.ndarray).

    Raises DataError with the byte offset for anything else in the pickle, and for damage.
    """
    value = Machine(content).run()
    if not isinstance(value, dict):
        raise DataError("not a batch", found=type(value).__name__, expected="a dict with data and labels")
    return {_text(key): item.values if isinstance(item, PendingArray) else item for key, item in value.items()}


class CheckedStream(io.BytesIO):
    """The pickle as `genops` reads it. It calls `tell` before each opcode, which is when the opcode is checked. So
    nothing is decoded that batches do not need, or that would need many times the memory of the file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = memoryview(content)
        self.start = 0

    def tell(self) -> int:
        """The position of the next opcode. Raises DataError if the opcode is refused."""
        self.start = super().tell()
        name = NAMES[self.content[self.start]] if self.start < len(self.content) else "the end"
        if name in CHECKED:
            self._check(name, self.content[self.start + 1 :])
        return self.start

    def _check(self, name: str, argument: memoryview) -> None:
        if name == "refused":
            self.refuse("an opcode that no batch needs", f"0x{self.content[self.start]:02x}")
        if name == "GLOBAL":
            module, *names = bytes(argument[:MAX_NAME_BYTES]).split(b"\n", 2)
            if len(names) < 2:
                self.refuse("a name without an end", f"{MAX_NAME_BYTES} bytes")
            if b"\\" in module + names[0]:  # `genops` would warn of unknown escapes
                self.refuse("a name with a backslash", [module, names[0]])
        if name == "BINUNICODE":
            text = argument[4 : 4 + int.from_bytes(argument[:4], "little")]
            if len(text) >= LONG_TEXT_BYTES and np.frombuffer(text, np.uint8).max() > LAST_LATIN_1:
                self.refuse("long text with letters that no batch has", f"{len(text):,} bytes", "Latin-1")

    def refuse(self, problem: str, found: object, expected: object = None) -> NoReturn:
        """Raises DataError at the present opcode."""
        raise DataError(problem, found=found, expected=expected, where=f"byte {self.start}")


class Machine:
    """The stack machine of pickle, without imports and calls."""

    def __init__(self, content: bytes) -> None:
        self.stream = CheckedStream(content)
        self.refuse = self.stream.refuse
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.encoded_bytes = 0

    def run(self) -> Any:
        """The value at STOP, which must be the last byte."""
        try:
            for number, (opcode, argument, _) in enumerate(genops(self.stream), 1):
                if number > MAX_BATCH_OPCODES:
                    self.refuse("more opcodes than any batch needs", f"{number:,}", f"at most {MAX_BATCH_OPCODES:,}")
                OPCODES[opcode.name](self, argument)
        except DataError:
            raise
        except ValueError as error:
            self.refuse("a damaged pickle", error)
        end = self.stream.seek(0, io.SEEK_CUR)
        if end != len(self.stream.content):
            raise DataError("bytes after the end", found=f"{len(self.stream.content) - end:,}", where=f"byte {end - 1}")
        return self.pop()

    def pop(self) -> Any:
        """Takes the last value from the stack."""
        if not self.stack:
            self.refuse("nothing on the stack", "an empty stack")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Takes all values since the last mark."""
        if not self.marks or self.marks[-1] > len(self.stack):
            self.refuse("no mark on the stack", f"{len(self.marks)} marks")
        place = self.marks.pop()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def pop_some(self, count: int) -> list[Any]:
        """Takes the last `count` values, in the order in which they were pushed."""
        return [self.pop() for _ in range(count)][::-1]


def _text(value: Any) -> str:
    if not isinstance(value, (str, bytes)):
        raise DataError("a key that is not text", found=type(value).__name__)
    return value if isinstance(value, str) else value.decode("latin-1")


def _protocol(machine: Machine, version: int) -> None:
    if version not in PROTOCOLS:
        machine.refuse("unknown pickle protocol", version, f"{PROTOCOLS[0]} to {PROTOCOLS[-1]}")


def _ignore(machine: Machine, argument: object) -> None:
    """STOP, and FRAME, whose length is only for readers of a stream."""


def _push(machine: Machine, value: int) -> None:
    machine.stack.append(value)


def _push_new(make: Callable[[], Any]) -> Callable[[Machine, None], None]:
    return lambda machine, _: machine.stack.append(make())


def _push_bytes(machine: Machine, value: str | bytes) -> None:
    """`genops` gives the strings of Python 2 as text in Latin-1."""
    machine.stack.append(value if isinstance(value, bytes) else value.encode("latin-1"))


def _push_text(machine: Machine, value: str) -> None:
    if len(value) < LONG_TEXT_BYTES and not value.isascii():
        value.encode()  # raises UnicodeEncodeError, a ValueError, for surrogates
    machine.stack.append(value)


def _remember(machine: Machine, key: int | None) -> None:
    value = machine.pop()
    machine.memo[len(machine.memo) if key is None else key] = value
    machine.stack.append(value)


def _recall(machine: Machine, key: int) -> None:
    if key not in machine.memo:
        machine.refuse("a value that was never stored", f"number {key}")
    machine.stack.append(machine.memo[key])


def _append(machine: Machine, values: list[Any]) -> None:
    if not machine.stack or not isinstance(machine.stack[-1], list):
        machine.refuse("items for something that is no list", type(machine.pop()).__name__)
    machine.stack[-1].extend(values)


def _set_items(machine: Machine, values: list[Any]) -> None:
    if not machine.stack or not isinstance(machine.stack[-1], dict) or len(values) % 2:
        machine.refuse("items for something that is no dict", type(machine.pop()).__name__)
    machine.stack[-1].update((_text(key), value) for key, value in zip(values[::2], values[1::2], strict=True))


def _refer(machine: Machine, module: Any, name: Any) -> None:
    if not isinstance(module, str) or not isinstance(name, str):
        machine.refuse("a name that is not text", shown([module, name]), "a module and a name in it")
    full_name = f"{module}.{name}"
    if full_name not in KNOWN:
        expected = "numbers, text, lists, uint8 arrays"
        machine.refuse("a pickle that asks for Python code", full_name[:MAX_NAME_BYTES], expected)
    machine.stack.append(KNOWN[full_name])


def _call(machine: Machine, _: None) -> None:
    """Pushes the results of the few known calls; nothing is called."""
    function, arguments = machine.pop_some(2)
    match function, arguments:
        case Reference(RECONSTRUCT.name), (Reference(NDARRAY.name), (0,), b"b"):
            machine.stack.append(PendingArray())
        case Reference(DTYPE.name), (b"u1" | "u1", 0, 1):
            machine.stack.append(BYTE_TYPE)
        case Reference(ENCODE.name), (str() as text, "latin1"):
            machine.stack.append(_encode(machine, text))
        case _:
            called = function.name if isinstance(function, Reference) else shown(function)
            machine.refuse("a call that no batch needs", f"{called} of {shown(arguments)}", "uint8 arrays")


def _encode(machine: Machine, text: str) -> bytes:
    """The text as bytes; copies of a text that is stored once must not grow beyond the file."""
    machine.encoded_bytes += len(text)
    num_bytes = len(machine.stream.content)
    if machine.encoded_bytes > num_bytes:
        machine.refuse("more bytes than the file has", f"{machine.encoded_bytes:,}", f"{num_bytes:,}")
    return text.encode("latin-1")


def _build(machine: Machine, _: None) -> None:
    """Gives an array its content; the details of its type must be those of uint8."""
    state = machine.pop()
    match machine.stack[-1] if machine.stack else None, state:
        case Reference(BYTE_TYPE.name), (3, b"|" | "|", None, None, None, -1, -1, 0):
            pass
        case PendingArray() as array, (1, tuple() as shape, Reference(BYTE_TYPE.name), 0, bytes() as raw):
            if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) != len(raw):
                machine.refuse("an array of another length", f"{len(raw):,} bytes", f"shape {shown(shape)}")
            array.values = np.frombuffer(raw, np.uint8).reshape(shape)
        case target, _:
            machine.refuse("a state that no batch needs", type(target).__name__, "a uint8 array in C order")


OPCODES: dict[str, Callable[[Machine, Any], None]] = {
    **dict.fromkeys(("FRAME", "STOP"), _ignore),
    "PROTO": _protocol,
    "EMPTY_DICT": _push_new(dict),
    "EMPTY_LIST": _push_new(list),
    "EMPTY_TUPLE": _push_new(tuple),
    "NONE": _push_new(lambda: None),
    "NEWTRUE": _push_new(lambda: True),
    "NEWFALSE": _push_new(lambda: False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _push),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _push_bytes),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE"), _push_text),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.pop_some(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.pop_some(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.pop_some(3))),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _recall),
    "APPEND": lambda machine, _: _append(machine, machine.pop_some(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, machine.pop_some(2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_mark()),
    "GLOBAL": lambda machine, names: _refer(machine, *names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: _refer(machine, *machine.pop_some(2)),
    "REDUCE": _call,
    "BUILD": _build,
}
"""The effect of each opcode that batches need, by its name in `pickletools`."""

BY_CODE = {ord(opcode.code): opcode.name for opcode in opcodes if opcode.name in OPCODES}
NAMES = [BY_CODE.get(code, "refused") for code in range(256)]
CHECKED = ("refused", "GLOBAL", "BINUNICODE")
"""Checked before `genops` reads their arguments."""
