"""`manage.py load_demo`: the project `demo` with logins, connected users and a week of entries.

Running it again adds what is missing: entries of an interrupted run, and the time since the demo was stopped. Refused where the
settings do not say that this is a demo.
"""

import os
import secrets
import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max, Sum
from django.utils import timezone

from synclogs.demo.generate import DEMO, generate, missed_entries, people
from synclogs.ingestion import cadence
from synclogs.management.loading import Loaded, beyond_retention, load
from synclogs.management.progress import Progress
from synclogs.models import ConnectedUser, Facet, HourCount, Membership, Project, Role, Sync

LOGINS = (("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("lead", Role.LEAD), ("admin", Role.ADMIN))
DOMAIN = "@demo.example"
GAP = timedelta(minutes=15)
PLANS = ("starter", "team", "business")


class Command(BaseCommand):
    help = "Fills the project demo and makes its logins; only with DEBUG=1 or PORTAL_DEMO=1."

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEBUG or settings.DEMO):
            raise CommandError("The demo has known logins: set PORTAL_DEMO=1 (or DEBUG=1) if you really want it here.")
        password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(12)
        project, _ = Project.objects.get_or_create(slug=DEMO.project, defaults={"name": "Demo"})
        logins = [name for name, role in LOGINS if login(name, role, project=project, password=password)]
        loaded = fill(project) + catch_up(project)
        introduce(project)
        cadence.refresh(now=timezone.now())
        self.stdout.write(f"Project {project.slug}: {loaded.accepted:,} entries added.")
        if missing := beyond_retention(project, loaded):
            self.stdout.write(missing)
        if logins:
            self.stdout.write(f"Logins: {', '.join(logins)}; password: {password}")


def login(name: str, role: Role, *, project: Project, password: str) -> bool:
    """Makes or mends one login; False when the name belongs to somebody else."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User(username=name, email=name + DOMAIN, first_name=name.capitalize(), last_name="Demo")
    elif not user.email.endswith(DOMAIN):
        return False
    user.is_staff = user.is_superuser = role == Role.ADMIN
    user.is_active = True
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    Membership.objects.update_or_create(user=user, project=project, defaults={"role": role})
    return True


def fill(project: Project) -> Loaded:
    """The first week. The moment at which the project was made is its end, so a second try makes the same entries."""
    count = HourCount.objects.of(project).filter(facet=Facet.TOTAL).aggregate(total=Sum("count"))["total"] or 0
    if count >= DEMO.entries:
        return Loaded()
    entries = generate(seed=DEMO.seed, entries=DEMO.entries, days=DEMO.days, users=DEMO.users, now=project.created_at)
    with Progress(sys.stderr, "Demo", total=DEMO.entries) as progress:
        return load(project, entries, progress=progress)


def catch_up(project: Project) -> Loaded:
    """The time since the last entry, at the pace of that first week, so that the last days are never empty."""
    now = timezone.now()
    newest = Sync.objects.of(project).aggregate(newest=Max("last_seen_at"))["newest"]
    newest = max(newest or project.created_at, project.created_at)
    if now - newest < GAP:
        return Loaded()
    since = max(newest, now - timedelta(days=DEMO.days))
    with Progress(sys.stderr, "Demo since it was stopped", total=None) as progress:
        return load(project, missed_entries(since=since, until=now), progress=progress)


def introduce(project: Project) -> None:
    """The connected users, as a client would have written them by the REST API."""
    for rank, person in enumerate(people(seed=DEMO.seed, users=DEMO.users)):
        facts = {
            "name": person.name,
            "email": person.email,
            "company": person.company,
            "metadata": {"plan": PLANS[rank % len(PLANS)], "seats": 5 + 3 * (45 - rank)},
        }
        ConnectedUser.objects.update_or_create(project=project, user_id=person.user_id, defaults=facts)
