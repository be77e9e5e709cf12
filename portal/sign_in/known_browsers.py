"""Known browsers: a signed cookie for each account that signed in before.

Strangers may use up the allowance of an account or an address; a known browser has an allowance of its own (OWASP: device cookies).
It is valid for the account's present password, and only while the account is active.
"""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

DAYS = 90
SALT = "portal.devices"  # cookies of before stay good


@dataclass(frozen=True, slots=True)
class Device:
    """`number` is random; `seal` ties it to the password of the moment."""

    number: str
    seal: str


def name_digest(name: str) -> str:
    """The name of an account as 64 hexadecimal digits, the same for every way to write it."""
    return hashlib.sha256(plain(name).casefold().encode(errors="replace")).hexdigest()


def carried(request: HttpRequest, name: str) -> Device | None:
    """What the browser carries for that account, if we have signed it lately. Asks no database."""
    digest = name_digest(name)
    try:
        text = TimestampSigner(salt=SALT).unsign(request.COOKIES.get(_cookie(digest), ""), max_age=DAYS * 86400)
    except BadSignature:
        return None
    account, number, seal = text.split(".")
    return Device(number, seal) if constant_time_compare(account, digest) else None


def recognised(request: HttpRequest, name: str) -> Device | None:
    """The same, if the account is active and still has the password that the browser signed in with."""
    device = carried(request, name)
    if device is None:
        return None
    password = User.objects.filter(username=plain(name), is_active=True).values_list("password", flat=True).first()
    return device if password and constant_time_compare(_seal(device.number, password), device.seal) else None


def remember(response: HttpResponse, user: User) -> None:
    """Makes the browser known from now on."""
    number, digest = secrets.token_hex(16), name_digest(user.get_username())
    response.set_cookie(
        _cookie(digest),
        TimestampSigner(salt=SALT).sign(f"{digest}.{number}.{_seal(number, user.password)}"),
        max_age=DAYS * 86400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def plain(name: str) -> str:
    """A name as the sign-in form reads it."""
    return unicodedata.normalize("NFKC", name.strip())


def _cookie(digest: str) -> str:
    return f"{settings.DEVICE_COOKIE_PREFIX}{digest[:16]}"


def _seal(number: str, password: str) -> str:
    """Says nothing of the password's hash, of which it needs all."""
    return hmac.new(number.encode(), password.encode(), hashlib.sha256).hexdigest()[:32]
