"""Saved views of the log list: permissions, changes, and how many entries one matches.

Returns a view, or raises a refusal with a sentence. Changes of a team's view write an audit row in the same transaction.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Lower

from synclogs.access import audit
from synclogs.access.actors import Actor, NotAllowed, Refused, allow
from synclogs.models import Action, Facet, Project, Role, SavedView
from synclogs.models.view import NAME_LENGTH, QUERY_LENGTH
from synclogs.moments import HOUR
from synclogs.parsing.decoding import cleaned
from synclogs.query.filters import LogFilter
from synclogs.reading import count_sql
from synclogs.storage import time_limits

MOST_OWN, MOST_SHARED = 50, 100
COUNTED_TO = 10_000
OBJECT_TYPE = "saved view"


def may_share(actor: Actor) -> bool:
    return actor.role >= Role.OPERATOR


def allow_sharing(actor: Actor) -> None:
    """Raises NotAllowed."""
    words = f"Sharing a view with the team is for operators and above. You are {actor.role.label.lower()} here."
    allow(actor, Role.OPERATOR, words)


def may_change(view: SavedView, actor: Actor) -> bool:
    """One's own; those of the team also as a lead."""
    is_own = actor.user is not None and view.owner_id == actor.user.pk
    return is_own or (view.is_shared and actor.role >= Role.LEAD)


def _allow_change(view: SavedView, actor: Actor) -> None:
    if not may_change(view, actor):
        raise NotAllowed("Only whose view it is, and leads, can change this view of the team.")


def create(project: Project, owner: User, *, actor: Actor, name: str, query: str, is_shared: bool) -> SavedView:
    """A new view of the actor's own. Raises NotAllowed, Refused."""
    if is_shared:
        allow_sharing(actor)
    view = SavedView(project=project, owner=owner, name=name, query=query, is_shared=is_shared)
    with transaction.atomic():
        check(view)
        view.save(force_insert=True)
        if is_shared:
            _remember(Action.OBJECT_ADDED, view, actor, after=_state(view))
    return view


def change(
    view: SavedView, actor: Actor, *, name: str | None = None, query: str | None = None, is_shared: bool | None = None
) -> None:
    """Renames it, keeps another query under it, shares it or takes it back; None leaves as it is.

    Raises NotAllowed, Refused.
    """
    _allow_change(view, actor)
    if is_shared and not view.is_shared:
        allow_sharing(actor)
    before = _state(view)
    changes = {"name": name, "query": query, "is_shared": is_shared}
    for column, value in changes.items():
        if value is not None:
            setattr(view, column, value)
    with transaction.atomic():
        check(view)
        view.save(update_fields=["name", "query", "is_shared", "updated_at"])
        changed = {column for column, value in _state(view).items() if value != before[column]}
        if changed and (before["is_shared"] or view.is_shared):
            # The team has not seen a view that was private until now, so the audit tells all of it.
            columns = before.keys() if "is_shared" in changed else changed
            old, new = ({column: state[column] for column in sorted(columns)} for state in (before, _state(view)))
            _remember(Action.OBJECT_CHANGED, view, actor, before=old, after=new)


def remove(view: SavedView, actor: Actor) -> None:
    """Raises NotAllowed."""
    _allow_change(view, actor)
    with transaction.atomic():
        if view.is_shared:
            _remember(Action.OBJECT_DELETED, view, actor, before=_state(view))
        SavedView.objects.filter(pk=view.pk).delete()


def _state(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "query": view.query, "is_shared": view.is_shared}


def _remember(
    action: Action,
    view: SavedView,
    actor: Actor,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        action,
        project=view.project,
        object_type=OBJECT_TYPE,
        object_text=view.name,
        **actor.audited(),
        before=before,
        after=after,
    )


def check(view: SavedView) -> None:
    """Inside a transaction: cleans the name and judges it and the numbers, one person of a project after the other. Raises Refused."""
    view.name = " ".join(cleaned(view.name).split())
    if not view.name:
        raise Refused("name", "Give the view a name.")
    if len(view.name) > NAME_LENGTH:
        raise Refused("name", f"At most {NAME_LENGTH} characters; these are {len(view.name)}.")
    if len(view.query) > QUERY_LENGTH:
        raise Refused("query", "These are too many filters for a saved view.")
    Project.objects.select_for_update(no_key=True).get(pk=view.project_id)
    others = SavedView.objects.filter(project=view.project_id).exclude(pk=view.pk)
    own, shared = others.filter(owner=view.owner_id), others.filter(is_shared=True)
    alike = {"lowered": Lower(Value(view.name))}
    if own.annotate(lowered=Lower("name")).filter(**alike).exists():
        raise Refused("name", "There is a view of yours with this name already.")
    if view.is_shared and shared.annotate(lowered=Lower("name")).filter(**alike).exists():
        raise Refused("name", "The team has a view with this name already.")
    if view._state.adding and own.count() >= MOST_OWN:
        raise Refused("name", f"You have {MOST_OWN} views, which is the most; delete one first.")
    if view.is_shared and shared.count() >= MOST_SHARED:
        raise Refused("is_shared", f"The team has {MOST_SHARED} views, which is the most; delete one first.")


def tally(log_filter: LogFilter, project: Project, *, seconds: float, most: int = COUNTED_TO) -> int | None:
    """How many entries match; exactly where the stored counts can tell, else up to `most` and one more for any larger
    number. None when the time was up.
    """
    narrowed = count_sql.narrowing(log_filter)
    try:
        with time_limits.within(seconds):
            if narrowed is None:
                return log_filter.entries(project).order_by()[: most + 1].count()
            span = count_sql.cut(log_filter, HOUR)
            total = sum(edge.entries(project).count() for edge in span.edges)
            hours = count_sql.hours(project, narrowed, [Facet.TOTAL], span)
            return total + (_total(hours) if hours else 0)
    except time_limits.OutOfTime:
        return None


def _total(counts: count_sql.Fragment) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(sum(entries), 0) FROM ({counts.sql}) AS counts", counts.parameters)  # noqa: S608 - made by sums
        return int(cursor.fetchone()[0])
