"""Client of the sync provider, the only package that opens connections to it. `of_settings()` returns a Provider.

Failures are Permanent, Temporary or Unknown. No database. Which project may use the provider is decided in
synclogs.recovery.ownership, through which every call comes.
"""

from typing import Any, Protocol
from uuid import UUID

from django.conf import settings

from synclogs.provider.answers import Connection, Connections, ListedSync, Reply, SyncState
from synclogs.provider.configuration import Configuration, Fault, adapter, clashes
from synclogs.provider.errors import Permanent, ProviderError, Temporary, Unknown
from synclogs.provider.user_tokens import Secret

__all__ = [
    "Configuration",
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
    "configurations",
    "configured",
    "faults",
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


def configurations() -> tuple[Configuration, ...]:
    """What the settings say of each provider: one for each prefix of PROVIDERS; without, one by the names as they are."""
    return tuple(configured(f"{name}_") for name in settings.PROVIDERS) or (configured(),)


def configured(prefix: str = "") -> Configuration:
    """What the settings behind this prefix say."""

    def value(name: str) -> Any:
        return getattr(settings, prefix + name)

    def secret(name: str) -> Secret:
        return Secret(prefix + name, value(name), file=value(f"{name}_FILE"))

    return Configuration(
        prefix=prefix,
        owners=tuple(dict.fromkeys(value("PROVIDER_FOR"))),
        kind=value("PROVIDER"),
        project=value("PROVIDER_PROJECT"),
        audience=value("PROVIDER_AUDIENCE"),
        sync_url=value("PROVIDER_SYNC_URL"),
        api_url=value("PROVIDER_API_URL"),
        signing_key=secret("PROVIDER_SIGNING_KEY"),
        host_url=value("PROVIDER_HOST_URL"),
        host_secret=secret("PROVIDER_HOST_SECRET"),
    )


def faults() -> list[Fault]:
    """What is wrong with the settings of any provider, or between two of them."""
    found = configurations()
    return [*(fault for each in found for fault in each.faults()), *clashes(found)]


def of_settings(prefix: str = "") -> Provider | None:
    """What the settings behind this prefix choose; None without a provider. Raises Permanent when they will not do."""
    configuration = configured(prefix)
    faults = configuration.faults() or clashes(configurations())
    if faults:
        raise Permanent(f"The provider is not set up: {faults[0].text}")
    return adapter(configuration)
