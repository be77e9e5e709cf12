"""Admin lists of large tables: one project, pages by keyset, an estimated count; and their filters.

Returns what the templates of Django's admin expect. No COUNT, no OFFSET, and only the order newest first, which an index serves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter
from unfold.contrib.filters.forms import DropdownForm, SearchForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget

from portal.access.projects import LAST_PROJECT
from portal.admin.site import administered
from portal.links.querystring import PRESET_WORDS
from portal.log import payload
from synclogs.models import Project
from synclogs.query.filters import PRESETS
from synclogs.reading import facet_values, keyset
from synclogs.reading.facet_values import Seen
from synclogs.reading.paging import Page

RANGES = ("1h", "24h", "7d", "30d")
NOBODY = Project(pk=0, slug="")  # stands where a project was asked for that is not there: nothing belongs to it


class KeysetPaginator(Paginator):  # type: ignore[type-arg]
    """A page that is read already. Its count is what `expected` answers, unless this page is all there is."""

    template_name = "admin/pages.html"  # Unfold shows it in place of numbers of pages

    def __init__(self, found: keyset.Slice[Any] | Page, per_page: int, *, expected: Callable[[], int]) -> None:
        super().__init__(found.rows, per_page)
        self.newer, self.older, self.expected = found.newer, found.older, expected

    @property
    def exact(self) -> bool:
        return not (self.newer or self.older)

    @cached_property
    def count(self) -> int:
        rows = len(self.object_list)
        return rows if self.exact else max(self.expected(), rows + 1)


@dataclass(frozen=True, slots=True)
class Active:
    """A filter in force; `without` leads to the list without it, "" where one always is."""

    title: str
    words: str
    without: str


class PortalList(ChangeList):
    """Django's list, which also says in words what it is narrowed to, and where its neighbouring pages are.

    `ModelAdmin.get_changelist` is public; the methods that are replaced here are Django's own, each with its reason.
    """

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        # Cursors are the paginator's; no form or other link takes them along. Django has no hook for such parameters.
        for name in keyset.CURSORS:
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Django asks the paginator for rows only where there are several pages; of ours, always.
        if isinstance(self.paginator, KeysetPaginator):
            self.result_list = self.paginator.object_list
        # No setting of Django takes "Show all" from the head of a list without a full count; equal numbers do.
        self.full_result_count = self.result_count

    def active(self) -> list[Active]:
        found = [
            Active(str(spec.title), spec.words(), "" if spec.everything is None else self.without(spec.parameter_name))
            for spec in self.filter_specs
            if spec.value()
        ]
        return [*found, Active("Search", self.query, self.without(SEARCH_VAR))] if self.query else found

    def without(self, name: str) -> str:
        return str(self.get_query_string({name: None}))

    @property
    def newer(self) -> str:
        return self.get_query_string({"after": self.paginator.newer}) if self.paginator.newer else ""

    @property
    def older(self) -> str:
        return self.get_query_string({"before": self.paginator.older}) if self.paginator.older else ""


# Filters


class SelectForm(DropdownForm):
    """One plain select: it needs no script, and so no exception in the content security policy."""

    widget = UnfoldAdminSelectWidget()

    class Media:
        """None of the scripts and styles of the class above."""


class Choice(DropdownFilter):
    """A filter by one value. A value that is not offered is still looked for, and finds what there is."""

    form_class = SelectForm
    column = ""
    options: Iterable[tuple[Any, Any]] = ()
    everything: str | None = "All"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(words)) for value, words in self.options]

    def has_output(self) -> bool:
        return True

    def words(self) -> str:
        value = str(self.value() or "")
        return str(dict(self.lookup_choices).get(value, value))

    def condition(self, value: str) -> Q:
        """Raises LookupError, ValueError or ValidationError, here or in the filter, for what can match nothing."""
        return Q(**{self.column or str(self.parameter_name): value})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if not value:
            return None
        if "\x00" in value:  # which no text of PostgreSQL has
            return queryset.none()
        try:
            return queryset.filter(self.condition(value))
        except (LookupError, ValueError, ValidationError):
            return queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        value, offered = str(self.value() or ""), list(self.lookup_choices)
        if value and value not in dict(offered):
            offered.append((value, payload.escaped(value)))
        if self.everything is not None:
            offered.insert(0, ("", self.everything))
        data = {self.parameter_name: value}
        yield {"form": self.form_class(str(self.parameter_name), str(self.title), offered, data=data)}


class Text(Choice):
    """A filter by a value that is typed or pasted."""

    form_class = SearchForm

    def value(self) -> str | None:
        return (super().value() or "").strip() or None

    def choices(self, changelist: Any) -> Iterator[Any]:
        data = {self.parameter_name: self.value() or ""}
        yield {"form": self.form_class(str(self.parameter_name), str(self.title), data=data)}


class Case(Choice):
    """A filter by one of a few conditions, each by its name: words and condition."""

    cases: Mapping[str, tuple[str, Q]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, words) for name, (words, _) in self.cases.items()]

    def condition(self, value: str) -> Q:
        return self.cases[value][1]


class ProjectChoice(Choice):
    """A project, or all of those that the person administers: for small tables."""

    title = "Project"
    parameter_name = column = "project"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(project.slug, project.name) for project in administered(request)]

    def condition(self, value: str) -> Q:
        return Q(**{self.column: {project.slug: project for project in administered(self.request)}[value]})


class OneProject(ProjectChoice):
    """Always one project; at first the one last looked at."""

    everything = None

    def value(self) -> str | None:
        return super().value() or chosen(self.request).slug or None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(project_id=chosen(request).pk)


class RangeChoice(Choice):
    """Always a range of time that ends now."""

    everything = None
    default = "24h"
    options = [(name, PRESET_WORDS[name]) for name in RANGES]

    def value(self) -> str:
        return super().value() or self.default

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        length = PRESETS.get(self.value())
        if length is None:
            messages.error(request, f"The time range is one of {', '.join(RANGES)}.")
            return queryset.none()
        return queryset.filter(**{f"{self.column}__gte": timezone.now() - length})


def choice(title: str, parameter_name: str, kind: type[Choice] = Choice, **attributes: Any) -> type[Choice]:
    """A filter of that kind, as `list_filter` takes it; the attributes are those of its class."""
    named = {"title": title, "parameter_name": parameter_name}
    return type(f"{parameter_name}_filter", (kind,), {**named, **attributes, "__doc__": f"The filter “{title}”."})


def time_range(column: str, default: str) -> type[Choice]:
    return choice("Time", "since", RangeChoice, column=column, default=default)


def chosen(request: HttpRequest) -> Project:
    """The project of a list: the one asked for, else the one last looked at, else the first. NOBODY without any."""
    mine = {project.slug: project for project in administered(request)}
    slug = request.GET.get("project", "")
    if slug:
        if slug in mine and request.session.get(LAST_PROJECT) != slug:
            request.session[LAST_PROJECT] = slug
        return mine.get(slug, NOBODY)
    return mine.get(request.session.get(LAST_PROJECT, "")) or next(iter(mine.values()), NOBODY)


def seen(request: HttpRequest, *, length: str = "30d") -> Seen:
    """Which values the chosen project's entries had in that time, by the hour counts; read once a request."""
    found: Seen | None = getattr(request, "seen_values", None)
    if found is None:
        now = timezone.now()
        found = facet_values.seen(chosen(request), since=now - PRESETS.get(length, PRESETS["30d"]), until=now)
        request.seen_values = found  # type: ignore[attr-defined]
    return found
