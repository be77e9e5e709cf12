"""Words of an entry as numbers, for the index that finds a word anywhere: texts in, signed 32-bit hashes out.

The hash holds the project, so that a search of one never meets the entries of another. Pure; two words may share a number
once in four thousand million times, which nothing here tells apart.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from synclogs.parsing.records import Record

MOST = 1000  # different words of one entry; what comes after them is not found by words
_UUID = re.compile(r"(?<![^\W_])([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-([0-9a-f]{12})(?![^\W_])")
_WORD = re.compile(r"[^\W_]+")
# Numbers of the summary and of retries are counts, not names of anything.
_COUNTED = {"summary", "error"}


def folded(text: str) -> str:
    """Without the differences that a search passes over: case, width, ways to write an accent."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def words(text: str) -> list[str]:
    """The words of a text in its order: runs of letters and digits, in lower case.

    Of a UUID only the first and the last group: five groups would be five words for what is one name.
    """
    text = folded(text)
    if text.count("-") >= 4:
        text = _UUID.sub(r"\1 \2", text)
    return _WORD.findall(text)


def hashed(project_id: int, word: str) -> int:
    return int.from_bytes(sha256(f"{project_id} {word}".encode()).digest()[:4], signed=True)


@lru_cache(maxsize=1 << 16)
def _written(project_id: int, word: str) -> str:
    """As it stands in an array: writing numbers out is half of the work."""
    return str(hashed(project_id, word))


@lru_cache(maxsize=1 << 14)
def _known(project_id: int, *texts: str) -> frozenset[str]:
    """The words of texts that come again and again: the names of a sync, a template of a message."""
    return frozenset([_written(project_id, word) for word in words(" ".join(texts))])


def of(project_id: int, record: Record) -> set[str]:
    """The numbers of all words of a record, written out; at most MOST of them."""
    named = _known(
        project_id,
        *(record.sync_id, record.credential_id, record.user_id, record.integration, record.pipeline),
        *(record.event, record.error_code),
    )
    found = {*named, *_known(project_id, record.message)}
    rest = f"{record.entry_id} {record.trace_id}"
    if record.detail != b"{}":
        rest = " ".join((rest, *_texts(msgspec.json.decode(record.detail))))
    for word in words(rest):
        if len(found) >= MOST:
            break
        found.add(_written(project_id, word))
    return found


def _texts(values: dict[str, Any]) -> Iterator[str]:
    """The texts of the payload, and the whole numbers in it that may name something."""
    for key, value in values.items():
        yield from _leaves(value, numbers=key not in _COUNTED)


def _leaves(value: object, *, numbers: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child, numbers=numbers)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, numbers=numbers)
    elif numbers and isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def array(numbers: Iterable[str]) -> str:
    """As PostgreSQL writes an int4[]."""
    return f"{{{','.join(numbers)}}}"
