"""The OpenAPI document and the page that shows it. For anybody: both say only what the code in the open says."""

import json
from functools import lru_cache

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator

from portal.api.problems import problem

SAFE = ("GET", "HEAD")


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
    """Made once in a process, since it takes a good part of a second."""
    return json.dumps(SchemaGenerator().get_schema(request=None, public=True)).encode()  # type: ignore[no-untyped-call]


def _refused(request: HttpRequest) -> HttpResponseBase | None:
    if request.method in SAFE:
        return None
    return problem(request, status=405, detail="GET can be used here.", headers={"Allow": ", ".join(SAFE)})
