"""Which project owns a provider's syncs and may have it called: the one that the settings name, else the only one.

Returns the project's provider, or what is missing. Ingested entries decide nothing here: another project may hold entries with
the same sync and user ids.
"""

from collections.abc import Sequence
from uuid import UUID

from synclogs import provider
from synclogs.access import denials
from synclogs.access.actors import Actor
from synclogs.models import Project, Sync
from synclogs.provider import Configuration, Fault, Provider, ProviderError

# Facts of the check: somebody else owns the provider's syncs, or nobody as long as the settings name no project.
ANOTHER, UNDECIDED = "another", "undecided"
NAMED = 5


def provider_of(project: Project) -> Provider | None:
    """Who re-enables the syncs of this project; None where nobody does. Raises Permanent where the settings will not do."""
    for found in chosen():
        if project.slug in found.owners or (not found.owners and _is_only(project)):
            return provider.of_settings(found.prefix)
    return None


def chosen() -> list[Configuration]:
    return [found for found in provider.configurations() if found.is_chosen]


def _is_only(project: Project) -> bool:
    return not Project.objects.exclude(pk=project.pk).exists()


def what_is_missing(project: Project) -> dict[str, str] | None:
    """Why nobody can be asked to re-enable the syncs of this project; None = somebody can.

    {"provider": a sentence} where the settings will not do, {"owner": …} where they belong to another project or to none yet,
    {} where nobody is set up.
    """
    try:
        if provider_of(project) is not None:
            return None
    except ProviderError as error:
        return {"provider": error.sentence}
    found = chosen()
    return {"owner": ANOTHER if all(each.owners for each in found) else UNDECIDED} if found else {}


# What is wrong between the settings and the projects that there are


def undecided() -> Fault | None:
    """A provider for which no project is named, beside several projects: then nobody owns its syncs."""
    if all(found.owners for found in chosen()):
        return None
    slugs = list(Project.objects.order_by("slug").values_list("slug", flat=True)[: NAMED + 1])
    if len(slugs) < 2:
        return None
    names = ", ".join(slugs[:NAMED]) + (", …" if len(slugs) > NAMED else "")
    return Fault(
        f"PROVIDER_FOR is not set, and there are several projects ({names}): nobody owns the provider's syncs.",
        "Set PROVIDER_FOR to the slug of the one project whose syncs the provider has.",
    )


def unknown() -> list[Fault]:
    """Owners that are no project (yet)."""
    named = {slug: f"{found.prefix}PROVIDER_FOR" for found in chosen() for slug in found.owners}
    there = set(Project.objects.filter(slug__in=named).values_list("slug", flat=True)) if named else set()
    hint = "Until it is made (manage.py create_project), no sync can be re-enabled through this provider."
    return [
        Fault(f"{name} names the project {slug}, which does not exist.", hint)
        for slug, name in named.items()
        if slug not in there
    ]


# Who tries what is not theirs


def denied(project: Project, sync_ids: Sequence[UUID], *, actor: Actor) -> bool:
    """Whether this project has no part in the provider's syncs although there is a provider; then the attempt is audited.

    Here, and in the owner's project when its own log knows one of the syncs. Nothing of that is shown to whoever tried. Call it
    outside of transaction.atomic.
    """
    missing = what_is_missing(project)
    if not missing or "owner" not in missing:
        return False
    reason = "The provider's syncs do not belong to this project."
    denials.deny(actor, _named(sync_ids), reason, project=project)
    owners = [slug for found in chosen() for slug in found.owners]
    for owner in Project.objects.filter(slug__in=owners).exclude(pk=project.pk):
        known = list(Sync.objects.of(owner).filter(sync_id__in=sync_ids).values_list("sync_id", flat=True))
        if known:
            sentence = f"Tried from the project {project.slug}, which does not own this sync. Nobody was called."
            denials.deny(actor, _named(known), sentence, project=owner)
    return True


def _named(sync_ids: Sequence[UUID]) -> str:
    more = len(sync_ids) - NAMED
    return ", ".join(map(str, sync_ids[:NAMED])) + (f" and {more} more" if more > 0 else "")
