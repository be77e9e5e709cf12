"""What the settings lack, said at the start with a hint instead of at the first click."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from synclogs import provider
from synclogs.provider.channel import is_plain
from synclogs.provider.configuration import HOST_APP


def provider_is_complete(**_: Any) -> list[CheckMessage]:
    """PROVIDER is set: then all that it needs has to be there. Connects to nothing."""
    configuration = provider.configured()
    found: list[CheckMessage] = [
        Error(fault.text, hint=fault.hint, id="portal.E101") for fault in configuration.faults()
    ]
    if not found and configuration.kind == HOST_APP and is_plain(configuration.host_url):
        hint = "Use https://, unless both run in one private network: the message names a customer."
        found.append(Warning("PROVIDER_HOST_URL goes without TLS.", hint=hint, id="portal.W101"))
    return found
