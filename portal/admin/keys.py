"""Admin of API keys: create, show once, change, revoke. The secret is never stored."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from portal.admin import cells
from portal.admin.base import PortalModelAdmin, changes
from portal.admin.cells import Cell, column, moment_column
from portal.admin.lists import Case, ProjectChoice, choice
from synclogs.access import keys
from synclogs.models import Action, ApiKey, Project, Scope

REASON_LENGTH = 500


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[Scope.LOGS_WRITE],
        error_messages={"required": "Tick what the key is for."},
        help_text="What the key may do; tick only what its program needs.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" in self.fields:
            self.fields["expires_at"].help_text = "In UTC. Empty: never."
            widget: Any = self.fields["expires_at"].widget
            for part, words in zip(widget.widgets, ("date", "time in UTC"), strict=True):
                part.attrs["aria-label"] = f"Expires at: {words}"

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This moment has passed; to end a key now, revoke it.")
        return moment

    def clean(self) -> dict[str, Any]:
        """One usable key a name, which also keeps a form that is sent twice from making two keys."""
        values: dict[str, Any] = super().clean() or {}
        project = values.get("project") or (self.instance.project if self.instance.pk else None)
        if project:
            # Two clicks at once take turns here; "no key" lets ingest go on, whose rows refer to the project.
            list(Project.objects.select_for_update(no_key=True).filter(pk=project.pk))
        same = ApiKey.objects.usable(timezone.now()).filter(project=project, name=values.get("name"))
        if project and same.exclude(pk=self.instance.pk).exists():
            self.add_error(
                "name", "A key of this name is in use in this project. Choose another name, or revoke that key."
            )
        return values


STATES = {
    "usable": ("Usable", Q(revoked_at=None) & ~Q(expires_at__lte=Now())),
    "revoked": ("Revoked", Q(revoked_at__isnull=False)),
    "expired": ("Expired", Q(expires_at__lte=Now(), revoked_at=None)),
    "unused": ("Never used", Q(last_used_at=None)),
}


@admin.register(ApiKey)
class ApiKeyAdmin(PortalModelAdmin):
    """A key is never deleted, so that the audit and the logs of its use keep their meaning; it is revoked."""

    form = KeyForm
    may_delete = False
    list_display = ("name", "project", "key_code", "scope_words", "state_words", "last_used", "expires", "created")
    list_filter = (ProjectChoice, choice("State", "state", Case, cases=STATES))
    list_select_related = ("project",)
    search_fields = ("name", "key_id")
    search_help_text = "Name, or the part of the key between the first two underscores"
    ordering = ("-created_at", "-pk")
    sortable_by = ("name", "project")
    actions_detail = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        names = ("project", "name", "scopes", "expires_at", "requests_per_minute")
        return (*names, "key_code", "state_words", "created", "last_used", "revoked") if obj else names

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("project", "key_code", "state_words", "created", "last_used", "revoked") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    # Making

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """With one button: what follows is always the page with the secret."""
        one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one})

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made, secret = keys.create(obj.project, obj.name, scopes=obj.scopes, expires_at=obj.expires_at)
        if obj.requests_per_minute:
            ApiKey.objects.filter(pk=made.pk).update(requests_per_minute=obj.requests_per_minute)
        obj.pk, obj.key_id = made.pk, made.key_id
        self.remember(request, obj, Action.KEY_CREATED, changes(form, before=False))
        request.new_key = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The answer to the form is the one page that shows the secret: it is in no message, session, cookie or address."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy this key now",
            "opts": self.opts,
            "key": obj,
            "secret": request.new_key,  # type: ignore[attr-defined]
            "scopes": [Scope(scope).label for scope in obj.scopes],
        }
        return TemplateResponse(request, "admin/key_created.html", context, headers={"Cache-Control": "no-store"})

    # Revoking

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The button is there while there is something to revoke.

        Unfold's public `permissions` of an action would also answer the second click with a refusal.
        """
        obj = self.get_object(request, str(object_id))
        return super().get_actions_detail(request, object_id) if obj and obj.revoked_at is None else []

    @action(description="Revoke", url_path="revoke", variant=ActionVariant.DANGER)  # type: ignore[untyped-decorator]
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks, POST does it; from the next request on the key opens nothing."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        page = reverse("admin:synclogs_apikey_change", args=(obj.pk,))
        if obj.revoked_at:
            messages.info(request, f"The key “{obj.name}” is already revoked.")
            return HttpResponseRedirect(page)
        if request.method != "POST":
            context = {**self.admin_site.each_context(request), "title": "Revoke this key?", "opts": self.opts}
            return TemplateResponse(request, "admin/key_revoke.html", {**context, "key": obj, "back": page})
        reason = request.POST.get("reason", "").strip()[:REASON_LENGTH]
        with transaction.atomic():
            if keys.revoke(obj, now=timezone.now()):
                self.remember(request, obj, Action.KEY_REVOKED, ({}, {}), reason=reason)
        messages.success(request, f"The key “{obj.name}” is revoked. Programs that use it are refused from now on.")
        return HttpResponseRedirect(page)

    # Columns

    @column("Key")
    def key_code(self, obj: ApiKey) -> Cell:
        return cells.code(f"ssp_{obj.key_id}_…")

    @column("May")
    def scope_words(self, obj: ApiKey) -> str:
        return ", ".join(str(Scope(scope).label) for scope in obj.scopes)

    @column("State", label={"Usable": "success", "Revoked": "danger", "Expired": "warning"})
    def state_words(self, obj: ApiKey) -> str:
        if obj.revoked_at:
            return "Revoked"
        return "Expired" if obj.expires_at and obj.expires_at <= timezone.now() else "Usable"

    last_used = moment_column("last_used_at", "Last used", empty="never")
    expires = moment_column("expires_at", "Expires", empty="never")
    created = moment_column("created_at", "Created")
    revoked = moment_column("revoked_at", "Revoked")
