"""JSON decoder that holds every structural limit of an entry.

Input: text or a line. Returns a value, with a Problem in the place of a value that breaks a limit. Knows nothing of what an entry
means.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from synclogs.parsing.limits import LIMITS, Code

BOM = b"\xef\xbb\xbf"
BLANK = " \t\n\r"  # what JSON takes for white space


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that is refused for its form. `value` is what could be read of it, if anything."""

    code: Code
    pointer: str
    detail: str
    value: object = None


@dataclass(frozen=True, slots=True, eq=False)
class _Fault:
    """Placeholder for an unacceptable part of a value, so that its position can be reported."""

    code: Code
    detail: str
    key: str | None = None  # the key at fault, when the fault is an object's
    inside: object = None


# NUL, or a surrogate that may lack its other half; only an escape can bring either into strict UTF-8.
_UNSAFE_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_BLANK_BYTES = BLANK.encode()
_TOO_DEEP = f"The entry is nested deeper than {LIMITS.depth} objects and arrays."


def cleaned(text: str) -> str:
    """`text` with U+FFFD in the place of NUL and lone surrogates, which PostgreSQL cannot hold."""
    return _UNSAFE.sub("\ufffd", text)


def shown(value: object) -> str:
    """Input as it may stand in a sentence: at most 80 printable ASCII characters."""
    if isinstance(value, str):
        text = ascii(value[:80])
        return text if len(text) <= 80 and len(value) <= 80 else f"{text[:72]}...{text[0]}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    return "an object" if isinstance(value, dict) else "an array"


def pointer(path: list[str]) -> str:
    """The JSON pointer (RFC 6901) to `path`; to the nearest parent that fits when it grows beyond 300 characters."""
    text = ""
    for name in path:
        longer = f"{text}/{cleaned(name).replace('~', '~0').replace('/', '~1')}"
        if len(longer) > 300:
            break
        text = longer
    return text


def too_large(size: int) -> Problem:
    detail = f"The entry is {size} bytes long; at most {LIMITS.entry_bytes} are accepted."
    return Problem(Code.ENTRY_TOO_LARGE, "", detail)


class Scanner:
    """Reads single JSON values with the standard library's C scanner. Not to be shared between threads.

    Its hooks never raise, since that would cost the neighbours: they leave a _Fault where the value should be.
    """

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=self._constant,
        )
        self._forget()

    def _forget(self) -> None:
        self._keys = 0
        self._fault: _Fault | None = None  # the first one; what comes after it only has to be quick

    def read(self, text: str, start: int) -> tuple[object, int, bool]:
        """The value at `start` or its Problem, where it ends, and whether it may hold NUL or lone surrogates.

        Raises json.JSONDecodeError. Nesting beyond what the C stack takes is a Problem with no end, -1.
        """
        self._forget()
        try:
            value, end = self._decoder.raw_decode(text, start)
        except RecursionError:
            return Problem(Code.TOO_DEEP, "", _TOO_DEEP), -1, False
        if (
            self._fault is not None
            or self._keys > LIMITS.keys
            or (end - start) * 4 > LIMITS.entry_bytes
            or text.count("{", start, end) + text.count("[", start, end) > LIMITS.depth
        ):
            value = self._judged(value, text[start:end])
        unsafe = text.find("\\u", start, end) >= 0 and _UNSAFE_ESCAPE.search(text, start, end) is not None
        return value, end, unsafe

    def line(self, line: bytes) -> tuple[object, bool]:
        """The value of one line, or its Problem, and whether it may hold NUL or lone surrogates."""
        line = line.strip(_BLANK_BYTES).removeprefix(BOM)
        if len(line) > LIMITS.entry_bytes:
            return too_large(len(line)), False
        try:
            text = str(line, "utf-8")
            value, end, unsafe = self.read(text, 0)
        except UnicodeDecodeError as error:
            return Problem(Code.BAD_UTF8, "", f"The line is not UTF-8 at byte {error.start}."), False
        except json.JSONDecodeError as error:
            return Problem(Code.BAD_JSON, "", f"The line is not JSON: {error.msg} at character {error.pos}."), False
        if 0 <= end < len(text):
            return Problem(Code.BAD_JSON, "", f"The line goes on after its value at character {end}."), False
        return value, unsafe

    def _judged(self, value: object, text: str) -> object:
        """The value, or its Problem, when the quick looks of `read` could not tell."""
        size = len(text.encode())
        if size > LIMITS.entry_bytes:
            return too_large(size)
        if _deeper(value, LIMITS.depth):
            return Problem(Code.TOO_DEEP, "", _TOO_DEEP, value)
        if self._keys > LIMITS.keys:
            detail = f"The entry has {self._keys} keys; at most {LIMITS.keys} are accepted."
            return Problem(Code.TOO_MANY_KEYS, "", detail, value)
        if self._fault is not None:
            root = value.inside if isinstance(value, _Fault) else value
            return Problem(self._fault.code, _pointer_to(self._fault, value), self._fault.detail, root)
        return value

    def _object(self, pairs: list[tuple[str, object]]) -> object:
        if not pairs:
            return {}
        self._keys += len(pairs)
        values = dict(pairs)
        if self._fault is not None:
            return values
        if len(values) != len(pairs):
            key = Counter(key for key, _ in pairs).most_common(1)[0][0]
            self._fault = _Fault(Code.REPEATED_KEY, f"The key {shown(key)} comes more than once.", key, values)
            return self._fault
        names = "".join(values)
        if len(names) > LIMITS.key_bytes or not names.isascii():
            for key in values:
                size = len(key.encode(errors="surrogatepass"))
                if size > LIMITS.key_bytes:
                    detail = f"A key is {size} bytes long; at most {LIMITS.key_bytes} are accepted."
                    self._fault = _Fault(Code.KEY_TOO_LONG, detail, key, values)
                    return self._fault
        return values

    def _integer(self, text: str) -> object:
        if len(text) <= 18:  # cannot reach the limit
            return int(text)
        if len(text) > LIMITS.number_characters:
            return self._too_long(text)
        number = int(text)
        return number if abs(number) <= LIMITS.number else self._too_large(text)

    def _float(self, text: str) -> object:
        if len(text) > LIMITS.number_characters:
            return self._too_long(text)
        number = float(text)
        size = abs(number)
        if 1e-20 <= size < 1e18:  # seventeen digits and twenty noughts at most
            return number
        if size >= 1e18:
            return number if size == 1e18 and abs(Decimal(text)) <= LIMITS.number else self._too_large(text)
        if size:
            digits, _, exponent = repr(number).replace(".", "").partition("e-")
            return self._too_long(text) if len(digits) + int(exponent) + 1 > LIMITS.number_characters else number
        # Nought, or so small that it was read as nought.
        return self._too_long(text) if text.lower().partition("e")[0].strip("-0.") else number

    def _constant(self, text: str) -> _Fault:
        return self._number_fault(Code.NOT_A_NUMBER, text, "is no JSON number")

    def _too_large(self, text: str) -> _Fault:
        return self._number_fault(Code.NUMBER_TOO_LARGE, text, "is beyond 1e18 or -1e18")

    def _too_long(self, text: str) -> _Fault:
        limit = LIMITS.number_characters
        return self._number_fault(Code.NUMBER_TOO_LONG, text, f"takes more than {limit} characters, written out")

    def _number_fault(self, code: Code, text: str, words: str) -> _Fault:
        if self._fault is None:
            number = text if len(text) <= LIMITS.number_characters else f"{text[: LIMITS.number_characters]}..."
            self._fault = _Fault(code, f"{number} {words}.")
        return self._fault


def _deeper(value: object, limit: int) -> bool:
    """Whether arrays and objects are nested more than `limit` deep; layer by layer, so no depth is too much."""
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        layer = [
            child
            for parent in layer
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
    return bool(layer)


def _pointer_to(fault: _Fault, root: object) -> str:
    """Where `fault` stands; the root when a repeated key has swallowed it. Call it for what is not too deep."""
    path = _path_to(fault, root)
    if path is None:
        return ""
    return pointer(path if fault.key is None else [*path, fault.key])


def _path_to(fault: _Fault, value: object) -> list[str] | None:
    if value is fault:
        return []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if isinstance(child, (dict, list, _Fault)):
            path = _path_to(fault, child)
            if path is not None:
                return [str(name), *path]
    return None
