"""Catalogue of error causes: error codes and HTTP statuses, each with whose side it is, what it means and what to do.

An unknown code has the side UNKNOWN; nothing is guessed. No database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from django.db.models import TextChoices

from synclogs.catalogue.event_names import LIMITS
from synclogs.catalogue.events import event as event_of
from synclogs.catalogue.terms import Category

RECOVERABLE = "RECOVERABLE"  # the one known word of error.recoverability: it will be tried again without anyone


class Side(TextChoices):
    """Who can do something about it; US is the company that runs this portal."""

    CUSTOMER = "customer", "Customer"
    PROVIDER = "provider", "Integration"
    US = "us", "Us"
    UNKNOWN = "unknown", "Not known"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """`words` fits after a colon. `reenable_cures` is False only where re-enabling is known to be of no use."""

    words: str
    side: Side
    meaning: str
    action: str
    reenable_cures: bool


_CREDENTIAL = ErrorCode(
    words="the connected account is no longer valid",
    side=Side.CUSTOMER,
    meaning="The integration does not accept the account that the customer connected. Access was withdrawn, the "
    "account was removed, or the permission ran out.",
    action="The customer has to reconnect the account; then re-enable the sync. Reconnecting alone does not restart it.",
    reenable_cures=True,
)
_FORBIDDEN = ErrorCode(
    words="the connected account lacks a permission",
    side=Side.CUSTOMER,
    meaning="The integration knows the account but does not let it read what this sync needs.",
    action="The customer has to give the connected account access, or connect another one; then re-enable the sync.",
    reenable_cures=True,
)
_GONE = ErrorCode(
    words="the requested item was not found",
    side=Side.CUSTOMER,
    meaning="The integration says that what was asked for is not there. Most often it was deleted, moved, or is no "
    "longer shared with the connected account.",
    action="Ask the customer whether it still exists and whether the connected account can open it.",
    reenable_cures=True,
)
_ROOT_GONE = ErrorCode(
    words="the chosen folder, drive or project is no longer accessible",
    side=Side.CUSTOMER,
    meaning="What the sync was set up on, its root, is gone or hidden from the connected account.",
    action="Create the sync anew with a root that exists. Re-enabling this one does not help.",
    reenable_cures=False,
)
_LIMIT = ErrorCode(
    words="the integration's rate limit is used up",
    side=Side.PROVIDER,
    meaning="Too many requests were made in the integration's accounting period, by this sync or by anything else "
    "that uses the same account.",
    action="Wait: it goes on by itself when the limit resets. There is nothing to re-enable.",
    reenable_cures=False,
)
_PROVIDER_DOWN = ErrorCode(
    words="the integration had an internal failure",
    side=Side.PROVIDER,
    meaning="The integration answered that it could not do its part. Neither the customer nor we caused it.",
    action="Check the integration's status page. If the sync was stopped by it, re-enable it once the integration is "
    "well again.",
    reenable_cures=True,
)
_UNREACHABLE = ErrorCode(
    words="the integration did not answer",
    side=Side.PROVIDER,
    meaning="The connection to the integration failed or took too long.",
    action="Short breaks pass by themselves. If it lasts, check the integration's status page.",
    reenable_cures=True,
)
_REJECTED = ErrorCode(
    words="the integration rejected the request",
    side=Side.UNKNOWN,
    meaning="The integration understood the request and refused it. The status alone does not say whose side it is.",
    action="Read the message of the entry, and pass it to an engineer if it names no setting of the customer.",
    reenable_cures=True,
)
_PLAN = ErrorCode(
    words="the integration asks for payment or a larger plan",
    side=Side.CUSTOMER,
    meaning="The customer's subscription at the integration does not cover this request.",
    action="The customer has to settle this with the integration; then re-enable the sync.",
    reenable_cures=True,
)
_RETRYING = ErrorCode(
    words="a temporary problem, being retried",
    side=Side.UNKNOWN,
    meaning="The cause was not given, only that the platform tries again by itself.",
    action="Wait for the next attempt.",
    reenable_cures=False,
)
_UNKNOWN = ErrorCode(
    words="the cause is not known",
    side=Side.UNKNOWN,
    meaning="The log names no cause that is in the list of known ones.",
    action="Read the message and the context of the entry, and ask an engineer if they do not say enough.",
    reenable_cures=True,
)
_CREATION = ErrorCode(
    words="the request to set up the sync was refused",
    side=Side.US,
    meaning="The settings sent for this sync are not valid, or the same sync exists already.",
    action="Correct the request that enables the sync and send it again. Re-enabling does not apply.",
    reenable_cures=False,
)
_OUR_ENDPOINT = ErrorCode(
    words="our webhook endpoint did not take the notification",
    side=Side.US,
    meaning="The data was synced; only the notification to our application was lost or is late.",
    action="Check our endpoint: that it is up, answers 2xx and answers quickly. The sync itself needs nothing.",
    reenable_cures=False,
)

ERROR_CODES: Mapping[str, ErrorCode] = MappingProxyType(
    {
        "10007": _ROOT_GONE,
        "invalid_grant": _CREDENTIAL,  # RFC 6749: refresh token no longer accepted
        "invalid_token": _CREDENTIAL,  # RFC 6750
        "insufficient_scope": _FORBIDDEN,  # RFC 6750
        "ETIMEDOUT": _UNREACHABLE,
        "ECONNRESET": _UNREACHABLE,
        "ECONNREFUSED": _UNREACHABLE,
        "ENOTFOUND": _UNREACHABLE,
    }
)

_BY_HTTP: Mapping[int, ErrorCode] = MappingProxyType(
    {
        401: _CREDENTIAL,
        402: _PLAN,
        403: _FORBIDDEN,
        404: _GONE,
        408: _UNREACHABLE,
        410: _GONE,
        429: _LIMIT,
        504: _UNREACHABLE,
    }
)

# What the words of a warning's event say already.
CAUSES_IN_EVENT_WORDS = frozenset({_LIMIT.words, _RETRYING.words})


def error_code(code: str, *, http_status: int | None, recoverability: str, event: str = "") -> ErrorCode:
    """The cause behind an entry: by its code, else its HTTP status, else its event, else unknown.

    A webhook that failed is about our endpoint, whatever status that endpoint answered. While the platform retries
    (`recoverability` RECOVERABLE) nobody is asked to act.
    """
    kind = event_of(event)
    if kind.category == Category.WEBHOOK:
        return _OUR_ENDPOINT
    if kind.is_creation:
        return _creation(code, http_status)
    found = ERROR_CODES.get(code) or _by_http(http_status) or (_LIMIT if event in LIMITS else None)
    if recoverability != RECOVERABLE:
        return found or _UNKNOWN
    if found is None:
        return _RETRYING
    return found if found is _LIMIT else replace(found, action=_RETRYING.action, reenable_cures=False)


def _creation(code: str, http_status: int | None) -> ErrorCode:
    """The platform answered our request, not the integration, unless it is about the account. What never was is not re-enabled."""
    of_account = _by_http(http_status) if http_status in (401, 403) else None
    found = ERROR_CODES.get(code) or of_account
    if found is None:
        return _CREATION
    if found is _ROOT_GONE:
        return found
    action = "When this is settled, send the request that enables the sync again. Re-enabling does not apply."
    return replace(found, action=action, reenable_cures=False)


def _by_http(http_status: int | None) -> ErrorCode | None:
    if http_status is None:
        return None
    if http_status in _BY_HTTP:
        return _BY_HTTP[http_status]
    if 400 <= http_status <= 499:
        return _REJECTED
    return _PROVIDER_DOWN if 500 <= http_status <= 599 else None
