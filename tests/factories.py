"""Things to test with: projects, people, keys, and entries that go in by the real ingest path."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.contrib.auth.models import User
from django.utils import timezone
from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory, Password

from synclogs.access import keys
from synclogs.ingestion import ingest
from synclogs.models import ApiKey, Membership, Project, Role, Scope
from synclogs.parsing import records

PASSWORD = "a long password of the tests"
NUMBERS = itertools.count(1)


class Projects(DjangoModelFactory[Project]):
    class Meta:
        model = Project
        skip_postgeneration_save = True

    slug = Sequence(lambda number: f"project-{number}")  # type: ignore[no-untyped-call]
    name = LazyAttribute(lambda made: made.slug.replace("-", " ").capitalize())  # type: ignore[no-untyped-call]


class Users(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Sequence(lambda number: f"person-{number}")  # type: ignore[no-untyped-call]
    # Hashing a password takes a while by design; PASSWORD works only for people made with `with_password=True`.
    password = "!"

    class Params:
        with_password = Trait(password=Password(PASSWORD))  # type: ignore[no-untyped-call]


class Memberships(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = SubFactory(Users)  # type: ignore[no-untyped-call]
    project = SubFactory(Projects)  # type: ignore[no-untyped-call]
    role = Role.VIEWER


# To type checkers a call of a factory makes a factory; these say what it really makes.
ProjectFactory: Callable[..., Project] = cast(Any, Projects)
UserFactory: Callable[..., User] = cast(Any, Users)
MembershipFactory: Callable[..., Membership] = cast(Any, Memberships)


def member(project: Project, role: Role = Role.VIEWER) -> User:
    """A person with that role in the project; sign in with `client.force_login(member(project))`."""
    return MembershipFactory(project=project, role=role).user


def api_key(project: Project, *scopes: Scope, **more: Any) -> tuple[ApiKey, str]:
    """A key and its text; without scopes it may do everything. `more` sets other columns, such as requests_per_minute."""
    key, text = keys.create(project, "a key of the tests", scopes=[*(scopes or Scope)])
    for name, value in more.items():
        setattr(key, name, value)
    key.save()
    return key, text


def bearer(text: str) -> dict[str, str]:
    """Headers for Django's test client: `client.get(url, headers=bearer(text))`."""
    return {"Authorization": f"Bearer {text}"}


def sync_id(name: object = 1) -> str:
    """A sync id that stays the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sync {name}"))


def entry(**values: Any) -> dict[str, Any]:
    """An entry as a sender writes it: an incremental run that completed a minute ago, unless `values` say otherwise.

    A value of None leaves the field out; `timestamp` may be a datetime. Each call makes an id of its own.
    """
    moment = values.pop("timestamp", None) or timezone.now() - timedelta(minutes=1)
    made: dict[str, Any] = {
        "id": f"evt-{next(NUMBERS)}",
        "timestamp": rfc3339(moment) if isinstance(moment, datetime) else moment,
        "level": "INFO",
        "type": "managed_sync",
        "syncEvent": "INCREMENTAL_SYNC_COMPLETED",
        "syncId": sync_id(),
        "traceId": "trace-1",
        "userId": "acct_1",
        "integration": "googledrive",
        "pipeline": "files",
        "syncType": "INCREMENTAL",
    }
    made.update(values)
    return {name: value for name, value in made.items() if value is not None}


def error_entry(**values: Any) -> dict[str, Any]:
    """An entry of a run that failed for good."""
    error = {
        "recoverability": "NON_RECOVERABLE",
        "httpStatus": 401,
        "errorCode": "invalid_grant",
        "message": "Sign in again",
    }
    usual = {"level": "ERROR", "syncEvent": "SYNC_RUN_ERROR", "syncStatus": "ERRORED", "error": error}
    return entry(**{**usual, **values})


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read(*entries: dict[str, Any], now: datetime | None = None) -> list[records.Record]:
    """Entries as the ingest path reads them; all of them have to be acceptable."""
    reading = records.read_json(json.dumps(entries).encode(), now=now or timezone.now())
    assert not reading.refusals, reading.refusals
    return reading.records


def store(project: Project, *entries: dict[str, Any], now: datetime | None = None) -> ingest.Written:
    """Writes entries by the same path as every intake, projections included."""
    now = now or timezone.now()
    return ingest.write(project, read(*entries, now=now), now=now)


def run(*, at: datetime, name: object = 1, event: str = "INCREMENTAL_SYNC", **values: Any) -> Iterable[dict[str, Any]]:
    """The two entries of a good run that started at `at` and took eight seconds."""
    common = {"syncId": sync_id(name), "traceId": f"run-{name}-{at.timestamp():.0f}", **values}
    summary = {"created": 4, "updated": 11, "deleted": 0, "totalProcessed": 15, "totalChanges": 15, "durationMs": 8000}
    yield entry(timestamp=at, syncEvent=f"{event}_STARTED", syncStatus="ACTIVE", **common)
    end = at + timedelta(seconds=8)
    yield entry(timestamp=end, syncEvent=f"{event}_COMPLETED", syncStatus="IDLE", **{"summary": summary, **common})


def key_of(text: str, *, now: datetime) -> ApiKey | None:
    """The usable key behind the text, as the API's door finds it."""
    admission = keys.admit(text, "", now=now)
    return admission.key if admission else None
