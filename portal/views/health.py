"""Is it alive, is it ready, how is it doing: for machines. Says nothing of the inside beyond yes and no."""

import hmac
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from portal.access import takes
from portal.api.problems import problem
from synclogs import metrics as numbers
from synclogs import partitions
from synclogs.jobs import workers_alive

WORKER_SILENCE = timedelta(minutes=1)


@takes("GET", "HEAD")
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@takes("GET", "HEAD")
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part is ready, else 503; each part says ok or not."""
    checks = {
        "database": False,
        "migrations": False,
        "partitions": False,
        "worker": False,
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks["database"] = True
        executor = MigrationExecutor(connection)
        checks["migrations"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        checks["partitions"] = timezone.now().date() in partitions.existing()
        checks["worker"] = workers_alive(within=WORKER_SILENCE)
    except (DatabaseError, InterfaceError):
        pass
    ready = all(checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks},
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "2"},
    )


@takes("GET", "HEAD")
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Prometheus text, behind METRICS_TOKEN. Without one they are closed; only in the demo this machine may read them."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        allowed = hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
        detail = "Send the metrics token: Authorization: Bearer and the METRICS_TOKEN of the portal."
    else:
        # Not outside the demo: a proxy on this machine asks for others, and need not say so.
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        allowed = settings.DEMO and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"} and not forwarded
        detail = "The metrics are closed until METRICS_TOKEN is set for the portal; then send it as a Bearer token."
    if not allowed:
        return problem(request, status=401, detail=detail, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(numbers.render(now=timezone.now()), content_type=numbers.CONTENT_TYPE)
