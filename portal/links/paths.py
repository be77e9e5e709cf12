"""Paths of pages whose identifiers are free text: users, traces, integrations.

The path comes back from a browser unchanged. No request, no database, no markup.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, urlencode

from django.urls import NoReverseMatch, reverse

from synclogs.query.filters import DEFAULT_SINCE, PRESETS

# The page of one thing -> the list that answers `?id=` in its place.
LISTS: Mapping[str, str] = {"user": "users", "trace": "traces", "integration": "integrations"}
# A browser takes these for "here" and "one up", however they are encoded.
DOTS = {".", ".."}
PLACEHOLDER = "-"
LONGEST = 3000


class AnyText:
    """Path converter: everything that is left of the path, slashes and line feeds too."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def detail(project: str, name: str, identifier: str) -> str:
    """The page of a user, trace, integration or sync. Every reserved character is encoded, so `a/../b` stays one name."""
    if name in LISTS and (identifier in DOTS or not identifier):
        return f"{reverse(LISTS[name], args=(project,))}?{urlencode({'id': identifier})}"
    return start(name, project) + quote(identifier, safe="")


@lru_cache(maxsize=1024)
def start(name: str, project: str) -> str:
    """The common beginning of the detail URLs of a kind."""
    return reverse(name, args=(project, PLACEHOLDER)).removesuffix(PLACEHOLDER)


@lru_cache(maxsize=1024)
def page(name: str, project: str) -> str:
    """A page of the project that takes nothing else; "" when there is none of that name."""
    try:
        return reverse(name, args=(project,))
    except NoReverseMatch:
        return ""


def syncs(project: str, **values: str) -> str:
    """The list of syncs narrowed to these values; empty ones are left out."""
    return _narrowed(reverse("syncs", args=(project,)), values)


def users(project: str, user_ids: Iterable[str]) -> str:
    """The page of the only one, the list of several; "" where a URL could not hold them all."""
    found = sorted(user_ids)
    if len(found) == 1:
        return detail(project, "user", found[0])
    address = f"{reverse('users', args=(project,))}?{urlencode([('user', user_id) for user_id in found])}"
    return address if found and len(address) <= LONGEST else ""


def logs(project: str, *, since: str = "", **values: str) -> str:
    """The log list narrowed to these values; empty ones are left out. `since` is a preset or RFC 3339."""
    return _narrowed(reverse("logs", args=(project,)), values | {"since": "" if since == DEFAULT_SINCE else since})


def _narrowed(address: str, values: Mapping[str, str]) -> str:
    query = urlencode([(name, value) for name, value in values.items() if value])
    return f"{address}?{query}" if query else address


def since_of(moment: datetime, *, now: datetime) -> str:
    """The shortest preset whose range holds `moment`; beyond all of them the start of its day."""
    for preset in ("24h", "7d", "30d"):
        if moment > now - PRESETS[preset] + timedelta(minutes=5):
            return preset
    return f"{moment.astimezone(UTC):%Y-%m-%dT00:00Z}"


def exact(moment: datetime) -> str:
    """A moment as the log list takes it: 2026-11-23T14:00Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
