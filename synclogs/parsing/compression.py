"""Gzip decompression: all members, strict to the last byte, never more than the limit in memory."""

import zlib

from synclogs.parsing.limits import Code, TooLarge, Unreadable

# What follows a member is copied when the member ends; small bites keep thousands of tiny members linear.
_BITE = 4096
_GZIP = 31  # zlib's way to say: a gzip header and trailer, and nothing else


def gunzip(data: bytes, *, limit: int) -> bytes:
    """All members of `data`. Raises TooLarge once more than `limit` bytes come out, Unreadable when cut off or wrong."""
    parts: list[bytes] = []
    size = position = 0
    while position < len(data) or not parts:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            bite = data[position : position + _BITE]
            if not bite:
                raise Unreadable(Code.BAD_GZIP, "The gzip data is cut off.")
            try:
                part = member.decompress(bite, limit + 1 - size)
            except zlib.error:
                raise Unreadable(Code.BAD_GZIP, "The body is not gzip, or is damaged.") from None
            position += len(bite) - len(member.unused_data)
            size += len(part)
            if size > limit:
                raise TooLarge(Code.TOO_LARGE, f"The body inflates to more than {limit} bytes.")
            parts.append(part)
    return b"".join(parts)
