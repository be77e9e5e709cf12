"""Refusals that end by waiting: of a sign-in, of hashing a password."""


class TryLater(Exception):
    """Refused for now: `str(error)` says why and for how long, `retry_after` is the same in seconds."""

    def __init__(self, words: str, *, retry_after: int) -> None:
        super().__init__(words)
        self.retry_after = retry_after
