"""Streaming reader of JSON bodies: the values of an array or object, one after another, in the memory of a window.

Input: bytes. Yields decoded values. Values that are too large or too deep are skipped unread. Raises Unreadable for anything
that is no JSON, and nothing else.

By hand, since msgspec.Raw takes or refuses a body as a whole: one NaN or one lone surrogate would cost all of its entries,
and 20 MiB of brackets would take 480 MiB. It is no quicker either, as reading the entries takes the time.
"""

import json
import re
from array import array
from collections.abc import Iterator
from itertools import accumulate, compress, count, islice
from typing import NoReturn

from synclogs.parsing.decoding import BLANK, BOM, Scanner, too_large
from synclogs.parsing.limits import LIMITS, Code, Unreadable

_BLANKS = re.compile(f"[{BLANK}]*")
# A window holds any acceptable entry that starts in its first half, even when each character takes four bytes.
WINDOW = 8 * LIMITS.entry_bytes


class Source:
    """A JSON body, read value by value through a window of text that slides over the bytes.

    So a body of any size takes the memory of its window, and an entry that is too large or too deep is stepped over
    without being built. Every fault between the values is Unreadable: there is no way to find the next one.
    """

    def __init__(self, data: bytes, scanner: Scanner) -> None:
        self._data = data
        self._scanner = scanner
        self._text = ""
        self._index = 0  # where we are in the window
        self._start = self._end = 0  # the bytes that the window covers
        self._known = 0, 0  # a character of the window and its byte
        self.rewind()

    def rewind(self) -> None:
        """Back to the start; a byte order mark there is passed over."""
        self._slide(len(BOM) if self._data.startswith(BOM) else 0)

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            if self._index < len(self._text) and self._text[self._index] not in BLANK:
                return self._text[self._index]
            blanks = _BLANKS.match(self._text, self._index)
            self._index = blanks.end() if blanks else self._index
            if self._index < len(self._text):
                return self._text[self._index]
            if self._end == len(self._data):
                return ""
            self._slide(self._end)

    def expect(self, *characters: str) -> str:
        """Steps over the next character, which has to be one of these; "" is the end of the body."""
        found = self.peek()
        if found not in characters:
            expected = " or ".join(repr(character) if character else "the end" for character in characters)
            self._fail(f"Expecting {expected}", self._offset(self._index))
        self._index += 1
        return found

    def value(self) -> tuple[object, bool]:
        """The next value or its Problem, and whether it may hold NUL or lone surrogates."""
        self.peek()
        last = self._end == len(self._data)
        if not last and len(self._text) - self._index <= LIMITS.entry_bytes:
            self._slide(self._offset(self._index))
            last = self._end == len(self._data)
        begin = self._index
        try:
            value, self._index, unsafe = self._scanner.read(self._text, begin)
        except json.JSONDecodeError as error:
            # Whatever fails in the last window is wrong; in others it may only have been cut by the window's edge.
            place = self._offset(error.pos)
            if last or (size := self._skip(begin)) <= LIMITS.entry_bytes:
                self._fail(error.msg, place)
            return too_large(size), False
        # Too deep to find its end, or maybe a number that goes on behind the window.
        if self._index < 0 or (self._index == len(self._text) and not last):
            size = self._skip(begin)
            return (too_large(size) if size > LIMITS.entry_bytes else value), False
        return value, unsafe

    def items(self) -> Iterator[tuple[object, bool]]:
        """What value() gives for each item of the array that begins here."""
        self.expect("[")
        if self.peek() == "]":
            self._index += 1
            return
        while True:
            yield self.value()
            if self.expect(",", "]") == "]":
                return

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller reads the value of a key or leaves it."""
        self.expect("{")
        if self.peek() == "}":
            self._index += 1
            return
        while True:
            if self.peek() != '"':
                self._fail("Expecting property name enclosed in double quotes", self._offset(self._index))
            key = self.value()[0]
            self.expect(":")
            self.peek()
            place = self._start, self._index
            yield str(key)
            if place == (self._start, self._index):
                self.value()
            if self.expect(",", "}") == "}":
                return

    def _slide(self, start: int) -> None:
        data = self._data
        end = min(start + WINDOW, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80 and end > start + WINDOW - 4:
            end -= 1  # not through the middle of a character
        try:
            self._text = str(data[start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(Code.BAD_UTF8, f"The body is not UTF-8 at byte {start + error.start}.") from None
        self._index = 0
        self._start, self._end = start, end
        self._known = 0, start

    def _offset(self, index: int) -> int:
        """The byte of the character at `index`, counted from the last one asked for: a thousand questions stay linear."""
        known, offset = self._known if self._known[0] <= index else (0, self._start)
        self._known = index, offset + len(self._text[known:index].encode())
        return self._known[1]

    def _skip(self, index: int) -> int:
        """Moves behind the value at `index` without reading it; returns its size in bytes."""
        begin = self._offset(index)
        end = end_of(self._data, begin)
        if end < 0:
            raise Unreadable(Code.BAD_JSON, f"The body ends inside the value that starts at byte {begin}.")
        if end <= self._end:
            self._index = index + len(str(self._data[begin:end], "utf-8"))
        else:
            self._slide(end)
        return end - begin

    def _fail(self, message: str, place: int) -> NoReturn:
        raise Unreadable(Code.BAD_JSON, f"The body is not JSON: {message} at byte {place}.")


_CHUNK = 16 * 1024
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^,\]}\s]*")
_OTHERS = bytes(set(range(256)) - set(b"[{]}"))
_CLOSING = b"\xff"  # -1 as a signed byte
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01" + _CLOSING * 2)
_BRACKETS = bytes(byte in b"[{]}" for byte in range(256))


def end_of(data: bytes, start: int) -> int:
    """Where the JSON value at `start` ends, -1 when it does not. Looks at quotes and brackets only.

    Going from bracket to bracket takes seconds for 20 MiB of them, so all the work on a chunk is done by calls in C:
    escapes out, split at the quotes, brackets of every other part to +1 and -1, and where their sum reaches nought.
    """
    opening = data[start : start + 1]
    if opening not in (b"[", b"{"):
        found = (_STRING if opening == b'"' else _SCALAR).match(data, start)
        return found.end() if found else -1
    depth, position, inside = 1, start + 1, False
    while position < len(data):
        chunk = data[position : position + _CHUNK]
        if (len(chunk) - len(chunk.rstrip(b"\\"))) % 2:
            chunk = data[position : position + len(chunk) + 1]  # keep an escape whole
        parts = chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__").split(b'"')
        steps = b"".join(parts[inside::2]).translate(_STEPS, _OTHERS)
        closing = steps.count(_CLOSING)
        if closing >= depth:
            depths = accumulate(array("b", steps), initial=depth)
            brackets = next((count for count, reached in enumerate(depths) if not reached), 0)
            if brackets:
                return position + _behind(brackets, parts, inside=inside)
        depth += len(steps) - 2 * closing
        inside ^= len(parts) % 2 == 0
        position += len(chunk)
    return -1


def _behind(brackets: int, parts: list[bytes], *, inside: bool) -> int:
    """The place behind that many brackets of what stood outside of quotes; there are as many."""
    number = int(inside)
    position = sum(len(part) + 1 for part in parts[:number])
    while (found := len(parts[number].translate(None, _OTHERS))) < brackets:
        brackets -= found
        position += len(parts[number]) + len(parts[number + 1]) + 2
        number += 2
    return position + next(islice(compress(count(1), parts[number].translate(_BRACKETS)), brackets - 1, None))
