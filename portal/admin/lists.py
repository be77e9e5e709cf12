"""Admin lists of large tables: one project, pages by keyset, an estimated count; and their filters.

Returns what the templates of Django's admin expect. No COUNT, no OFFSET, and only the order newest first, which an index serves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode
from unfold.contrib.filters.forms import SearchForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget

from portal.access.projects import LAST_PROJECT
from portal.admin.site import administered
from portal.links.querystring import PRESET_WORDS
from portal.log import payload
from synclogs.models import Project
from synclogs.query.filters import PRESETS, FilterError
from synclogs.reading import facet_values, keyset
from synclogs.reading.facet_values import Seen
from synclogs.storage.budget import estimate

CURSORS = ("before", "after")
RANGES = ("1h", "24h", "7d", "30d")
NOBODY = Project(pk=0, slug="")  # stands where a project was asked for that is not there: nothing belongs to it


class Estimate(Paginator):  # type: ignore[type-arg]
    """What the planner expects, in place of a count; the links are those of a PagedList."""

    template_name = "admin/pages.html"

    def __init__(self, count: int, per_page: int) -> None:
        super().__init__([], per_page)
        self.count = count


@dataclass(frozen=True, slots=True)
class Active:
    """A filter in force; `without` leads to the list without it, "" where one always is."""

    title: str
    words: str
    without: str


class PortalList(ChangeList):
    """Django's list, which also says in words what it is narrowed to."""

    def active(self) -> list[Active]:
        found = [
            Active(str(spec.title), spec.words(), "" if spec.everything is None else self.without(spec.parameter_name))
            for spec in self.filter_specs
            if spec.value()
        ]
        return [*found, Active("Search", self.query, self.without(SEARCH_VAR))] if self.query else found

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = (
            self.result_count
        )  # equal: the foot says it, so the head offers no "Show all" of the same

    def without(self, name: str) -> str:
        left = {key: values for key, values in self.filter_params.items() if key != name}
        return f"?{urlencode(left, doseq=True)}"


class PagedList(PortalList):
    """A list by keyset, newest first; `model_admin.moment` names the column of the order."""

    before = after = newer = older = ""
    exact = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        for name in CURSORS:
            setattr(self, name, str(self.params.pop(name, "")))
            self.filter_params.pop(name, None)
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[str]:
        return [f"-{self.model_admin.moment}", "-pk"]

    def get_results(self, request: HttpRequest) -> None:
        try:
            found = keyset.page(
                self.queryset, self.model_admin.moment, size=self.list_per_page, before=self.before, after=self.after
            )
        except FilterError as error:
            messages.error(request, str(error))
            found = keyset.Slice([], "", "")
        self.show(found.rows, newer=found.newer, older=found.older, expected=lambda: estimate(self.queryset))

    def show(self, rows: list[Any], *, newer: str, older: str, expected: Any) -> None:
        self.result_list = rows
        self.newer = self.get_query_string({"after": newer}) if newer else ""
        self.older = self.get_query_string({"before": older}) if older else ""
        self.exact = not (newer or older)
        self.result_count = len(rows) if self.exact else max(expected(), len(rows) + 1)
        self.full_result_count = self.result_count
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.page_num = 1
        self.paginator = Estimate(self.result_count, self.list_per_page)


# Filters


class SelectForm(forms.Form):
    """One plain select: it needs no script, and so no exception in the content security policy."""

    def __init__(self, name: str, label: str, choices: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = UnfoldAdminSelectWidget()
        self.fields[name] = forms.ChoiceField(label=label, required=False, choices=choices, widget=widget)


class Choice(SimpleListFilter):
    """A filter by one value. A value that is not offered is still looked for, and finds what there is."""

    template = "unfold/filters/filters_field.html"
    column = ""
    everything: str | None = "All"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def words(self) -> str:
        value = str(self.value() or "")
        return {str(key): str(text) for key, text in self.lookup_choices}.get(value, value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        return queryset.filter(**{self.column or str(self.parameter_name): value}) if value else None

    def choices(self, changelist: Any) -> Iterator[Any]:
        value = str(self.value() or "")
        offered = [(str(key), str(text)) for key, text in self.lookup_choices]
        if value and value not in dict(offered):
            offered.append((value, payload.escaped(value)))
        if self.everything is not None:
            offered.insert(0, ("", self.everything))
        data = {self.parameter_name: value}
        yield {"form": SelectForm(str(self.parameter_name), str(self.title), offered, data=data)}


class Text(Choice):
    """A filter by a value that is typed or pasted."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        data = {self.parameter_name: self.value() or ""}
        yield {"form": SearchForm(str(self.parameter_name), str(self.title), data=data)}


class ProjectChoice(Choice):
    """Always one project; at first the one last looked at."""

    title = "Project"
    parameter_name = "project"
    everything = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(project.slug, project.name) for project in administered(request)]

    def value(self) -> str | None:
        return super().value() or chosen(self.request).slug or None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(project_id=chosen(request).pk)


class RangeChoice(Choice):
    """Always a range of time that ends now."""

    title = "Time"
    parameter_name = "since"
    everything = None
    default = "24h"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, PRESET_WORDS[name]) for name in RANGES]

    def value(self) -> str:
        return super().value() or self.default

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        length = PRESETS.get(self.value())
        if length is None:
            messages.error(request, f"The time range is one of {', '.join(RANGES)}.")
            return queryset.none()
        column = self.model_admin.moment
        return queryset.filter(**{f"{column}__gte": timezone.now() - length})

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.model_admin = model_admin
        super().__init__(request, params, model, model_admin)


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
