"""Counts of the log list: sidebar counts and chart, within one time limit for a page.

Returns parts of the template context. What was not counted in time says so and is requested again in the background, with more
time (portal.views.late_counts).
"""

from datetime import datetime, timedelta

from django.db import OperationalError
from django.urls import reverse

from portal.links import querystring
from portal.links.querystring import Pairs
from portal.links.question import Question
from portal.log import filter_rail, histogram_chart
from synclogs.models import Project
from synclogs.query import filters
from synclogs.query.filters import LogFilter
from synclogs.reading import counting, facet_values, histogram
from synclogs.reading.counting import Numbers
from synclogs.reading.facet_values import Seen

# Of database time: a page has to answer within 250 ms, and its list and its making take the rest.
SECONDS = 0.15
PATIENT_SECONDS = 1.8
SEEN_DAYS = timedelta(days=7)
UNCOUNTABLE = {"invalid", "failed", "empty"}


def numbers_of(
    question: Question, project: Project, *, now: datetime, state: str = "rows", is_patient: bool = False
) -> dict[str, object]:
    """The groups of the rail and the chart; `state` is the list's, which may leave nothing to count."""
    log_filter = None if state in UNCOUNTABLE else question.log_filter
    canonical = question.canonical if log_filter else question.given
    numbers = _counted(log_filter, project, canonical, now=now, is_patient=is_patient) if log_filter else None
    seen = Seen({}, {})
    if state != "failed" and (numbers is None or None in numbers.values.values()):
        seen = _seen(project, log_filter, now=now)
    typed = dict(question.given)
    return {
        "groups": filter_rail.groups(
            canonical, seen=seen, errors=question.errors, counted=numbers.values if numbers else None
        ),
        "since": typed.get("since", filters.DEFAULT_SINCE),
        "until": typed.get("until", ""),
        "histogram": chart(numbers, log_filter, canonical, now=now) if numbers and log_filter else None,
        "is_counted": numbers is not None,
        "is_counting": numbers is not None and not numbers.is_complete and not is_patient,
        "counts_url": reverse("logs-counts", args=(project.slug,)) + querystring.link(canonical),
        "counts_read": numbers.read if numbers else frozenset(),
    }


def chart(numbers: Numbers, log_filter: LogFilter, query: Pairs, *, now: datetime) -> histogram_chart.Chart | None:
    if numbers.heights is None:
        return None
    found = histogram.of(numbers.heights, numbers.bars, log_filter, now=now)
    return histogram_chart.chart(found, log_filter, query, now=now)


def _counted(
    log_filter: LogFilter, project: Project, query: Pairs, *, now: datetime, is_patient: bool
) -> Numbers | None:
    try:
        return counting.count(
            log_filter,
            project,
            bars=histogram.bars(log_filter, now=now),
            seconds=PATIENT_SECONDS if is_patient else SECONDS,
            always=filter_rail.always_offered(query),
            is_patient=is_patient,
        )
    except OperationalError:  # the list says what is wrong
        return None


def _seen(project: Project, log_filter: LogFilter | None, *, now: datetime) -> Seen:
    """What was logged in the range, at most in its last days: names to offer where there are no counts."""
    until = (log_filter and log_filter.until) or now + timedelta(hours=1)
    since = max(log_filter.since, until - SEEN_DAYS) if log_filter else now - SEEN_DAYS
    try:
        return facet_values.seen(project, since=min(since, until), until=until)
    except OperationalError:
        return Seen({}, {})
