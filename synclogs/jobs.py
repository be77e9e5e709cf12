"""Background jobs and their schedule, each one a call into another module. Run by `manage.py worker`."""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from synclogs.access import denials
from synclogs.export import lifecycle
from synclogs.ingestion import cadence, maintenance
from synclogs.recovery import bulk, reenable, watch

DEAD = timedelta(hours=1)  # without a heartbeat for so long a worker does not come back


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="maintain", pass_context=False)
def maintain(timestamp: int) -> None:
    """Partitions ahead, retention."""
    maintenance.maintain(now=timezone.now())


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="cadence", pass_context=False)
def refresh_cadence(timestamp: int) -> None:
    """The usual gap between a sync's runs."""
    cadence.refresh(now=timezone.now())


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="exports", pass_context=False)
def settle_exports(timestamp: int) -> None:
    """Exports that died with their process."""
    lifecycle.settle(now=timezone.now())


# The sixth field is seconds.
@app.periodic(cron="* * * * * 10")
@app.task(queueing_lock="denials", pass_context=False)
def settle_denials(timestamp: int) -> None:
    """What was refused within the minute before, as rows of the audit."""
    denials.settle(now=timezone.now())


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="reenables", pass_context=False)
def watch_reenables(timestamp: int) -> None:
    """What entries and time tell of attempts that were sent. Asks nobody, so that it is never late."""
    watch.observe(now=timezone.now())


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="unanswered", pass_context=False)
def settle_reenables(timestamp: int) -> None:
    """What time and the provider tell of attempts that got no answer. A provider that hangs may hold this up."""
    reenable.settle(now=timezone.now())


@app.task(name=reenable.CALL, pass_context=False)
def call(attempt: str) -> None:
    """The one request of an attempt. Never tried again: what became of it is found out by looking."""
    reenable.call(UUID(attempt), now=timezone.now())


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="bulks", pass_context=False)
def step_bulks(timestamp: int) -> None:
    """Bulk re-enables go on as far as their attempts are."""
    bulk.step(now=timezone.now())


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="sweep", pass_context=False)
async def sweep(timestamp: int) -> None:
    """Rows of jobs that failed, or whose worker died: what they were to do was long since taken up by others."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD.total_seconds()):
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
    await app.job_manager.delete_old_jobs(nb_hours=24 * 7, include_failed=True)


def workers_alive(*, within: timedelta) -> bool:
    """True when a worker has sent its heartbeat lately."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        (last,) = cursor.fetchone() or (None,)
    return last is not None and timezone.now() - last < within
