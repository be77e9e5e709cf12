"""WSGI application of the portal.

Nothing here may fail before the first middleware has seen the request.
"""

import logging
import os
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import Error, connection
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class Request(WSGIRequest):
    """Django fails with a 500 on some Content-Type headers, and lets any charset decide how a URL is decoded."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request

    def warm(self) -> None:
        """What the first requests would wait for: every module behind an address, the templates, a connection to the database.

        What cannot be loaded is an error here, while others still serve; a database that is away is none.
        """
        len(get_resolver().reverse_dict)  # walks through all of them
        templates = settings.BASE_DIR / "templates"
        for path in sorted(templates.rglob("*.html")):
            get_template(str(path.relative_to(templates)))
        with suppress(Error):
            connection.ensure_connection()
            connection.close()


logging.captureWarnings(True)  # Python's warnings as lines of our own log, which are JSON
django.setup(set_prefix=False)
application = Handler()
