"""Admin of connected users (end customers). Only their names, e-mails and companies can be edited."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.admin import cells
from portal.admin.base import PagedAdmin
from portal.admin.cells import Cell, code_column, column, moment_column, text_column
from portal.admin.lists import OneProject
from portal.log import payload
from synclogs.models import ConnectedUser
from synclogs.parsing.decoding import Problem, Scanner
from synclogs.parsing.fields import Invalid, without_unsafe

METADATA_CHARACTERS = 16_384


class Metadata(forms.CharField):
    """A JSON object as text, read by the same strict reader as the intake; Django's own field breaks on deep nesting."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return payload.as_json(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if len(text) > METADATA_CHARACTERS:
            raise ValidationError(f"At most {METADATA_CHARACTERS:,} characters.")
        found, _ = Scanner().line((text or "{}").encode(errors="replace"))
        if isinstance(found, Problem):
            raise ValidationError(found.detail)
        if not isinstance(found, dict):
            raise ValidationError('The metadata is a JSON object, such as {"plan": "gold"}.')
        try:
            return without_unsafe(found)
        except Invalid as refused:
            raise ValidationError(str(refused)) from None


class ConnectedUserForm(forms.ModelForm):  # type: ignore[type-arg]
    metadata = Metadata(required=False, help_text='A JSON object, such as {"plan": "gold"}.')


@admin.register(ConnectedUser)
class ConnectedUserAdmin(PagedAdmin):
    """An end customer; the name, e-mail and company are the only columns here that people edit."""

    form = ConnectedUserForm
    moment = "last_seen_at"
    may_add = may_delete = False
    portal_page, portal_field = "user", "user_id"
    list_display = ("user_code", "name_words", "company_words", "email_words", "last_seen", "syncs_link")
    list_filter = (OneProject,)
    search_fields = ("user_id__exact", "name", "email", "company")
    search_help_text = "User ID exactly, or part of a name, e-mail or company"
    readonly_fields = ("project_words", "user_code", "first_seen", "last_seen", "syncs_link")
    fieldsets = (
        (None, {"fields": ("project_words", "user_code", "first_seen", "last_seen", "syncs_link")}),
        ("Who this is", {"fields": ("name", "email", "company", "metadata")}),
    )

    project_words = text_column("project", "Project")
    user_code = code_column("user_id", "User ID")

    name_words = text_column("name", "Name")
    company_words = text_column("company", "Company")
    email_words = text_column("email", "E-mail")
    first_seen = moment_column("first_seen_at", "First seen")
    last_seen = moment_column("last_seen_at", "Last seen")

    @column("Syncs")
    def syncs_link(self, obj: ConnectedUser) -> Cell:
        return cells.list_link("synclogs_sync", "Show syncs", project=obj.project.slug, user_id=obj.user_id)
