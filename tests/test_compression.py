"""Gzip bodies: as senders make them, damaged ones, and decompression bombs."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclogs.parsing.compression import gunzip
from synclogs.parsing.limits import Code, TooLarge, Unreadable

MIB = 1024 * 1024
ONE = gzip.compress(b"hello", mtime=0)  # the same at every collection of the tests


def raw(data: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(data) + packer.flush()


@given(st.lists(st.binary(max_size=2_000), min_size=1, max_size=5))
def test_all_members(parts: list[bytes]) -> None:
    assert gunzip(b"".join(map(gzip.compress, parts)), limit=MIB) == b"".join(parts)


def test_large_incompressible_and_named() -> None:
    noise = bytes((number * number >> 7) & 255 for number in range(100_000))
    assert gunzip(gzip.compress(noise, 0) + ONE, limit=MIB) == noise + b"hello"
    named = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03name\x00" + ONE[10:]
    assert gunzip(named, limit=5) == b"hello"


def test_limit() -> None:
    data = gzip.compress(b"x" * 1000)
    assert len(gunzip(data, limit=1000)) == 1000
    assert gunzip(gzip.compress(b""), limit=0) == b""
    for bad in (gzip.compress(b"x" * 1001), data + gzip.compress(b"x"), gzip.compress(b"x" * 100_000)):
        with pytest.raises(TooLarge) as caught:
            gunzip(bad, limit=1000)
        assert caught.value.code == Code.TOO_LARGE


def test_a_bomb_is_stopped_before_it_is_read() -> None:
    bomb = gzip.compress(b"\x00" * (50 * MIB))
    with pytest.raises(TooLarge):
        gunzip(bomb[: len(bomb) // 2], limit=20 * MIB)  # cut off later than the limit is reached


DAMAGED = {
    "nothing": b"",
    "plain text": b"hello",
    "zlib": raw(b"hello", 15),
    "deflate": raw(b"hello", -15),
    "header alone": ONE[:10],
    "half a header": ONE[:3],
    "no trailer": ONE[:-8],
    "half a trailer": ONE[:-1],
    "wrong sum": ONE[:-8] + bytes([ONE[-8] ^ 1]) + ONE[-7:],
    "wrong length": ONE[:-1] + b"\x01",
    "text behind": ONE + b"x",
    "noughts behind": ONE + b"\x00",
    "second member cut off": ONE + ONE[:-1],
    "second member damaged": ONE + ONE[:-5] + b"xxxxx",
    "wrong method": b"\x1f\x8b\x07" + ONE[3:],
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        gunzip(data, limit=MIB)
    assert (caught.value.code, type(caught.value)) == (Code.BAD_GZIP, Unreadable)


def test_many_members() -> None:
    assert gunzip(gzip.compress(b"") * 20_000 + ONE, limit=5) == b"hello"
