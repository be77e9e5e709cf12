"""OpenAPI document and its page, for signed-in people and API keys, and for anybody in the demo.

Both only describe the API, so a session opens them, though it opens nothing else here.
"""

import json
from functools import lru_cache
from pathlib import Path

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from portal.api import keys
from portal.problems.documents import Denied, problem

SAFE = ("GET", "HEAD")
WRITTEN = Path(__file__).with_name("openapi.yaml")  # by `make openapi`; `make check` holds it to the code


@csrf_exempt  # nothing can be changed here, so another method is a 405 and no forged form
def schema(request: HttpRequest) -> HttpResponseBase:
    """OpenAPI 3.1 in JSON, which is YAML as well."""
    return _refused(request) or HttpResponse(document(), content_type="application/json")


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponseBase:
    """Swagger UI over the document; its code is served from here."""
    return _refused(request) or render(request, "api_docs.html")


@lru_cache(maxsize=1)
def document() -> bytes:
    """Read once in a process. Making it from the code would stop the others of the process for a good part of a second."""
    # A safe one, and our own file.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return json.dumps(yaml.load(WRITTEN.read_bytes(), Loader=loader)).encode()  # noqa: S506 # nosec B506


def _refused(request: HttpRequest) -> HttpResponseBase | None:
    if request.method not in SAFE:
        return problem(request, status=405, detail="GET can be used here.", headers={"Allow": ", ".join(SAFE)})
    if settings.DEMO or request.user.is_authenticated:
        return None
    try:
        if "Authorization" in request.headers:
            keys.authenticate(request)
            return None
    except Denied as denied:
        return denied.answer(request)
    detail = f"Sign in at {reverse('login')}?next={request.path}, or send an API key: Authorization: Bearer ssp_…"
    return problem(request, status=401, detail=detail, headers={"WWW-Authenticate": keys.CHALLENGE})
