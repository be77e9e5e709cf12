"""The only package that speaks to the provider: `of_project()` gives what to call, the errors say what became of it.

In: settings. Out: a Provider. Nothing here touches the database; nobody else opens a connection to the provider.
"""

from typing import Protocol
from uuid import UUID

from django.conf import settings

from synclogs.provider.answers import Connection, Connections, ListedSync, Reply, SyncState
from synclogs.provider.configuration import Configuration, Fault, adapter
from synclogs.provider.errors import Permanent, ProviderError, Temporary, Unknown
from synclogs.provider.tokens import Secret

__all__ = [
    "Connection",
    "Connections",
    "Fault",
    "ListedSync",
    "Permanent",
    "Provider",
    "ProviderError",
    "Reply",
    "SyncState",
    "Temporary",
    "Unknown",
    "configured",
    "of_project",
    "of_settings",
]


class Provider(Protocol):
    """What can be asked of whoever re-enables syncs. Every call ends in a value or in one of the three errors."""

    @property
    def reads(self) -> bool:
        """Whether `status` and `credentials` can say anything; where not, they are None and ask nobody."""

    def status(self, user: str, sync_id: UUID | str) -> SyncState | None:
        """Raises Permanent or Temporary."""

    def credentials(self, user: str) -> Connections | None:
        """Raises Permanent or Temporary."""

    def reenable(self, user: str, sync_id: UUID | str, *, attempt: UUID | str, reason: str) -> Reply:
        """Exactly one request, or none. Raises Permanent or Temporary when nothing was done, else Unknown."""


def configured() -> Configuration:
    """What the settings say; `faults()` of it is what the system check reports."""
    return Configuration(
        kind=settings.PROVIDER,
        project=settings.PROVIDER_PROJECT,
        audience=settings.PROVIDER_AUDIENCE,
        sync_url=settings.PROVIDER_SYNC_URL,
        api_url=settings.PROVIDER_API_URL,
        signing_key=Secret(
            "PROVIDER_SIGNING_KEY", settings.PROVIDER_SIGNING_KEY, file=settings.PROVIDER_SIGNING_KEY_FILE
        ),
        host_url=settings.PROVIDER_HOST_URL,
        host_secret=Secret(
            "PROVIDER_HOST_SECRET", settings.PROVIDER_HOST_SECRET, file=settings.PROVIDER_HOST_SECRET_FILE
        ),
    )


def of_project(slug: str) -> Provider | None:
    """Who re-enables the syncs of this project of the portal; None where nobody is set up. Raises Permanent as below.

    The settings know one project of the provider: asked about another's syncs it would not know them, or know its own by the
    same id.
    """
    return of_settings() if not settings.PROVIDER_FOR or slug in settings.PROVIDER_FOR else None


def of_settings() -> Provider | None:
    """What the settings choose; None without a provider. Raises Permanent when they are incomplete."""
    configuration = configured()
    faults = configuration.faults()
    if faults:
        raise Permanent(f"The provider is not set up: {faults[0].text}")
    return adapter(configuration)
