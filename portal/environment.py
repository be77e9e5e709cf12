"""Typed reads of environment variables: text, flags, numbers, lists, choices.

Every error names the variable and what would be accepted; `prefix` is put before the name. Does not import Django's settings.
"""

import os
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "", *, prefix: str = "") -> str:
    return os.environ.get(prefix + name, default).strip()


def flag(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: use 1 or 0.")


def number(name: str, default: int, *, minimum: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit()) or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}: use a whole number of at least {minimum}.")
    return int(value)


def one_of(name: str, default: str, accepted: Sequence[str], *, prefix: str = "") -> str:
    value = os.environ.get(prefix + name, "").strip().upper() or default
    if value not in accepted:
        raise ImproperlyConfigured(f"{prefix}{name} is {value!r}: use one of {', '.join(accepted)}.")
    return value


def words(name: str, default: str = "", *, prefix: str = "") -> list[str]:
    """Comma-separated values, empty ones dropped."""
    return [word.strip() for word in os.environ.get(prefix + name, default).split(",") if word.strip()]


def database(name: str) -> dict[str, str]:
    """A PostgreSQL URL (`postgresql://user:password@host:port/name?option=value`) as Django's connection settings.

    A socket directory is given as `?host=/directory`. Raises ImproperlyConfigured for anything but PostgreSQL.
    """
    url = text(name)
    if not url:
        raise ImproperlyConfigured(
            f"{name} is not set. `make run` and `make test` start a private PostgreSQL by themselves; "
            f"for anything else set {name}=postgresql://user:password@host:5432/name"
        )
    wrong = ImproperlyConfigured(f"{name} has to look like postgresql://user:password@host:5432/name")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"postgres", "postgresql"} or len(parts.path) < 2:
        raise wrong
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": options.pop("port", "") or str(port or ""),
        **{f"option:{key}": value for key, value in options.items()},
    }
