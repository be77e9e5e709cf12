"""Provider settings: an adapter, or the faults of the settings with hints. Never connects."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from urllib.parse import urlsplit

from synclogs.provider.client import Paragon
from synclogs.provider.host_app import HostApp, webhook
from synclogs.provider.http_exchange import Limits
from synclogs.provider.json_client import LOOPBACK, Channel, base_of, is_plain
from synclogs.provider.user_tokens import Secret, Signer, Unusable, signing_key

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
    """`kind` is one of the three above; the fields of the other adapter are not looked at.

    `prefix` stands before the names of its settings; `owners` are the slugs of the portal's projects that they name.
    """

    prefix: str
    owners: tuple[str, ...]
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
                    *self._owner(),
                    *_address(f"{self.prefix}PROVIDER_SYNC_URL", self.sync_url, may_be_plain=False),
                    *_address(f"{self.prefix}PROVIDER_API_URL", self.api_url, may_be_plain=False),
                    *self._project(),
                    *self._signing_key(),
                ]
            case "host_app":
                address = _address(f"{self.prefix}PROVIDER_HOST_URL", self.host_url, may_be_plain=True)
                return [*self._owner(), *address, *self._host_secret()]
            case _:
                hint = "Set it to paragon or host_app, or take the prefix out of PROVIDERS."
                return [Fault(f"{self.prefix}PROVIDER is not set.", hint)] if self.prefix else []

    @property
    def is_chosen(self) -> bool:
        return self.kind != NONE

    @property
    def upstream(self) -> tuple[str, ...]:
        """Where it is called and as which project there: equal for two that would reach the same syncs."""
        address = self.sync_url if self.kind == PARAGON else self.host_url
        try:
            parts = urlsplit(base_of(address))
        except ValueError:
            return self.kind, self.prefix  # a fault by itself
        host = "localhost" if parts.hostname in LOOPBACK else (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return self.kind, f"{host}:{port}{parts.path}", self.project if self.kind == PARAGON else ""

    def _owner(self) -> list[Fault]:
        name = f"{self.prefix}PROVIDER_FOR"
        if len(self.owners) > 1:
            hint = "Name exactly one; another project has a provider of its own, by settings with a prefix (PROVIDERS)."
            return [
                Fault(f"{name} names {len(self.owners)} projects, but the syncs of a provider belong to one.", hint)
            ]
        if self.prefix and not self.owners:
            return [Fault(f"{name} is not set.", "Set it to the slug of the project whose syncs this provider has.")]
        return []

    def _project(self) -> list[Fault]:
        hint = "Set it to the provider's id of the project whose syncs are re-enabled here."
        return [] if self.project else [Fault(f"{self.prefix}PROVIDER_PROJECT is not set.", hint)]

    def _signing_key(self) -> list[Fault]:
        try:
            signing_key(self.signing_key)
        except Unusable as error:
            return [
                Fault(
                    str(error),
                    f"Set {self.prefix}PROVIDER_SIGNING_KEY_FILE to a file with the project's signing key (PEM).",
                )
            ]
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


def clashes(found: Iterable[Configuration]) -> list[Fault]:
    """Two providers that would own the same: a project of the portal, or the same syncs."""
    faults = []
    for one, other in combinations([each for each in found if each.is_chosen], 2):
        names = f"{one.prefix}PROVIDER_FOR and {other.prefix}PROVIDER_FOR"
        if {*one.owners} & {*other.owners}:
            faults.append(Fault(f"{names} name the same project.", "Give each provider a project of its own."))
        if one.upstream == other.upstream:
            settings = ("SYNC_URL", "PROJECT") if one.kind == PARAGON else ("HOST_URL",)
            text = " and ".join(f"PROVIDER_{name}" for name in settings)
            hint = "Its syncs would belong to two projects. Keep one of the two providers, or mend its settings."
            faults.append(
                Fault(
                    f"{one.prefix}PROVIDER and {other.prefix}PROVIDER reach the same syncs, by the same {text}.", hint
                )
            )
    return faults


def audience_of(audience: str, project: str) -> str:
    """What tokens are made out to: as set, else as the provider's own cloud wants it."""
    return audience or f"useparagon.com/{project}"


@lru_cache(maxsize=64)
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
