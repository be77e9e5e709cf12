"""Filter sets of small tables (syncs, users, audit): a query string to a queryset, or errors by field.

An unknown parameter is an error with a hint and never "match everything". The log has its own filters (synclogs.query.filters).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.http import QueryDict

from portal.links.querystring import refused, value_words
from synclogs.catalogue.recovery import OPEN, State
from synclogs.models import Action, Attention, AuditEvent, Bulk, ConnectedUser, Project, Reenable, Sync
from synclogs.models.sync import SyncQuerySet
from synclogs.parsing.identifiers import uuid_of
from synclogs.reading import keyset

LONGEST = 256
MOST = 100
ANY = "any"
UNDER_WAY = "open"


class TextsField(forms.MultipleChoiceField):
    """Any texts, as many as MOST: what integrations, pipelines and states are called is not ours to say."""

    validators_of_each: Sequence[Callable[[str], None]] = (
        MaxLengthValidator(LONGEST),
        ProhibitNullCharactersValidator(),
    )

    def valid_value(self, value: str) -> bool:
        return True

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MOST:
            raise ValidationError(f"At most {MOST} values.")
        for text in value:
            for validator in self.validators_of_each:
                validator(text)

    def to_python(self, value: Any) -> list[str]:
        return [text for text in super().to_python(value) if text]


class TextsFilter(django_filters.MultipleChoiceFilter):
    """`status=A&status=B`: any of these values."""

    field_class = TextsField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, distinct=False, choices=(), **kwargs)

    def filter(self, qs: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__in": value}) if value else qs


class ChoicesFilter(django_filters.MultipleChoiceFilter):
    """Several of a closed list; narrows nothing by itself, since the view counts each choice first."""

    def filter(self, qs: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        return qs


def search_field(method: str) -> django_filters.CharFilter:
    return django_filters.CharFilter(method=method, max_length=LONGEST)


def people_like(project: Project, text: str) -> QuerySet[ConnectedUser]:
    """The connected users with this text in their ID, name, e-mail or company."""
    like = Q()
    for name in ("user_id", "name", "email", "company"):
        like |= Q(**{f"{name}__icontains": text})
    return ConnectedUser.objects.of(project).filter(like)


class ProjectFilters(django_filters.FilterSet):
    """Filters of one project's list. `errors_by_name` is empty when all of the query string could be read."""

    def __init__(self, data: QueryDict, queryset: QuerySet[Any], *, project: Project, now: datetime) -> None:
        super().__init__(data, queryset)
        self.project = project
        self.now = now

    @property
    def errors_by_name(self) -> dict[str, str]:
        found = {name: " ".join(str(text) for text in texts) for name, texts in self.errors.items()}
        return found | refused(self.data.lists(), (*self.filters, *keyset.CURSORS))

    @property
    def used(self) -> Mapping[str, Any]:
        """The filters that have a value, cleaned."""
        return {name: value for name, value in self.form.cleaned_data.items() if value}


class SyncFilters(ProjectFilters):
    q = search_field("search")
    status = TextsFilter()
    integration = TextsFilter()
    pipeline = TextsFilter()
    user = TextsFilter(field_name="user_id")
    error_code = TextsFilter(field_name="last_error_code")
    attention = ChoicesFilter(choices=((ANY, "Needs attention"), *Attention.choices))

    class Meta:
        model = Sync
        fields = ()

    def needing(self, syncs: SyncQuerySet) -> SyncQuerySet:
        """Those in the kinds of trouble that were asked for."""
        kinds = self.used.get("attention", [])
        if not kinds:
            return syncs
        return syncs.needing(*(Attention(kind) for kind in kinds if ANY not in kinds), now=self.now)

    def search(self, syncs: SyncQuerySet, name: str, text: str) -> SyncQuerySet:
        """A sync's whole ID or its beginning; or a part of a user's ID, name, e-mail or company."""
        key = uuid_of(text)
        if key:
            return syncs.filter(sync_id=key)
        owners = people_like(self.project, text).values("user_id")
        return syncs.annotate(id_text=Cast("sync_id", CharField())).filter(
            Q(id_text__istartswith=text) | Q(user_id__icontains=text) | Q(user_id__in=owners)
        )


SYNC_LABELS = {
    "q": "Text", "status": "State", "integration": "Integration", "pipeline": "Pipeline", "user": "User",
    "error_code": "Error code", "attention": "Attention",
}  # fmt: skip


def sync_label(name: str, value: str) -> tuple[str, str]:
    """The label of a filter of SyncFilters, and its value in words."""
    if name == "attention":
        return SYNC_LABELS[name], dict(Attention.choices).get(value, "needed")
    return SYNC_LABELS.get(name, name), value_words(name, value)


def validate_sync_id(text: str) -> None:
    if uuid_of(text) is None:
        raise ValidationError("This is not the ID of a sync.")


class IdsField(TextsField):
    validators_of_each = (validate_sync_id,)


class IdsFilter(TextsFilter):
    field_class = IdsField


class TickedFilters(SyncFilters):
    """The filters of the list of syncs, and single syncs that were ticked there."""

    sync = IdsFilter(field_name="sync_id")


class UserFilters(ProjectFilters):
    q = search_field("search")
    user = TextsFilter(field_name="user_id")
    attention = django_filters.ChoiceFilter(method="with_problems", choices=((ANY, "Needs attention"),))

    class Meta:
        model = ConnectedUser
        fields = ()

    def search(self, users: QuerySet[ConnectedUser], name: str, text: str) -> QuerySet[ConnectedUser]:
        return users & people_like(self.project, text)

    def with_problems(self, users: QuerySet[ConnectedUser], name: str, value: str) -> QuerySet[ConnectedUser]:
        troubled = Sync.objects.of(self.project).needing(now=self.now)
        return users.filter(Exists(troubled.filter(user_id=OuterRef("user_id"))))


class AuditFilters(ProjectFilters):
    action = django_filters.MultipleChoiceFilter(choices=Action.choices, distinct=False)
    actor = django_filters.CharFilter(field_name="actor_text", lookup_expr="icontains", max_length=LONGEST)
    object = django_filters.CharFilter(field_name="object_text", lookup_expr="icontains", max_length=LONGEST)

    class Meta:
        model = AuditEvent
        fields = ()


class ReenableFilters(ProjectFilters):
    state = ChoicesFilter(choices=((UNDER_WAY, "Under way"), *State.choices))
    integration = TextsFilter()
    user = TextsFilter(field_name="user_id")
    sync = IdsFilter(field_name="sync_id")
    who = django_filters.CharFilter(field_name="actor_text", lookup_expr="icontains", max_length=LONGEST)
    bulk = django_filters.UUIDFilter(field_name="bulk_id")

    class Meta:
        model = Reenable
        fields = ()

    def tally(self, attempts: QuerySet[Reenable]) -> dict[str, int]:
        """How many there are in each state."""
        return dict(attempts.order_by().values_list("state").annotate(count=Count("pk")))

    def in_state(self, attempts: QuerySet[Reenable]) -> QuerySet[Reenable]:
        states = self.used.get("state", [])
        names = {name for value in states for name in (OPEN if value == UNDER_WAY else (value,))}
        return attempts.filter(state__in=names) if names else attempts


class BulkFilters(ProjectFilters):
    state = TextsFilter()

    class Meta:
        model = Bulk
        fields = ()
