"""UUIDs as people and programs write them: the one reader of text as a UUID."""

import re
from uuid import UUID

UUID_TEXT = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
HYPHENATED = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def uuid_of(text: str) -> UUID | None:
    """The UUID that a text is, in any case, with or without hyphens. UUID() alone also takes braces and a urn:."""
    return UUID(text) if UUID_TEXT.fullmatch(text) else None


def hyphenated_uuid(text: str) -> UUID:
    """The UUID of a text with its four hyphens, in any case. Raises ValueError for any other spelling."""
    if not HYPHENATED.fullmatch(text):
        raise ValueError("This has to be a UUID with its four hyphens.")
    return UUID(text)
