"""Error classes of provider calls, by what may be done next.

Permanent fails again until somebody changes something. Temporary did nothing and may be tried later. Unknown may have been carried
out: only the sync's status shows it, and it is never a reason to call again.
"""

from synclogs.parsing.decoding import cleaned

TEXT_BYTES = 4096


class ProviderError(Exception):
    """Never raised itself, always as one of the three.

    `sentence` is ours and for people; `status` the HTTP status if there was an answer; `text` the other side's own words, cut,
    and not to be trusted; `retry_after` seconds, when it asked for a pause.
    """

    def __init__(
        self, sentence: str, *, status: int | None = None, text: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.text = cut(text)
        self.retry_after = retry_after


class Permanent(ProviderError):
    """Nothing was done, and the same call will fail again until a setting, a key or the sync itself changes."""


class Temporary(ProviderError):
    """Nothing was done, or nothing was to be done: it may be tried again after a while."""


class Unknown(ProviderError):
    """The request may have been carried out. Only calls that change something end like this."""


def cut(text: str) -> str:
    """Foreign text, cut to 4 KiB of UTF-8 that PostgreSQL can store."""
    return cleaned(text[:TEXT_BYTES]).encode()[:TEXT_BYTES].decode(errors="ignore")
