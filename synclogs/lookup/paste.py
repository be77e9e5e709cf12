"""Reads identifiers out of pasted text: a mail, JSON, a link or a bare ID.

Pure; never raises; linear in the length of the text; at most fifty candidates, the most specific first. Whether they exist is for
synclogs.lookup.matches.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import unquote

from synclogs.lookup.pasted_json import Kind, Named, Part, named, parts
from synclogs.parsing.identifiers import UUID_TEXT, uuid_of

LONGEST = 8192
LONGEST_VALUE = 256
MOST = 50
MOST_LINKS = 10
MOST_NAMES = 10
BREAK = "\u23ce"  # what the search box, a single line, shows in the place of a line break

_UUIDS = re.compile(rf"(?<![0-9a-f]){UUID_TEXT.pattern}(?![0-9a-f])", re.IGNORECASE | re.ASCII)
_BEGINNING = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]){0,23}-?", re.IGNORECASE | re.ASCII)
_LABEL = re.compile(
    r"(?<![0-9a-z])(sync[ _-]?(?:instance[ _-]?)?id|trace[ _-]?id|user[ _-]?id|credential[ _-]?id|error[ _-]?code|"
    r"sync|trace|user|integration|e-?mail)[\"'\\]{0,4}\s{0,3}([:=#]|(?:is|was)\b)?\s{0,3}[\"'\\]{0,4}([^\s\"'\\,;<>{}()\[\]&#]{1,256})",
    re.IGNORECASE | re.ASCII,
)
_HEADER = re.compile(
    r"^[ \t>]{0,8}(?:from|to|cc|reply-to|name|user|customer|company|von):[ \t]{0,8}([^\n]{1,200})", re.IGNORECASE | re.M
)
_QUOTED = re.compile(
    r"\"([^\"\n]{2,256})\"|'([^'\n]{2,256})'|`([^`\n]{2,256})`|\u201c([^\u201d\n]{2,256})\u201d|\xab([^\xbb\n]{2,256})\xbb"
)
_TOKEN = re.compile(r"[^\s\"'`\u201c\u201d\u2018\u2019\xab\xbb\u201e<>()\[\]{},;\\=&?\x00-\x1f\x7f]{3,320}")
_LINK = re.compile(
    r"/p/([-\w]{1,64})(?:/([a-z]{2,20})(?:/([^\s\"'<>?#]{1,800}))?)?(?:\?([^\s\"'<>#]{1,4000}))?", re.ASCII
)
_MAIL = re.compile(r"[^@\s:]{1,64}@[^@\s/:]{1,190}\.[^@\s/:.]{2,63}")
_DATE = re.compile(r"[\d.:/+,-]+|\d{4}-\d\d-\d\d[Tt].*")
_NAME = re.compile(r"[^\W\d_][^\W\d_.'\u2019-]{0,30}[.]?(?: [^\W\d_][^\W\d_.'\u2019-]{0,30}[.]?){0,3}")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"\d")
_BLANK = re.compile(r"\s")
_NOT_BREAK = re.compile(r"[^\n]")
_EDGES = "*_.:!?\u2026#~-/"
_HIDDEN = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")
_PAGES = {
    "logs": Kind.ENTRY,
    "syncs": Kind.SYNC,
    "traces": Kind.TRACE,
    "users": Kind.USER,
    "integrations": Kind.INTEGRATION,
}


class Rank(IntEnum):
    """How telling a candidate is; what is left out when there are too many comes last."""

    NAMED = 0
    UUID = 1
    MAIL = 2
    TOKEN = 3
    QUOTED = 4
    WORD = 5
    GUESS = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may identify something. `name` is what it stood under: "syncId", "link"; "" when nothing named it."""

    value: str
    kind: Kind
    name: str
    line: int
    rank: Rank

    @property
    def is_guess(self) -> bool:
        return self.rank == Rank.GUESS


@dataclass(frozen=True, slots=True)
class Link:
    """An address of a portal: this one or another, since the host is not looked at."""

    project: str
    page: str
    identifier: str
    query: str
    line: int


@dataclass(frozen=True, slots=True)
class Pasted:
    """`is_log`: the whole text is one JSON object; `is_link`: it is an address; `lines`: how many it has."""

    text: str
    candidates: tuple[Candidate, ...] = ()
    links: tuple[Link, ...] = ()
    is_log: bool = False
    is_link: bool = False
    lines: int = 1
    is_cut: bool = False


def beginning_of(text: str) -> str:
    """The first hexadecimal digits of a UUID, eight at least, without hyphens; "" when the text is no such thing."""
    digits = text.replace("-", "").lower()
    return digits if _BEGINNING.fullmatch(text) and len(digits) < 32 else ""


def read(typed: str, *, project: str) -> Pasted:
    """Everything that the text names. Links into `project` become candidates; those into others stay links."""
    text = typed[:LONGEST].replace(BREAK, "\n").replace("\r\n", "\n").replace("\r", "\n")
    if "quoted-printable" in text.lower():
        text = text.replace("=\n", "").replace("=3D", "=")
    text = _HIDDEN.sub("", text)
    documents = [part for part in parts(text) if any(True for _ in named(part.value))]
    bare = text.strip()
    is_log = len(documents) == 1 and documents[0].text == bare and isinstance(documents[0].value, dict)
    links = tuple(_links(text))
    collected = _Collected(text)
    is_link = bool(links) and not _BLANK.search(bare)
    if not (is_log or is_link) and "\n" not in bare and len(bare) <= LONGEST_VALUE:
        collected.add(bare, Rank.NAMED, offset=text.find(bare))
        if typed != bare and len(typed) <= LONGEST_VALUE:
            collected.add(typed, Rank.NAMED)  # an ID may have blanks at its ends, or characters that nobody sees
    for link in links:
        if link.project == project and link.identifier and (kind := _PAGES.get(link.page)):
            collected.add(
                link.identifier.partition("/")[0] if kind == Kind.ENTRY else link.identifier,
                Rank.NAMED,
                kind=kind,
                name="link",
                line=link.line,
            )
    for document in documents:
        for item in named(document.value):
            collected.add_named(item, document.start)
    _collect_ids(collected, text)
    if not is_link:
        _collect_prose(collected, _without(text, documents))
    return Pasted(
        text=text,
        candidates=collected.best(),
        links=links,
        is_log=is_log,
        is_link=is_link,
        lines=text.count("\n") + 1,
        is_cut=len(typed) > LONGEST,
    )


def _links(text: str) -> Iterator[Link]:
    for count, match in enumerate(_LINK.finditer(text)):
        if count >= MOST_LINKS:
            return
        project, page, identifier, query = (part or "" for part in match.groups())
        line = text.count("\n", 0, match.start()) + 1
        yield Link(project, page, _clean(unquote(identifier.rstrip(".,;:!)]}/"))), query, line)


def _clean(text: str) -> str:
    """Without what no column can hold."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _collect_ids(collected: "_Collected", text: str) -> None:
    """What cannot be anything else, wherever it stands, in JSON too: UUIDs and mail addresses."""
    for match in _UUIDS.finditer(text):
        collected.add(match.group(), Rank.UUID, offset=match.start())
    for match in _TOKEN.finditer(text):
        if _MAIL.fullmatch(address := match.group().strip(_EDGES).removeprefix("mailto:")):
            collected.add(address, Rank.MAIL, kind=Kind.MAIL, offset=match.start())


def _without(text: str, documents: list[Part]) -> str:
    """Blanks in the place of JSON, so that everything else stays where it is."""
    prose = text
    for part in documents:
        end = part.start + len(part.text)
        prose = prose[: part.start] + _NOT_BREAK.sub(" ", part.text) + prose[end:]
    return prose


def _collect_prose(collected: "_Collected", prose: str) -> None:
    """Words that stand behind a name, words that look like an ID, and words in quotes."""
    for match in _LABEL.finditer(prose):
        label, sign, value = match.groups()
        value = value.rstrip(".:!?*")
        if sign or _DIGIT.search(value):
            name = " ".join(label.split())
            collected.add(value, Rank.NAMED, kind=Kind.of(label) or Kind.ANY, name=name, offset=match.start(3))
    for match in _TOKEN.finditer(prose):
        _collect_token(collected, match.group().strip(_EDGES), match.start())
    for match in _QUOTED.finditer(prose):
        value = next(group for group in match.groups() if group)
        if not _UUIDS.search(value):
            collected.add(value.strip(), Rank.QUOTED, offset=match.start() + 1)
    if "\n" in prose.strip():
        _collect_names(collected, prose)


def _collect_names(collected: "_Collected", text: str) -> None:
    """Who wrote a mail: the names of its head, and lines that could be somebody's name, as below a mail."""
    for match in _HEADER.finditer(text):
        name = match.group(1).partition("<")[0].strip(" \t\"'")
        collected.add(name, Rank.QUOTED, kind=Kind.NAME, name="name", offset=match.start(1))
    found, offset = 0, 0
    for line in text.split("\n"):
        bare = line.strip(" \t>,")
        if found < MOST_NAMES and len(bare) <= 60 and _NAME.fullmatch(bare):
            found += 1
            collected.add(bare, Rank.GUESS, kind=Kind.NAME, offset=offset)
        offset += len(line) + 1


def _collect_token(collected: "_Collected", token: str, offset: int) -> None:
    if "//" in token or "/p/" in token or _DATE.fullmatch(token):
        return
    for part in (token, token.rpartition(":")[2]) if ":" in token else (token,):
        if "@" in part or _UUIDS.search(part):
            continue
        if beginning_of(part) or (_DIGIT.search(part) and _LETTER.search(part)):
            collected.add(part, Rank.TOKEN, offset=offset)
        elif "_" in part or (part.isdecimal() and len(part) > 4):
            collected.add(part, Rank.WORD, offset=offset)


@dataclass(slots=True)
class _Collected:
    """Candidates by value, the most telling mention of each."""

    text: str
    by_value: dict[str, Candidate] = field(default_factory=dict)
    breaks: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.breaks = [match.start() for match in re.finditer("\n", self.text)]

    def add(
        self, value: str, rank: Rank, *, kind: Kind = Kind.ANY, name: str = "", offset: int = 0, line: int = 0
    ) -> None:
        value = _clean(value)[:LONGEST_VALUE]
        if not value.strip():
            return
        key = str(uuid_of(value) or value).casefold() if value == value.strip() else value
        before = self.by_value.get(key)
        if before is None or (rank, not name) < (before.rank, not before.name):
            self.by_value[key] = Candidate(value, kind, name, line or bisect_right(self.breaks, offset) + 1, rank)

    def add_named(self, item: Named, start: int) -> None:
        at = self.text.find(item.value, start)
        self.add(item.value, Rank.NAMED, kind=item.kind, name=item.name, offset=at if at >= 0 else start)

    def best(self) -> tuple[Candidate, ...]:
        return tuple(sorted(self.by_value.values(), key=lambda found: found.rank)[:MOST])
