"""`make bench`: starts a PostgreSQL of its own (kept in .data/postgres-bench), fills it, and prints the ratios.

ARGS="--entries 1000000" for another size, ARGS="--only ingest" or "--only lists" for one part.
"""

import argparse
import os
import secrets
import sys

from portal.runner import devdb

SETTINGS = {
    **devdb.DURABLE,
    # Room for building ten million rows; what is measured is not helped by it.
    "max_wal_size": "8GB",
    "maintenance_work_mem": "512MB",
    "autovacuum_naptime": "1h",
}

PARTS = ("ingest", "lists", "export", "explorer", "reenable", "doors", "searches")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000, help="size of the big store")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds; medians are shown")
    parser.add_argument("--only", choices=PARTS, help="one part")
    options = parser.parse_args()
    server = devdb.start(devdb.ROOT / ".data" / "postgres-bench", settings=SETTINGS)
    os.environ.update(
        DATABASE_URL=server.url,
        DJANGO_SETTINGS_MODULE="portal.settings",
        SECRET_KEY=secrets.token_urlsafe(50),
        PORTAL_DEMO="1",
        LOG_LEVEL="ERROR",
    )
    try:
        # Settings are read at import, so the address has to stand before.
        from bench import run  # noqa: PLC0415

        return run.run(entries=options.entries, rounds=options.rounds, only=options.only)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
