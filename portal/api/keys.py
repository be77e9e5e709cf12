"""API keys at the door of the REST API: Bearer only, never a cookie, never in the URL."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from synclogs import keys
from synclogs.models import ApiKey

CHALLENGE = 'Bearer realm="sync-support-portal"'


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` -> (None, ApiKey): request.auth is the key, and no person is signed in."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        key = (
            keys.recognise(text.strip(), now=timezone.now())
            if scheme.lower() == "bearer"
            else None
        )
        if key is None:
            raise AuthenticationFailed(
                "This key is not known, has expired or was revoked."
            )
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class HasScope(BasePermission):
    """The view names the scope for each method in `scopes`, for example {"GET": "logs:read"}."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            raise NotAuthenticated("Send an API key: Authorization: Bearer ssp_…")
        scopes: dict[str, str] = getattr(view, "scopes", {})
        needed = scopes.get(str(request.method))
        self.message: Any = f"This key lacks the scope {needed}."
        return needed is not None and needed in request.auth.scopes
