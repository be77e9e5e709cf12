"""Django system checks of the settings, each with a hint."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, InterfaceError

from synclogs import provider
from synclogs.provider.configuration import HOST_APP
from synclogs.provider.json_client import is_plain
from synclogs.recovery import ownership

TAG = "provider"  # of both; also named where a start is refused


@register(TAG)
def provider_is_complete(**_: Any) -> list[CheckMessage]:
    """Where a provider is chosen, all that it needs has to be there. Connects to nothing."""
    found: list[CheckMessage] = [Error(fault.text, hint=fault.hint, id="portal.E101") for fault in provider.faults()]
    for configuration in [] if found else provider.configurations():
        if configuration.kind == HOST_APP and is_plain(configuration.host_url):
            hint = "Use https://, unless both run in one private network: the message names a customer."
            found.append(
                Warning(f"{configuration.prefix}PROVIDER_HOST_URL goes without TLS.", hint=hint, id="portal.W101")
            )
    return found


@register(TAG, Tags.database)
def provider_has_one_owner(**where: Any) -> list[CheckMessage]:
    """The projects of the portal leave no doubt about whose the provider's syncs are.

    A database that is away, or not migrated yet, is no fault of the settings.
    """
    if "default" not in (where.get("databases") or ()):
        return []
    try:
        fault, unknown = ownership.undecided(), ownership.unknown()
    except (DatabaseError, InterfaceError):
        return []
    return [
        *([Error(fault.text, hint=fault.hint, id="portal.E102")] if fault else []),
        *(Warning(each.text, hint=each.hint, id="portal.W102") for each in unknown),
    ]
