"""Base classes of all admin pages: rows by project, permissions, audit, a time limit.

Permissions come from memberships alone: an administrator of a project manages that project, a superuser all of them. Django's
permission tables are never read. Nothing here is about one model.
"""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from psycopg.errors import QueryCanceled
from unfold.admin import ModelAdmin, TabularInline

from portal.access.projects import origin
from portal.admin import cells
from portal.admin.lists import KeysetPaginator, PortalList, chosen
from portal.admin.site import READING, administered, is_superuser
from portal.drawing.values import HIDDEN
from synclogs.access import audit
from synclogs.models import Action, ApiKey, ConnectedUser, LogEntry, Membership, Project, Sync
from synclogs.query.filters import FilterError
from synclogs.reading import keyset
from synclogs.storage.time_limits import estimate

# Shorter than the limit of a web process, so that a slow list can say what to do instead.
LIST_MILLISECONDS = 4000
SECRET = {"password", "secret_hash"}

type Change = tuple[dict[str, Any], dict[str, Any]]


class Rights:
    """Whose rows a person sees and what they may do with them, for pages and for tables inside pages."""

    project_path = "project"  # from the model to its project; "" where only superusers have a say
    may_add = may_change = may_delete = True

    def is_for(self, request: HttpRequest) -> bool:
        return is_superuser(request) or bool(self.project_path and administered(request))

    def reaches(self, request: HttpRequest, obj: Model | None) -> bool:
        """Whether the person manages the project that `obj` belongs to; without one, whether they manage any."""
        if obj is None or is_superuser(request):
            return self.is_for(request)
        return self.project_of(obj) in administered(request)

    def project_of(self, obj: Model) -> Project | None:
        return obj if isinstance(obj, Project) else getattr(obj, "project", None)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.is_for(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.reaches(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_add and self.reaches(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change and self.reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and self.reaches(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the projects that the person administers."""
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        if not self.project_path:
            return queryset if is_superuser(request) else queryset.none()
        return queryset.filter(**{f"{self.project_path}__in": [project.pk for project in administered(request)]})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the buttons that open another form in a frame: the content security policy allows no frames."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Project:
            mine = [project.pk for project in administered(request)]
            kwargs.setdefault("queryset", Project.objects.filter(pk__in=mine))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class Shown:
    """A row as the head of its page names it: what a sender wrote may hold characters that turn the text around.

    Templates of Django and Unfold take the text of the row itself; neither has a hook for it.
    """

    def __init__(self, obj: Model) -> None:
        self.obj = obj

    def __getattr__(self, name: str) -> Any:
        return getattr(self.obj, name)

    def __str__(self) -> str:
        return cells.unhidden(str(self.obj))[: cells.SHORT]


class PortalModelAdmin(Rights, ModelAdmin):
    """The pages of one model. Lists only read: nothing is ever done to many rows at once."""

    actions: tuple[str, ...] | None = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    empty_value_display = cells.NOTHING
    list_before_template = "admin/active.html"
    portal_page = ""  # the URL name of the same thing in the portal
    portal_field = "pk"  # the field that stands in that URL

    # Reading

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalList]:
        return PortalList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The list under a time limit, so that no choice of filters holds a connection."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {LIST_MILLISECONDS}")
                response: HttpResponse = super().changelist_view(request, extra_context)
                if isinstance(response, TemplateResponse):
                    response.render()  # the last queries run while rendering
                return response
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
        context = {**self.admin_site.each_context(request), "title": "This list takes too long", "opts": self.opts}
        answer = render(request, "admin/too_slow.html", context, status=503)
        answer["Retry-After"] = "2"
        return answer

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only the declared filters: Django would let every column be searched, with every operator."""
        return any(lookup == getattr(found, "parameter_name", None) for found in self.get_list_filter(request))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseBase:
        """What happened to a thing stands in the audit, not in Django's own log."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        project = self.project_of(obj)
        query = {"project": project.slug if project else "-", "q": named(obj), "since": "30d"}
        return HttpResponseRedirect(f"{reverse('admin:synclogs_auditevent_changelist')}?{urlencode(query)}")

    def view_on_site(self, obj: Any) -> str | None:
        return cells.portal_url(self.portal_page, self.project_of(obj), getattr(obj, self.portal_field)) or None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if context.get("original") is not None:
            context = {**context, "original": Shown(context["original"]), "subtitle": str(Shown(context["original"]))}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        super().message_user(request, "Done." if HIDDEN.search(str(message)) else message, *args, **kwargs)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Somebody else's row and no row at all look the same. Django has no public hook after its permissions."""
        raise Http404

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """New objects belong to the project that was opened last, unless the form says otherwise."""
        return {"project": chosen(request).pk or None, **super().get_changeform_initial_data(request)}

    # The audit, inside the transaction that Django opens around every change

    def remember(self, request: HttpRequest, obj: Model, action: Action, change: Change, *, reason: str = "") -> None:
        before, after = change
        if action == Action.OBJECT_CHANGED and not (before or after):
            return
        audit.record(
            action,
            actor=request.user,
            project=self.project_of(obj),
            object_type=str(obj._meta.verbose_name),
            object_text=named(obj),
            before=before or None,
            after=after or None,
            reason=reason,
            **origin(request),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = Action.OBJECT_CHANGED if change else Action.OBJECT_ADDED
        self.remember(request, obj, action, changes(form, before=change))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        rows = {id(row.instance): row for row in formset.forms}
        for obj in formset.new_objects:
            self.remember(request, obj, Action.OBJECT_ADDED, changes(rows[id(obj)], before=False))
        for obj, _ in formset.changed_objects:
            self.remember(request, obj, Action.OBJECT_CHANGED, changes(rows[id(obj)], before=True))
        for obj in formset.deleted_objects:
            self.remember(request, obj, Action.OBJECT_DELETED, (state(obj), {}))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remember(request, obj, Action.OBJECT_DELETED, (state(obj), {}))
        super().delete_model(request, obj)

    def log_change(self, request: HttpRequest, *_: Any) -> None:
        """Django's own log of the admin is not written: it knows neither project nor values, and the audit has both."""

    log_addition = log_deletions = log_change


class PagedAdmin(PortalModelAdmin):
    """Pages of one large table: lists by keyset, newest first, of which `moment` names the column."""

    moment = ""
    sortable_by: tuple[str, ...] = ()
    list_select_related: Any = ("project",)

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *_: Any) -> KeysetPaginator:
        cursors = {name: request.GET.get(name, "") for name in keyset.CURSORS}
        try:
            found = keyset.page(queryset, self.moment, size=per_page, **cursors)
        except FilterError as error:
            messages.error(request, str(error))
            found = keyset.Slice([], "", "")
        return KeysetPaginator(found, per_page, expected=lambda: estimate(queryset))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The whole text is one term, as in quotation marks: an ID may hold spaces."""
        term = search_term.strip()[:256].replace("\\", r"\\").replace('"', r"\"")
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, f'"{term}"' if term else "")
        return found


class ReadOnlyAdmin(PagedAdmin):
    """Pages of what only the machine writes."""

    may_add = may_change = may_delete = False
    warn_unsaved_form = False

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "show_history": False})


class PortalInline(Rights, TabularInline):
    """A table of related rows inside a page."""

    extra = 0
    show_title = False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With a name of its own for screen readers: the visible one is only in the head of the table."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field:
            field.widget.attrs["aria-label"] = str(field.label)
        return field


def named(obj: Model) -> str:
    """How the audit names a thing: by what does not change."""
    match obj:
        case Project():
            return obj.slug
        case Membership():
            return f"{obj.user.get_username()} in {obj.project.slug}"
        case ApiKey():
            return f"{obj.name} (ssp_{obj.key_id}_…)"
        case ConnectedUser():
            return obj.user_id
        case Sync():
            return str(obj.sync_id)
        case LogEntry():
            return str(obj.key)
    return str(obj)


def changes(form: Any, *, before: bool) -> Change:
    """What a form changed, as (before, after) of the model's own fields; never a secret."""
    model_fields = {field.name for field in form._meta.model._meta.get_fields()} - SECRET
    names = [name for name in form.changed_data if name in model_fields]
    old = {name: plain(form.get_initial_for_field(form.fields[name], name)) for name in names} if before else {}
    return old, {name: plain(form.cleaned_data.get(name)) for name in names}


def state(obj: Model) -> dict[str, Any]:
    """All columns of a row that is about to go; never a secret."""
    return {
        field.name: plain(getattr(obj, field.name))
        for field in obj._meta.concrete_fields
        if field.name not in SECRET and not field.primary_key
    }


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | QuerySet):
        return [plain(item) for item in value]
    return str(value)
