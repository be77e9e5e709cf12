"""Whether the database can write: tried with a small temporary file on its disk, and learnt from batches that failed.

The file leaves nothing behind, neither in the catalogue nor in the write-ahead log.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import DiskFull

# 20 000 numbers do not fit into 64 kB of memory, so the server writes half a megabyte into the database's own tablespace.
SPILL = "SELECT count(*) FROM generate_series(1, 20000) AS number"
BELIEVED_SECONDS = 30.0  # without batches nothing would ever contradict the one that failed


class Storage:
    """Of this process; `can_write` is what is known last."""

    def __init__(self) -> None:
        self._is_full = False
        self._batch_failed_at: float | None = None

    @property
    def can_write(self) -> bool:
        at = self._batch_failed_at
        return not self._is_full and (at is None or time.monotonic() - at > BELIEVED_SECONDS)

    def look(self) -> None:
        """Raises django.db.Error for any other fault."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = ''")
                cursor.execute(SPILL)
        except OperationalError as error:
            if not is_full(error):
                raise
            self._is_full = True
        else:
            self._is_full = False

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Around the storing of a batch."""
        try:
            yield
        except OperationalError as error:
            if is_full(error):
                self._batch_failed_at = time.monotonic()
            raise
        self._batch_failed_at = None


def is_full(error: OperationalError) -> bool:
    return isinstance(error.__cause__, DiskFull)


STORAGE = Storage()
