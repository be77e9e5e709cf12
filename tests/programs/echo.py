"""WSGI application that answers with the request it received, for the tests of the web worker."""

import os
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import waiting


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    status, said = "200 OK", b""
    match environ["PATH_INFO"]:
        case "/early":
            status, said = "401 Unauthorized", b"early"
        case "/broken":
            raise RuntimeError("a secret of the inside")
        case "/sleep":
            with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
                connection.execute("SELECT pg_sleep(0.5)")
            said = getattr(waiting.wait, "__name__", "").encode()
        case _:
            try:
                while part := environ["wsgi.input"].read(64 * 1024):
                    said += part
                said = b"%d bytes over %s" % (len(said), environ["wsgi.url_scheme"].encode())
            except OSError as error:
                status, said = "400 Bad Request", type(error).__name__.encode()
    start_response(status, [("Content-Length", str(len(said)))])
    return [said]
