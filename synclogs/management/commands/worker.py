"""`manage.py worker`: the job worker; waits while the database is away and goes on within seconds of its return.

Runs until SIGTERM or Ctrl-C; running jobs are finished then. `manage.py procrastinate worker` ends with an error instead when the
database is lost.
"""

import asyncio
import logging
import signal
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from psycopg import AsyncConnection, Error

PAUSE_SECONDS = 1.0
# Short, since what fails is begun anew.
POOL: dict[str, Any] = {"timeout": 2.0, "reconnect_timeout": 1.0}

logger = structlog.get_logger(__name__)


class NotLost(logging.Filter):
    """procrastinate and asyncio tell of a lost database with a traceback for each of their tasks; one line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ConnectorException))


class Command(BaseCommand):
    help = "Runs the jobs: re-enables, partitions, retention. Waits while the database is away; ends with SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        at_once = settings.PROCRASTINATE_WORKER_DEFAULTS["concurrency"]
        parser.add_argument("--concurrency", type=int, default=at_once, help=f"jobs at once (default: {at_once})")

    def handle(self, *_: Any, concurrency: int, **__: Any) -> None:
        # Nobody may own the provider's syncs; a database that is away is waited for below. Raises SystemCheckError.
        self.check(tags=["provider"], databases=["default"])
        connection.close()
        for handler in logging.getLogger().handlers:
            handler.addFilter(NotLost())
        asyncio.run(work(concurrency=concurrency))


async def work(*, concurrency: int) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        ending.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second one ends it at once

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    is_away = False
    while not ending.is_set():
        if await _answers():
            if is_away:
                logger.warning("database back, the worker works again")
            is_away = False
            await _work_until_lost(ending, concurrency=concurrency)
            continue
        if not is_away:
            logger.warning("database away, the worker waits for it")
        is_away = True
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), PAUSE_SECONDS)


async def _answers() -> bool:
    try:
        async with await AsyncConnection.connect(**connector_params("default"), autocommit=True) as connection:
            await connection.execute("SELECT 1")
    except Error:
        return False
    return True


async def _work_until_lost(ending: asyncio.Event, *, concurrency: int) -> None:
    """procrastinate's own worker, on connections of its own. Returns at the end, or when the database was lost."""
    connector = PsycopgConnector(kwargs=connector_params("default"), **POOL)
    with app.replace_connector(connector), suppress(ConnectorException, Error):
        async with app.open_async():
            worker = asyncio.create_task(app.run_worker_async(concurrency=concurrency, install_signal_handlers=False))
            stopped = asyncio.create_task(ending.wait())
            await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            worker.cancel()  # lets the jobs end that run
            with suppress(asyncio.CancelledError):
                await worker
