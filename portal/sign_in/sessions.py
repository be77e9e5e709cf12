"""Database sessions that end by idleness, by age, at sign-out and at deactivation.

The cookie holds a key, the row its hash, so that reading the table opens no session. A row's `expire_date` is the time at which the
session ends, whichever limit comes first. Requests that an open page makes by itself do not count as activity.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from portal.access.projects import is_polled

BEGAN = "began"  # seconds since 1970, in the session's data
TOUCH_EVERY = timedelta(minutes=1)


class SessionStore(db.SessionStore):
    """Django's, with hashed keys and both limits."""

    ends_at: datetime | None = None  # as the row says

    def load(self) -> dict[str, Any]:
        now = timezone.now()
        row = Session.objects.filter(session_key=hashed(self.session_key or ""), expire_date__gt=now).first()
        data: dict[str, Any] = self.decode(row.session_data) if row else {}
        if row is None or end_of(data.get(BEGAN, 0), now=now) <= now:
            self._session_key = None
            return {}
        self.ends_at = row.expire_date
        return data

    def exists(self, session_key: str) -> bool:
        return super().exists(hashed(session_key))

    def end(self, session_key: str | None = None) -> None:
        """Without a key this one, after which nothing is left of it."""
        if session_key is None:
            self.ends_at = None
        key = session_key or self.session_key
        if key is not None:
            super().delete(hashed(key))

    delete = end  # what Django calls it

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Saving moves the end of a session no more than reading does."""
        now = timezone.now()
        began = data.setdefault(BEGAN, int(now.timestamp()))
        self.ends_at = self.ends_at or end_of(began, now=now)
        return Session(
            session_key=hashed(self.session_key or ""),  # never without: `save` has made one
            session_data=self.encode(data),
            expire_date=self.ends_at,
        )

    def touch(self) -> None:
        """Activity moves the end on. Written at most once a minute, and never for a session that has ended meanwhile."""
        if self.session_key is None or self.ends_at is None:
            return
        end = end_of(self.get(BEGAN, 0), now=timezone.now())
        if end - self.ends_at < TOUCH_EVERY:
            return
        Session.objects.filter(session_key=hashed(self.session_key)).update(expire_date=end)
        self.ends_at = end


def end_of(began: int, *, now: datetime) -> datetime:
    """The earlier of the two: idle for too long from now on, or too old. `began` is in seconds since 1970."""
    idle, age = timedelta(minutes=settings.SESSION_IDLE_MINUTES), timedelta(hours=settings.SESSION_HOURS)
    return min(now + idle, datetime.fromtimestamp(began, UTC) + age)


def hashed(key: str) -> str:
    """As long as Django's column: 160 bits of the hash of a key that has as many."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def end_all(user: User) -> None:
    """Ends every session of that person, in every browser."""
    for row in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if SessionStore().decode(row.session_data).get(SESSION_KEY) == str(user.pk):
            row.delete()


def activity(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: what a signed-in person asks for keeps the session alive; one whose person may not sign in any more ends."""

    def respond(request: Any) -> HttpResponseBase:
        response = get_response(request)
        if not request.session.accessed or SESSION_KEY not in request.session:
            return response
        if not request.user.is_authenticated:
            request.session.flush()
        elif not is_polled(request.resolver_match and request.resolver_match.func):
            request.session.touch()
        return response

    return respond
