"""API key authentication: key, scope and rate of a request. Bearer only, never a cookie or the URL.

Returns the key, or raises Denied with 401, 403 or 429. The body is not read here.
"""

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.access.projects import client_address, origin
from portal.problems.documents import Denied
from synclogs.access import denials, keys, rate_limit
from synclogs.access.keys import Admission
from synclogs.access.rate_limit import Allowance
from synclogs.models import Action, ApiKey

CHALLENGE = 'Bearer realm="sync-support-portal"'
FAILURES_PER_MINUTE = 600  # of an address, before it has to wait instead


def admit(request: HttpRequest, scope: str) -> Admission:
    """The key that the request carries, which may do this and has some of its rate left. Raises Denied: 401, 403 or 429."""
    admission = _recognised(request, scope)
    check_scope(admission.key, scope, request)
    if admission.allowance is not None:
        check_rate(admission.allowance)
    return admission


def authenticate(request: HttpRequest) -> ApiKey:
    """The key that the request carries; nothing is charged. Raises Denied: 401 or 429."""
    return _recognised(request, "").key


def _recognised(request: HttpRequest, scope: str) -> Admission:
    """Raises Denied: 401, or 429 for an address that has guessed too often."""
    header = request.headers.get("Authorization", "")
    scheme, _, text = header.partition(" ")
    now = timezone.now()
    admission = keys.admit(text.strip(), scope, now=now) if scheme.lower() == "bearer" else None
    if admission is not None:
        return admission
    if header:  # who sends none has tried nothing
        _note_refused(request, text.strip() or header, now=now)
    allowance = rate_limit.charge(f"address:{_network(request)}", per_minute=FAILURES_PER_MINUTE)
    if not allowance.allowed:
        raise Denied(429, "Too many requests without a usable key.", headers=rate_headers(allowance))
    if not text:
        raise Denied(401, "Send an API key: Authorization: Bearer ssp_…", headers={"WWW-Authenticate": CHALLENGE})
    raise Denied(
        401,
        "This key is not known, has expired or was revoked.",
        headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'},
    )


def _note_refused(request: HttpRequest, text: str, *, now: datetime) -> None:
    """In the audit of the project whose key it claims to be. Only the public id is written, never the secret."""
    claim = keys.claimed(text, now=now)
    denials.note(
        Action.KEY_REFUSED,
        claim.public_id,
        project=claim.key.project if claim.key else None,
        actor_text=str(claim.key) if claim.key and claim.is_proven else "",
        reason=claim.fault,
        **origin(request),
    )


def check_scope(key: ApiKey, scope: str, request: HttpRequest) -> None:
    """Raises Denied, and notes it, when the key may not do that."""
    if scope not in key.scopes:
        denials.note(
            Action.ACCESS_DENIED,
            request.path,
            project=key.project,
            actor_text=str(key),
            reason=f"The key lacks the scope {scope}.",
            **origin(request),
        )
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        raise Denied(403, f"This key lacks the scope {scope}.", headers={"WWW-Authenticate": challenge})


def check_rate(allowance: Allowance) -> None:
    if not allowance.allowed:
        subject = "All keys of this project together" if allowance.policy == "project" else "This key"
        raise Denied(
            429,
            f"{subject} may make {allowance.limit} requests a minute; send fewer and larger batches.",
            headers=rate_headers(allowance),
        )


def rate_headers(allowance: Allowance) -> dict[str, str]:
    """The allowance as headers (draft-ietf-httpapi-ratelimit-headers)."""
    headers = {
        "RateLimit-Policy": f'"{allowance.policy}";q={allowance.limit};w={allowance.window_seconds}',
        "RateLimit": f'"{allowance.policy}";r={allowance.remaining};t={allowance.reset}',
    }
    return headers if allowance.allowed else {"Retry-After": str(allowance.retry_after), **headers}


def _network(request: HttpRequest) -> str:
    return denials.network_of(client_address(request))


# The same as REST framework knows it.


class KeyAuthentication(BaseAuthentication):
    """request.auth is the key, and no person is signed in.

    The view names the scope for each method in `scopes`, for example {"GET": "logs:read"}; HEAD is GET. Every answer tells what is
    left: the view puts `request.allowance` into its headers.
    """

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scopes: dict[str, str] = getattr(request.parser_context["view"], "scopes", {})
        admission = admit(request._request, scopes.get(_method(request), ""))
        request._request.allowance = admission.allowance  # type: ignore[attr-defined]
        return None, admission.key


class HasScope(BasePermission):
    """What names no scope is open to nobody: the scope itself was looked at before the rate was charged."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ApiKey) and _method(request) in getattr(view, "scopes", {})


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else str(request.method)
