"""Is it alive, is it ready, how is it doing: for machines. Says what is missing, never names, addresses or versions."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from portal.access import takes
from portal.api.problems import problem
from portal.readiness import readiness
from synclogs import metrics as numbers


@takes("GET", "HEAD")
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@takes("GET", "HEAD")
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part is ready, else 503; each part says ok or not, and why not."""
    found = readiness()
    told = {
        "status": "ready" if found.is_ready else "not ready",
        "checks": found.checks,
        "reasons": found.reasons,
    }
    status, headers = (200, {}) if found.is_ready else (503, {"Retry-After": "2"})
    return JsonResponse(told, status=status, headers=headers)


@takes("GET", "HEAD")
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Prometheus text, behind METRICS_TOKEN when that is set and otherwise for callers on this machine only."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        allowed = hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    else:
        # A proxy on this machine asks for others.
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        allowed = request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"} and not forwarded
    if not allowed:
        return problem(
            request,
            status=401,
            detail="Send the metrics token as a Bearer token.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(numbers.render(now=timezone.now()), content_type=numbers.CONTENT_TYPE)
