"""What was probably meant by a name or value that does not exist: the nearest of those that do."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(written: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word most like it; "" when none is. `cutoff`: how much alike they have to be, from 0 to 1, in the same case."""
    return next(iter(get_close_matches(written, [*known], 1, cutoff)), "")


def hint(written: str, known: Iterable[str]) -> str:
    """The sentence that ends an error about a name, with a blank before it; "" when no known name is near."""
    near = nearest(written, known)
    return f" Did you mean {near}?" if near else ""
