"""Format of the portal's own logs: one JSON object a line on standard error.

JSON encoding makes every CR, LF and ESC of user input harmless; bodies, cookies, keys and query strings are never logged.
"""

import traceback
from http import HTTPStatus
from types import TracebackType
from typing import Any

import structlog

Fault = tuple[type[BaseException], BaseException, TracebackType | None]


def about_a_request(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Django's lines about a request hold its address and quote what was wrong with it: the route and the status say enough."""
    record = event.get("_record")
    status = getattr(record, "status_code", None)
    if status is None:
        return event
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    event["event"] = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Answered"
    event["status"] = status
    event["route"] = match.route if match else ""
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        event.pop("exc_info", None)
    return event


def where(exc_info: Fault) -> str:
    """The traceback with its causes; a database's error without its words, which quote rows and statements."""
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(parts) < 10:
        kind = type(error)
        words = "" if kind.__module__.startswith(("django.db", "psycopg")) else f": {error}"
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{kind.__module__}.{kind.__qualname__}{words}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nand then\n\n".join(reversed(parts))


PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    about_a_request,
    structlog.processors.ExceptionRenderer(where),
]


# Without this, structlog prints its own lines for people, past all handlers.
structlog.configure(
    processors=[*PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def logging_config(level: str) -> dict[str, Any]:
    """A `logging.config.dictConfig` dictionary at the given level name."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {
                "handlers": ["stderr"],
                "level": "WARNING",
                "propagate": False,
            },
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "procrastinate": {"level": "WARNING"},
            "psycopg.pool": {
                "level": "ERROR"
            },  # a line for each connection, with addresses; portal.database says it once
            "httpcore": {"level": "WARNING"},  # at DEBUG it writes the headers of the provider's answers
        },
    }
