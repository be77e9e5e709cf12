"""API keys at the door: who sends this, may the key do that, is its rate spent. Bearer only, never a cookie or the URL.

Goes in: a request. Comes out: the key, or Denied with 401, 403 or 429. The body is not read here.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from portal.access import network
from portal.api.problems import Denied
from synclogs import keys
from synclogs.keys import Allowance
from synclogs.models import ApiKey

CHALLENGE = 'Bearer realm="sync-support-portal"'
FAILURES_PER_MINUTE = 600  # of an address, before it is told to wait instead


def authenticate(request: HttpRequest) -> ApiKey:
    """The key that the request carries. Raises Denied: 401, or 429 for an address that has guessed too often."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    key = keys.recognise(text.strip(), now=timezone.now()) if scheme.lower() == "bearer" else None
    if key is not None:
        return key
    allowance = keys.charge(f"address:{network(request)}", per_minute=FAILURES_PER_MINUTE)
    if not allowance.allowed:
        raise Denied(429, "Too many requests without a usable key.", headers=rate_headers(allowance))
    if not text:
        raise Denied(401, "Send an API key: Authorization: Bearer ssp_…", headers={"WWW-Authenticate": CHALLENGE})
    raise Denied(
        401,
        "This key is not known, has expired or was revoked.",
        headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'},
    )


def check_scope(key: ApiKey, scope: str) -> None:
    if scope not in key.scopes:
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        raise Denied(403, f"This key lacks the scope {scope}.", headers={"WWW-Authenticate": challenge})


def per_minute(key: ApiKey | None) -> int:
    """The requests that a key may make in a minute."""
    return (key and key.requests_per_minute) or settings.INGEST_REQUESTS_PER_MINUTE


def charge(key: ApiKey) -> Allowance:
    """Takes this request off the key's rate. Raises Denied when it is spent."""
    allowance = keys.charge(f"key:{key.pk}", per_minute=per_minute(key))
    if not allowance.allowed:
        raise Denied(
            429,
            f"This key may make {allowance.limit} requests a minute; send fewer and larger batches.",
            headers=rate_headers(allowance),
        )
    return allowance


def rate_headers(allowance: Allowance) -> dict[str, str]:
    """The allowance as headers (draft-ietf-httpapi-ratelimit-headers)."""
    headers = {
        "RateLimit-Policy": f'"default";q={allowance.limit};w={allowance.window_seconds}',
        "RateLimit": f'"default";r={allowance.remaining};t={allowance.reset}',
    }
    return headers if allowance.allowed else {"Retry-After": str(allowance.retry_after), **headers}


# The same three steps as REST framework knows them.


class KeyAuthentication(BaseAuthentication):
    """request.auth is the key, and no person is signed in."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        return None, authenticate(request._request)


class HasScope(BasePermission):
    """The view names the scope for each method in `scopes`, for example {"GET": "logs:read"}; HEAD is GET."""

    def has_permission(self, request: Request, view: object) -> bool:
        scopes: dict[str, str] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not isinstance(request.auth, ApiKey) or method not in scopes:
            return False
        check_scope(request.auth, scopes[method])
        return True


class KeyRate(BaseThrottle):
    """Every answer tells what is left; the view puts `request.allowance` into its headers."""

    def allow_request(self, request: Request, view: object) -> bool:
        request._request.allowance = charge(request.auth)  # type: ignore[attr-defined, arg-type]
        return True
