"""How this installation reaches the provider: settings in, faults with a hint or an adapter out. Never connects anywhere."""

from dataclasses import dataclass
from functools import lru_cache

from synclogs.provider.channel import Channel, base_of, is_plain
from synclogs.provider.client import Paragon
from synclogs.provider.exchange import Limits
from synclogs.provider.host_app import HostApp, webhook
from synclogs.provider.tokens import Secret, Signer, Unusable, signing_key

NONE, PARAGON, HOST_APP = "none", "paragon", "host_app"
# A person waits for what is asked about an account, and can do without.
WAITED_FOR = Limits(connect=2.0, read=3.0, total=4.0)
PROVIDER, APPLICATION = "The provider", "Our application"


@dataclass(frozen=True, slots=True)
class Fault:
    """`text` says what is wrong with a setting, `hint` what to set."""

    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """`kind` is one of the three above; the fields of the other adapter are not looked at."""

    kind: str
    project: str
    audience: str
    sync_url: str
    api_url: str
    signing_key: Secret
    host_url: str
    host_secret: Secret

    def faults(self) -> list[Fault]:
        """Reads secret files, since a missing one would otherwise be found at the first click."""
        match self.kind:
            case "paragon":
                return [
                    *_address("PROVIDER_SYNC_URL", self.sync_url, may_be_plain=False),
                    *_address("PROVIDER_API_URL", self.api_url, may_be_plain=False),
                    *self._project(),
                    *self._signing_key(),
                ]
            case "host_app":
                return [*_address("PROVIDER_HOST_URL", self.host_url, may_be_plain=True), *self._host_secret()]
            case _:
                return []

    def _project(self) -> list[Fault]:
        hint = "Set it to the provider's id of the project whose syncs are re-enabled here."
        return [] if self.project else [Fault("PROVIDER_PROJECT is not set.", hint)]

    def _signing_key(self) -> list[Fault]:
        try:
            signing_key(self.signing_key)
        except Unusable as error:
            return [Fault(str(error), "Set PROVIDER_SIGNING_KEY_FILE to a file with the project's signing key (PEM).")]
        return []

    def _host_secret(self) -> list[Fault]:
        try:
            webhook(self.host_secret)
        except Unusable as error:
            return [Fault(str(error), "Make one for both sides: echo whsec_$(openssl rand -base64 32)")]
        return []


def _address(setting: str, value: str, *, may_be_plain: bool) -> list[Fault]:
    hint = "Set it to a base address such as https://host."
    if not value:
        return [Fault(f"{setting} is not set.", hint)]
    try:
        base_of(value)
    except ValueError as error:
        return [Fault(f"{setting} cannot be used: it {error}.", hint)]
    if is_plain(value) and not may_be_plain:
        # A token of a customer would be readable on the way.
        return [Fault(f"{setting} has to begin with https:// unless it is this machine.", hint)]
    return []


def audience_of(audience: str, project: str) -> str:
    """What tokens are made out to: as set, else as the provider's own cloud wants it."""
    return audience or f"useparagon.com/{project}"


@lru_cache(maxsize=8)
def adapter(configuration: Configuration) -> Paragon | HostApp | None:
    """One for each configuration and process, so that its breakers remember. None when no provider is set.

    Whoever calls has looked at `faults()`.
    """
    match configuration.kind:
        case "paragon":
            syncs = Channel(configuration.sync_url, who=PROVIDER)
            users = Channel(configuration.api_url, who=PROVIDER, limits=WAITED_FOR)
            signer = Signer(configuration.signing_key, audience_of(configuration.audience, configuration.project))
            return Paragon(syncs, users, project=configuration.project, signer=signer)
        case "host_app":
            return HostApp(Channel(configuration.host_url, who=APPLICATION), secret=configuration.host_secret)
        case _:
            return None
