"""Health endpoints for machines: `/healthz`, `/readyz`, `/metrics`. They say what is missing, never names, addresses or versions."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from portal.access.projects import takes
from portal.database.readiness import readiness
from portal.problems.documents import problem
from synclogs.overview import metrics as numbers


@takes("GET", "HEAD")
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@takes("GET", "HEAD")
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part is ready, else 503; each part says ok or not, and why not."""
    found = readiness()
    document = {
        "status": "ready" if found.is_ready else "not ready",
        "checks": found.checks,
        "reasons": found.reasons,
    }
    status, headers = (200, {}) if found.is_ready else (503, {"Retry-After": "2"})
    return JsonResponse(document, status=status, headers=headers)


@takes("GET", "HEAD")
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Prometheus text, behind METRICS_TOKEN. Without one they are closed; only in the demo this machine may read them."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        allowed = hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
        detail = "Send the metrics token: Authorization: Bearer and the METRICS_TOKEN of the portal."
    else:
        # Not outside the demo: a proxy on this machine asks for others, and need not say so.
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        allowed = settings.DEMO and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"} and not forwarded
        detail = "The metrics are closed until METRICS_TOKEN is set for the portal; then send it as a Bearer token."
    if not allowed:
        return problem(request, status=401, detail=detail, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(numbers.render(now=timezone.now()), content_type=numbers.CONTENT_TYPE)
