"""The generated customers and syncs: companies, integrations, intervals, and which failure scenario a sync has.

Deterministic by seed and sizes. Knows nothing of entries.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import accumulate
from random import Random
from types import MappingProxyType

NAMESPACE = uuid.UUID("7d1f3a52-6c0b-5e7e-9a44-0c2f5b1d8e90")
CADENCES = (60, 300, 600, 1800, 3600, 10800, 21600, 86400)  # seconds; the frequencies a sync can be set to
ENTRIES_A_RUN = 2.06  # started and completed, and the usual share of warnings, errors and permission runs
BACKGROUND_SHARE = 0.05  # entries of other types, and events that the catalogue does not know
SYNCS_A_USER = 2.6

CRM = ("contacts", "companies", "deals")
INTEGRATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "googledrive": ("files",),
        "salesforce": (*CRM, "custom_objects"),
        "hubspot": CRM,
        "sharepoint": ("files",),
        "jira": ("tickets",),
        "zohocrm": CRM,
        "onedrive": ("files",),
        "notion": ("files",),
        "microsoftDynamics": CRM,
        "dropbox": ("files",),
        "pipedrive": CRM,
        "monday": ("tickets",),
        "box": ("files",),
        "confluence": ("files",),
        "zendesk": ("tickets",),
        "custom.fieldops": ("custom_objects",),
    }
)

_NAMES = [
    "Alder",
    "Brightwater",
    "Cobalt",
    "Dunmore",
    "Eastgate",
    "Fernhill",
    "Granite",
    "Harbour",
    "Ironwood",
    "Juniper",
    "Kestrel",
    "Larkspur",
    "Meridian",
    "Norwood",
    "Oakline",
    "Pinecrest",
    "Quarry",
    "Ridgeway",
    "Silverbrook",
    "Thornbury",
    "Umber",
    "Valemont",
    "Westmere",
    "Yarrow",
    "Zephyr",
    "Aspen",
    "Birchfield",
    "Clearwell",
    "Driftwood",
    "Elmstead",
    "Foxglove",
    "Greyfriars",
    "Hazelmere",
    "Inglewood",
    "Kingsley",
    "Linden",
    "Mossgate",
    "Northfield",
    "Orchard",
    "Prestwick",
]
_TRADES = [
    "Logistics",
    "Dental Group",
    "Foods",
    "Analytics",
    "Interiors",
    "Insurance",
    "Robotics",
    "Legal",
    "Clinics",
    "Software",
    "Architects",
    "Energy",
    "Outdoor",
    "Publishing",
    "Motors",
    "Travel",
    "Biotech",
    "Textiles",
    "Properties",
    "Media",
    "Schools",
    "Freight",
    "Consulting",
    "Studios",
    "Hotels",
]
_FIRST = [
    "Amara",
    "Ben",
    "Chiara",
    "Dev",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Keiko",
    "Lena",
    "Mateo",
    "Nadia",
    "Omar",
    "Priya",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
]
_LAST = [
    "Adeyemi",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Patel",
]


class Story(StrEnum):
    """The failure scenario of a sync; NONE = it works, with the usual small failures."""

    NONE = "none"
    OUTAGE = "outage"
    SUSPENDED = "suspended"  # the same outage, and nobody has re-enabled them since
    EXPIRED = "expired"
    LIMITED = "limited"
    STUCK = "stuck"
    SILENT = "silent"
    WEBHOOK = "webhook"
    ROOT_GONE = "root_gone"
    PAUSED = "paused"
    FIRST_RUN = "first_run"


ENDED: Mapping[Story, timedelta] = MappingProxyType(
    # How long before now these syncs did their last good run; the others go on until now.
    {
        Story.SUSPENDED: timedelta(hours=47.5),
        Story.EXPIRED: timedelta(hours=26),
        Story.LIMITED: timedelta(hours=7),
        Story.STUCK: timedelta(hours=20),
        Story.SILENT: timedelta(hours=9),
        Story.ROOT_GONE: timedelta(days=3),
        Story.PAUSED: timedelta(hours=50),
        Story.FIRST_RUN: timedelta(minutes=35),
    }
)
_CAST: tuple[tuple[int, str, tuple[str, ...], Story, int], ...] = (
    # who (rank of the user), what, the story, and the cadence that lets it show
    (5, "googledrive", ("files",), Story.EXPIRED, 1800),
    (9, "zohocrm", ("contacts", "deals"), Story.LIMITED, 3600),
    (12, "salesforce", ("contacts",), Story.STUCK, 3600),
    (15, "notion", ("files",), Story.SILENT, 600),
    (7, "hubspot", ("contacts", "deals"), Story.WEBHOOK, 3600),
    (18, "dropbox", ("files",), Story.ROOT_GONE, 3600),
    (21, "jira", ("tickets",), Story.PAUSED, 3600),
    (24, "box", ("files",), Story.FIRST_RUN, 3600),
    *((rank, "sharepoint", ("files",), Story.OUTAGE, 3600) for rank in (2, 4, 11, 17, 26, 31)),
    *((rank, "sharepoint", ("files",), Story.SUSPENDED, 3600) for rank in (3, 8, 13, 19, 22, 29, 33, 37)),
)
SYNCS_FOR_STORIES = 40
CREATION_FAILS_FOR = 28
OUTAGE_OF = "sharepoint"


@dataclass(frozen=True, slots=True)
class Person:
    user_id: str
    name: str
    email: str
    company: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One sync as it is set up; `begins` is the share of the window at which it was created, None = before it."""

    sync_id: str
    person: Person
    integration: str
    pipeline: str
    credential_id: str
    cadence: int
    story: Story
    begins: float | None
    weight: float


@dataclass(frozen=True, slots=True)
class World:
    seed: int
    people: tuple[Person, ...]
    plans: tuple[Plan, ...]
    steady: tuple[Plan, ...]  # those that exist all the time and have no story to spoil

    def person(self, rank: int) -> Person:
        return self.people[rank % len(self.people)]


@dataclass(slots=True)
class _Draft:
    """A sync before its cadence is settled; fixed = the story needs this one."""

    person: int
    integration: str
    pipeline: str
    credential_id: str
    story: Story = Story.NONE
    cadence: int = CADENCES[-1]
    fixed: bool = False
    weight: float = 0.0


def default_users(entries: int) -> int:
    """45 for a demo; more with more entries, so that a large store looks like one."""
    return max(45, min(5000, entries // 2500))


def people(*, seed: int, users: int) -> tuple[Person, ...]:
    """The connected users, in the order of their size."""
    rng = Random(f"people {seed}")  # noqa: S311 made-up data, the same for a seed
    return tuple(_person(rng, rank) for rank in range(max(1, users)))


def build(*, seed: int, users: int, entries: int, days: float) -> World:
    """The world whose syncs make about `entries` entries in `days` days."""
    owners = people(seed=seed, users=users)
    rng = Random(f"world {seed}")  # noqa: S311 made-up data, the same for a seed
    drafts = _drafts(rng, len(owners), count=_sync_count(len(owners), entries, days))
    _settle_cadences(drafts, entries * (1 - BACKGROUND_SHARE), days)
    plans = tuple(_plan(rng, draft, owners[draft.person]) for draft in drafts)
    steady = tuple(plan for plan in plans if plan.story == Story.NONE and plan.begins is None)
    return World(seed, owners, plans, steady)


def _sync_count(users: int, entries: int, days: float) -> int:
    """As many as the users would have, but neither more than rare runs fit into the entries nor too few to make them."""
    most = int(entries / (days * ENTRIES_A_RUN * 1.2))
    least = int(entries * 2 / (days * ENTRIES_A_RUN * 1440)) + 1
    return max(1, least, min(int(users * SYNCS_A_USER), most))


def _person(rng: Random, rank: int) -> Person:
    number, trade = divmod(rank, len(_NAMES))
    number, trade = divmod(number * 7 + rank, len(_TRADES))
    serial = rank // (len(_NAMES) * len(_TRADES))
    company = f"{_NAMES[rank % len(_NAMES)]} {_TRADES[trade]}" + (f" {serial + 1}" if serial else "")
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    domain = company.lower().replace(" ", "-")
    shapes = (
        f"acct_{4400 + rank}",
        str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        f"user_01J{rng.getrandbits(110):022X}",
        f"org-{company.lower().replace(' ', '-')}",
        str(100_000 + rank * 37),
    )
    return Person(shapes[rank % len(shapes)], f"{first} {last}", f"{first}.{last}@{domain}.example".lower(), company)


def _zipf(count: int, exponent: float) -> list[float]:
    """Cumulative weights of ranks 1, 2, 3 … for Random.choices."""
    return list(accumulate(1 / (rank + 1) ** exponent for rank in range(count)))


def _drafts(rng: Random, users: int, *, count: int) -> list[_Draft]:
    drafts = [
        _Draft(rank % users, integration, pipeline, _credential(rng), story, cadence, fixed=True)
        for rank, integration, pipelines, story, cadence in (_CAST if count >= SYNCS_FOR_STORIES else ())
        for pipeline in pipelines
    ]
    names = list(INTEGRATIONS)
    integration_weights, user_weights = _zipf(len(names), 0.9), _zipf(users, 0.7)
    turn = 0
    while len(drafts) < count:
        # First everybody gets one sync and every integration is used, then chance decides.
        person = turn if turn < users else rng.choices(range(users), cum_weights=user_weights)[0]
        integration = names[turn] if turn < len(names) else rng.choices(names, cum_weights=integration_weights)[0]
        credential = _credential(rng)
        pipelines = INTEGRATIONS[integration]
        story = Story.OUTAGE if integration == OUTAGE_OF else Story.NONE
        drafts += [
            _Draft(person, integration, pipeline, credential, story)
            for pipeline in pipelines[: rng.randint(1, len(pipelines))]
        ]
        turn += 1
    del drafts[count:]
    rest = [draft for draft in drafts if not draft.fixed]
    rng.shuffle(rest)
    for rank, draft in enumerate(rest):
        draft.weight = 1 / (rank + 1) ** 0.8
    for draft in drafts:
        draft.weight = draft.weight or 0.05
    return drafts


def _credential(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _settle_cadences(drafts: list[_Draft], entries: float, days: float) -> None:
    """Gives the syncs with the most weight the shortest cadences, until the runs make up the entries."""

    def made(draft: _Draft) -> float:
        return days * 86400 / draft.cadence * ENTRIES_A_RUN

    fixed = [draft for draft in drafts if draft.fixed]
    while sum(map(made, fixed)) > entries * 0.6 and any(draft.cadence < CADENCES[-1] for draft in fixed):
        # Too few entries for stories at their own pace: tell them slower.
        for draft in fixed:
            draft.cadence = next((cadence for cadence in CADENCES if cadence > draft.cadence), draft.cadence)
    budget = entries - sum(map(made, drafts))
    rest = sorted((draft for draft in drafts if not draft.fixed), key=lambda draft: -draft.weight)
    per_weight = (budget + sum(map(made, rest))) / sum(draft.weight for draft in rest) if rest else 0.0
    share = {id(draft): draft.weight * per_weight for draft in rest}
    for fitting in (True, False):  # first up to each one's share, then whatever still fits
        for draft in rest:
            for cadence in CADENCES:
                more = made(draft) * (draft.cadence / cadence - 1)
                if (
                    cadence < draft.cadence
                    and more <= budget
                    and (not fitting or made(draft) + more <= share[id(draft)])
                ):
                    draft.cadence = cadence
                    budget -= more
                    break


def _plan(rng: Random, draft: _Draft, person: Person) -> Plan:
    name = f"{person.user_id}/{draft.integration}/{draft.pipeline}/{draft.credential_id}"
    young = draft.story == Story.NONE and rng.random() < 0.12
    return Plan(
        sync_id=str(uuid.uuid5(NAMESPACE, name)),
        person=person,
        integration=draft.integration,
        pipeline=draft.pipeline,
        credential_id=draft.credential_id,
        cadence=draft.cadence,
        story=draft.story,
        begins=rng.uniform(0.02, 0.85) if young else None,
        weight=draft.weight,
    )
