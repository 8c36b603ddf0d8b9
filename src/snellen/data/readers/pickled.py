"""What a pickled batch of arrays says, read as data: opcodes are walked, nothing is imported, called or unpickled.

Opcodes: Python's `pickletools`, protocols 2 to 4. Accepted is what NumPy and a dict of lists need, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import numpy as np

from snellen.errors import DataError, shown
from snellen.limits import MAX_BATCH_OPCODES

PROTOCOLS = range(2, 5)
VIEW_BYTES = 256
"""Strings from here on are views of the file's content, not copies: one of them is all the pixels."""


LAST_LATIN_1 = 0xC3
"""The largest byte of such letters in UTF-8. One letter beyond them and Python takes two to four bytes for each letter
of the text. Long text is the pixels, as Python 3 writes bytes for Python 2."""


@dataclass(frozen=True)
class Reference:
    """Something in Python that a pickle asks for by name."""

    name: str


@dataclass
class PendingArray:
    """A uint8 array; empty until its content is read."""

    values: np.ndarray | None = None


NDARRAY, DTYPE, BYTE_TYPE = Reference("numpy.ndarray"), Reference("numpy.dtype"), Reference("uint8")
RECONSTRUCT, ENCODE = Reference("numpy.core.multiarray._reconstruct"), Reference("_codecs.encode")
KNOWN = {reference.name: reference for reference in (NDARRAY, DTYPE, RECONSTRUCT, ENCODE)}
KNOWN["numpy._core.multiarray._reconstruct"] = RECONSTRUCT


def read_pickled(content: bytes) -> dict[str, Any]:
    """The dict that a pickle holds: text, bytes, numbers, lists, and uint8 arrays (np.ndarray).

    Raises DataError with the byte offset for anything else that a pickle can ask for, and for damage.
    """
    machine = Machine(memoryview(content))
    value = machine.run()
    if not isinstance(value, dict):
        raise DataError("not a batch", found=type(value).__name__, expected="a dict with data and labels")
    return {_text(key): item.values if isinstance(item, PendingArray) else item for key, item in value.items()}


class Machine:
    """A pickle's stack machine without the part that reaches into Python."""

    def __init__(self, content: memoryview) -> None:
        self.content = content
        self.position = self.start = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.encoded_bytes = 0

    def run(self) -> Any:
        """The value at STOP, which must be the last byte."""
        num_opcodes = 0
        while (code := self.take_opcode()) != STOP:
            num_opcodes += 1
            if num_opcodes > MAX_BATCH_OPCODES:
                self.refuse("more opcodes than any batch needs", f"{num_opcodes:,}", f"at most {MAX_BATCH_OPCODES:,}")
            if code not in OPCODES:
                self.refuse("an opcode that no batch needs", f"0x{code:02x}")
            OPCODES[code](self)
        if self.position != len(self.content):
            self.refuse("bytes after the end", f"{len(self.content) - self.position:,}")
        return self.pop()

    def take_opcode(self) -> int:
        """The next opcode; remembers where it stands."""
        self.start = self.position
        return self.number(1)

    def refuse(self, problem: str, found: object, expected: object = None) -> NoReturn:
        """Raises DataError at the opcode that is being read."""
        raise DataError(problem, found=found, expected=expected, where=f"byte {self.start}")

    def raw(self, num_bytes: int) -> bytes | memoryview:
        """The next bytes; declared lengths are compared with what is left before anything is copied."""
        left = len(self.content) - self.position
        if not 0 <= num_bytes <= left:
            self.refuse("the file ends early", f"{left:,} bytes", f"{num_bytes:,} bytes")
        part = self.content[self.position : self.position + num_bytes]
        self.position += num_bytes
        return part if num_bytes >= VIEW_BYTES else bytes(part)

    def number(self, num_bytes: int, signed: bool = False) -> int:
        """The next bytes as a little-endian integer."""
        return int.from_bytes(self.raw(num_bytes), "little", signed=signed)

    def line(self) -> str:
        """The text up to the next line end."""
        ends = bytes(self.content[self.position : self.position + VIEW_BYTES]).find(b"\n")
        if ends < 0:
            self.refuse("a name without an end", f"{VIEW_BYTES} bytes")
        return bytes(self.raw(ends + 1)[:-1]).decode("latin-1")

    def push(self, value: Any) -> None:
        """Puts a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Takes the last value from the stack."""
        if not self.stack:
            self.refuse("nothing on the stack", "an empty stack")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """All values since the last mark."""
        if not self.marks or self.marks[-1] > len(self.stack):
            self.refuse("no mark on the stack", f"{len(self.marks)} marks")
        place = self.marks.pop()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def pop_some(self, count: int) -> list[Any]:
        """The last `count` values, in the order they were pushed."""
        return [self.pop() for _ in range(count)][::-1]


def _text(value: Any) -> str:
    if not isinstance(value, (str, bytes)):
        raise DataError("a key that is not text", found=type(value).__name__)
    return value if isinstance(value, str) else value.decode("latin-1")


def _protocol(machine: Machine) -> None:
    version = machine.number(1)
    if version not in PROTOCOLS:
        machine.refuse("unknown pickle protocol", version, f"{PROTOCOLS[0]} to {PROTOCOLS[-1]}")


def _skip_frame(machine: Machine) -> None:
    """Its length only helps those who read from a stream."""
    machine.raw(8)


def _number(machine: Machine, num_bytes: int, signed: bool = False) -> None:
    machine.push(machine.number(num_bytes, signed))


def _bytes(machine: Machine, length_bytes: int) -> None:
    machine.push(machine.raw(machine.number(length_bytes)))


def _unicode(machine: Machine, length_bytes: int) -> None:
    raw = machine.raw(machine.number(length_bytes))
    if len(raw) >= VIEW_BYTES and np.frombuffer(raw, np.uint8).max() > LAST_LATIN_1:
        machine.refuse("long text with letters that no batch has", f"{len(raw):,} bytes", "Latin-1")
    try:
        machine.push(str(raw, "utf-8"))
    except UnicodeDecodeError as error:
        machine.refuse("text that is not UTF-8", error.reason)


def _constant(machine: Machine, make: Callable[[], Any]) -> None:
    machine.push(make())


def _mark(machine: Machine) -> None:
    machine.marks.append(len(machine.stack))


def _tuple(machine: Machine, count: int) -> None:
    machine.push(tuple(machine.pop_some(count)))


def _tuple_since_mark(machine: Machine) -> None:
    machine.push(tuple(machine.pop_mark()))


def _remember(machine: Machine, key_bytes: int) -> None:
    key = machine.number(key_bytes) if key_bytes else len(machine.memo)
    value = machine.pop()
    machine.memo[key] = value
    machine.push(value)


def _recall(machine: Machine, key_bytes: int) -> None:
    key = machine.number(key_bytes)
    if key not in machine.memo:
        machine.refuse("a value that was never stored", f"number {key}")
    machine.push(machine.memo[key])


def _append(machine: Machine, values: list[Any]) -> None:
    target = machine.pop()
    if not isinstance(target, list):
        machine.refuse("items for something that is no list", type(target).__name__)
    target += values
    machine.push(target)


def _set_items(machine: Machine, values: list[Any]) -> None:
    target = machine.pop()
    if not isinstance(target, dict) or len(values) % 2:
        machine.refuse("items for something that is no dict", type(target).__name__)
    target.update((_text(key), value) for key, value in zip(values[::2], values[1::2], strict=True))
    machine.push(target)


def _reference(machine: Machine, module: Any, name: Any) -> None:
    if not isinstance(module, str) or not isinstance(name, str):
        machine.refuse("a name that is not text", shown([module, name]), "a module and a name in it")
    wanted = f"{module}.{name}"
    if wanted not in KNOWN:
        machine.refuse("a pickle that asks for Python code", wanted[:VIEW_BYTES], "numbers, text, lists, uint8 arrays")
    machine.push(KNOWN[wanted])


def _call(machine: Machine) -> None:
    """What the few known calls would give; nothing is called."""
    function, arguments = machine.pop_some(2)
    match function, arguments:
        case Reference(RECONSTRUCT.name), (Reference(NDARRAY.name), (0,), b"b"):
            machine.push(PendingArray())
        case Reference(DTYPE.name), (b"u1" | "u1", 0, 1):
            machine.push(BYTE_TYPE)
        case Reference(ENCODE.name), (str() as text, "latin1"):
            machine.push(_encode(machine, text))
        case _:
            found = f"{_called(function)} of {shown(arguments)}"
            machine.refuse("a call that no batch needs", found, "uint8 arrays")


def _called(function: Any) -> str:
    return function.name if isinstance(function, Reference) else shown(function)


def _encode(machine: Machine, text: str) -> bytes:
    machine.encoded_bytes += len(text)
    if machine.encoded_bytes > len(machine.content):
        machine.refuse("more bytes than the file has", f"{machine.encoded_bytes:,}", f"{len(machine.content):,}")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        machine.refuse("bytes that are no bytes", error.reason)


def _fill(machine: Machine) -> None:
    """The content of an array, or the details of its type."""
    target, state = machine.pop_some(2)
    match target, state:
        case Reference(BYTE_TYPE.name), (3, b"|" | "|", None, None, None, -1, -1, 0):
            pass
        case PendingArray(), (1, tuple() as shape, Reference(BYTE_TYPE.name), 0, bytes() | memoryview() as raw):
            if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) != len(raw):
                machine.refuse("an array of another length", f"{len(raw):,} bytes", f"shape {shown(shape)}")
            target.values = np.frombuffer(raw, np.uint8).reshape(shape)
        case _:
            machine.refuse("a state that no batch needs", type(target).__name__, "a uint8 array in C order")
    machine.push(target)


STOP = ord(".")
OPCODES: dict[int, Callable[[Machine], None]] = {
    0x80: _protocol,
    0x95: _skip_frame,
    ord("}"): partial(_constant, make=dict),
    ord("]"): partial(_constant, make=list),
    ord(")"): partial(_constant, make=tuple),
    ord("N"): partial(_constant, make=lambda: None),
    0x88: partial(_constant, make=lambda: True),
    0x89: partial(_constant, make=lambda: False),
    ord("K"): partial(_number, num_bytes=1),
    ord("M"): partial(_number, num_bytes=2),
    ord("J"): partial(_number, num_bytes=4, signed=True),
    ord("U"): partial(_bytes, length_bytes=1),
    ord("T"): partial(_bytes, length_bytes=4),
    ord("C"): partial(_bytes, length_bytes=1),
    ord("B"): partial(_bytes, length_bytes=4),
    0x8E: partial(_bytes, length_bytes=8),
    ord("X"): partial(_unicode, length_bytes=4),
    0x8C: partial(_unicode, length_bytes=1),
    ord("("): _mark,
    ord("t"): _tuple_since_mark,
    0x85: partial(_tuple, count=1),
    0x86: partial(_tuple, count=2),
    0x87: partial(_tuple, count=3),
    ord("q"): partial(_remember, key_bytes=1),
    ord("r"): partial(_remember, key_bytes=4),
    0x94: partial(_remember, key_bytes=0),
    ord("h"): partial(_recall, key_bytes=1),
    ord("j"): partial(_recall, key_bytes=4),
    ord("a"): lambda machine: _append(machine, machine.pop_some(1)),
    ord("e"): lambda machine: _append(machine, machine.pop_mark()),
    ord("s"): lambda machine: _set_items(machine, machine.pop_some(2)),
    ord("u"): lambda machine: _set_items(machine, machine.pop_mark()),
    ord("c"): lambda machine: _reference(machine, machine.line(), machine.line()),
    0x93: lambda machine: _reference(machine, *machine.pop_some(2)),
    ord("R"): _call,
    ord("b"): _fill,
}
