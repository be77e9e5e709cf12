"""Registers every model with the admin site; portal.apps imports it once all models are loaded."""

from django.contrib import admin
from procrastinate.contrib.django import admin as _registers_job_pages  # noqa: F401
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.admin import (  # noqa: F401
    audit,
    customers,
    exports,
    keys,
    logs,
    people,
    projects,
    reenables,
    saved_views,
    syncs,
    traces,
)  # fmt: skip

# The job queue registers pages of its own, for everybody with Django's permissions; /readyz and the log tell of jobs.
admin.site.unregister(ProcrastinateJob)
