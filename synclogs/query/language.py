"""Parser of the query language: text to a tree of frozen nodes with their positions, and back to text.

Raises QueryError, which says what is wrong, where, and often how to write it. What a field or value means is decided elsewhere.
"""

import re
from collections.abc import Collection

from synclogs.query.advice import nearest
from synclogs.query.tree import (
    ALIASES,
    CHUNK,
    ELSEWHERE,
    KEY,
    KEYS,
    KEYWORDS,
    OWN_FIELDS,
    SIGNS,
    TIMES,
    VALUE,
    Match,
    Node,
    Operator,
    Path,
    QueryError,
    Text,
    Value,
    conjunction,
    disjunction,
    field_of,
    negated,
    path_text,
    quote,
)

QUERY_LENGTH = 256
NESTING = 20
SHOWN = 40
ATTEMPTS = 20

# Phones and word processors turn plain quotation marks into round ones, so these work too.
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"|[“”„]((?:\\.|[^“”"\\])*)[“”"]', re.DOTALL)
_QUOTES = '"“”„'
_NAME = re.compile(rf"(\.?)({KEY}(?:\.{KEY})*):", re.DOTALL)
_BEFORE = re.compile(r"(\S+)\s+$")
_COMPARED = re.compile(r"([^\s:<>=!*]+?)(!?=+|[<>]=?)(.*)")
_GROUP = re.compile(r"\(([\w.\-\s,]+)\)")
_PAIR = re.compile(r'"?[\w.]+"?:')
_OPERATOR = re.compile(r">=|<=|>|<|=+")


def parse(text: str, *, fields: Collection[str]) -> Node | None:
    """The tree of a query, None for a blank one. `fields` are the names of fields besides OWN_FIELDS.

    Raises QueryError and nothing else; a suggestion in it is a query that can be used as it is.
    """
    try:
        return _Parser(text, fields).whole()
    except QueryError as error:
        raise QueryError(error.message, error.position, _working(error.suggestion, fields)) from None


def _working(suggestion: str, fields: Collection[str]) -> str:
    """A suggestion that parses: a second mistake in it is put right as well; "" when there is none."""
    for _ in range(ATTEMPTS):
        try:
            _Parser(suggestion, fields).whole()
            return suggestion
        except QueryError as error:
            suggestion = error.suggestion
    return ""


def _shown(text: str) -> str:
    return f"“{text[:SHOWN]}…”" if len(text) > SHOWN else f"“{text}”"


class _Parser:
    """One pass over the text from left to right; `at` is the place of the next character."""

    def __init__(self, text: str, fields: Collection[str]) -> None:
        self.text = text
        self.fields = fields
        self.at = 0
        self.open: list[int] = []  # places of the parentheses that are still open

    def whole(self) -> Node | None:
        self.check_characters()
        self.skip()
        if self.at == len(self.text):
            return None
        node = None if self.ends() else self.either()
        if self.at < len(self.text):  # only a parenthesis ends what is a list of terms
            raise self.wrong("There is no “(” for the “)”", instead=self.cut(self.at, self.at + 1))
        return node

    def check_characters(self) -> None:
        if len(self.text) > QUERY_LENGTH:
            raise QueryError(
                f"A query has at most {QUERY_LENGTH} characters; this one has {len(self.text)}.", QUERY_LENGTH
            )
        for place, character in enumerate(self.text):
            if character == "\x00" or "\ud800" <= character <= "\udfff":
                raise self.wrong("No entry can hold what stands", at=place, instead=self.cut(place, place + 1))

    def wrong(self, what: str, *, at: int | None = None, hint: str = "", instead: str = "") -> QueryError:
        place = self.at if at is None else at
        return QueryError(f"{what} at character {place + 1}.{hint and ' '}{hint}", place, instead)

    def cut(self, start: int, end: int) -> str:
        """The query without the part from `start` to `end`."""
        before, after = self.text[:start].strip(), self.text[end:].strip()
        return f"{before}{'' if before[-1:] in ('', '(') or after[:1] in ('', ')') else ' '}{after}"

    def put(self, start: int, end: int, part: str) -> str:
        """The query with another part in this place."""
        return self.text[:start] + part + self.text[end:]

    def run(self, start: int) -> str:
        """What stands from `start` to the next blank."""
        return self.text[start:].split(maxsplit=1)[0]

    def skip(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def keyword(self) -> str:
        """The keyword that stands here, or ""."""
        chunk = CHUNK.match(self.text, self.at)
        return chunk.group() if chunk and chunk.group() in KEYWORDS else ""

    def ends(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")"

    def either(self) -> Node:
        found = [self.all()]
        while self.keyword() == "OR":
            self.take("OR")
            found.append(self.all())
        return disjunction(found)

    def all(self) -> Node:
        found = [self.term()]
        while not self.ends() and (word := self.keyword()) != "OR":
            if word == "AND":
                self.take("AND")
            found.append(self.term())
        return conjunction(found)

    def take(self, word: str) -> None:
        """Steps over a keyword, which needs something behind it."""
        start = self.at
        self.at += len(word)
        self.skip()
        if self.ends() or self.keyword() in ("AND", "OR"):
            hint = f"For the word itself write {quote(word)}."
            raise self.wrong(f"Nothing follows {word}", at=start, hint=hint, instead=self.cut(start, start + len(word)))

    def term(self) -> Node:
        """One condition with all the blanks behind it."""
        word = self.keyword()
        if word == "NOT":
            self.take("NOT")
            return negated(self.term())
        if word:
            hint = f"For the word itself write {quote(word)}."
            instead = self.cut(self.at, self.at + len(word))
            raise self.wrong(f"Nothing stands before {word}", hint=hint, instead=instead)
        node = self.minus() if self.text[self.at] == "-" else self.plain()
        self.skip()
        return node

    def minus(self) -> Node:
        start = self.at
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if following in ("", ")", "-") or following.isspace():
            if following == "-":
                run = self.run(start)
                hint = "One is enough to exclude; in quotes it is part of the text."
                instead = self.put(start, start + len(run), quote(run))
                raise self.wrong("Two minus signs", at=start, hint=hint, instead=instead)
            hint = "Write it right before what to exclude, as in -word."
            raise self.wrong("A minus sign stands alone", at=start, hint=hint, instead=self.cut(start, start + 1))
        return negated(self.plain())

    def plain(self) -> Node:
        character = self.text[self.at]
        if character == "(":
            return self.group()
        if character in _QUOTES:
            return self.phrase()
        return self.match() or self.word()

    def group(self) -> Node:
        start = self.at
        if len(self.open) == NESTING:
            raise self.wrong(f"More than {NESTING} parentheses inside one another")
        self.open.append(start)
        self.at += 1
        self.skip()
        if self.at < len(self.text) and self.ends():
            raise self.wrong("Nothing is in the parentheses", at=start, instead=self.cut(start, self.at + 1))
        if self.at == len(self.text):
            raise self.wrong("Nothing follows “(”", at=start, instead=self.cut(start, self.at))
        node = self.either()
        if self.at == len(self.text):
            raise self.wrong("There is no “)” for the “(”", at=start, instead=f"{self.text.rstrip()})")
        self.open.pop()
        self.at += 1
        return node

    def quoted(self) -> str:
        """The text in quotation marks that stands here."""
        found = _QUOTED.match(self.text, self.at)
        if not found:
            instead = f'{self.text.rstrip()}"'
            raise self.wrong(
                "There is no end to the quotation mark", hint='Inside a phrase write \\" for one.', instead=instead
            )
        self.at = found.end()
        inner = found.group(1) if found.group(1) is not None else found.group(2)
        return re.sub(r'\\(["\\])', r"\1", inner)

    def boundary(self, start: int, what: str) -> None:
        """A blank, the end or a closing parenthesis has to follow what began at `start`."""
        if self.ends() or self.text[self.at].isspace():
            return
        if self.text[self.at] in "(" + _QUOTES and self.text[start] not in _QUOTES:
            run = self.run(start)
            instead = self.put(start, start + len(run), quote(run))
            is_json = self.text[start] in "{["
            hint = "The search box at the top takes pasted JSON." if is_json else "Put all of it in quotes."
            raise self.wrong(f"A parenthesis or quotation mark inside a {what}", hint=hint, instead=instead)
        raise self.wrong("A blank is missing", instead=self.put(self.at, self.at, " "))

    def searched(self, text: str, start: int) -> None:
        if not any(character.isalnum() for character in text):
            instead = self.cut(start, self.at)
            raise self.wrong(f"No letter or digit to search for in {_shown(text)}", at=start, instead=instead)

    def phrase(self) -> Text:
        start = self.at
        text = self.quoted()
        if self.text.startswith(":", self.at):
            name = field_of(text, fields=self.fields) or path_text((text,))
            instead = self.put(start, self.at, name)
            raise self.wrong("A field name stands in quotes", at=start, hint=f"Write {name}:", instead=instead)
        self.boundary(start, "phrase")
        self.searched(text, start)
        return Text(text, phrase=True, position=start)

    def word(self) -> Text:
        start, found = self.at, CHUNK.match(self.text, self.at)
        chunk = found.group() if found else ""
        self.at += len(chunk)
        self.check_habits(chunk, start)
        self.boundary(start, "word")
        self.searched(chunk, start)
        # A time or an address, of which all parts belong together; or, right behind a minus, a keyword that is none.
        if ":" in chunk or chunk in KEYWORDS:
            return Text(chunk, phrase=True, position=start)
        open_start, open_end = chunk.startswith("*"), chunk.endswith("*")
        text = chunk[open_start : len(chunk) - open_end]
        if "*" in text:
            hint = "It stands at the start or the end, as in limit*."
            instead = self.put(start, self.at, text.strip("*").partition("*")[0] + "*")
            raise self.wrong("“*” inside a word", at=start + chunk.index("*", 1), hint=hint, instead=instead)
        return Text(text, False, open_start, open_end, start)

    def check_habits(self, chunk: str, start: int) -> None:
        """Refuses what other languages write and this one would take for a word."""
        if chunk in SIGNS:
            hint, instead = f"Write {SIGNS[chunk]}.", self.put(start, self.at, SIGNS[chunk])
            raise self.wrong(f"{_shown(chunk)} has no meaning", at=start, hint=hint, instead=instead)
        if chunk.startswith("!") and chunk[1:2].isalnum():
            instead = self.put(start, self.at, f"-{chunk[1:]}")
            raise self.wrong("“!” has no meaning", at=start, hint="To exclude write a minus sign.", instead=instead)
        before = _BEFORE.search(self.text[:start]) if not chunk.strip("<>=") else None
        if before and (name := field_of(before[1], fields=self.fields)):
            written = f"{name}:{chunk.strip('=') and chunk}"
            instead = f"{self.text[: before.start()]}{written}{self.text[self.at :].lstrip()}"
            raise self.wrong("A blank before a sign", at=start, hint=f"Write {written}", instead=instead)
        compared = _COMPARED.fullmatch(chunk)
        if compared and (name := field_of(compared[1], fields=self.fields)):
            minus = "-" if compared[2][0] == "!" else ""
            written = f"{minus}{name}:{compared[2].strip('!') if compared[2][0] in '<>' else ''}{compared[3]}"
            hint = f"Write {_shown(written)}, or put it in quotes to search for the text."
            instead = self.put(start, self.at, written)
            raise self.wrong(f"A colon belongs behind {name}", at=start + compared.start(2), hint=hint, instead=instead)

    def match(self) -> Match | None:
        """A condition on a field; None when what stands here is a word."""
        start, found = self.at, _NAME.match(self.text, self.at)
        name = self.name(found) if found else None
        if not found or not name:
            return None
        self.at = found.end()
        operator, values = self.values(start, found.group()[:-1])
        return Match(name, operator, values, start)

    def name(self, found: re.Match[str]) -> str | Path | None:
        """The field or path before a colon; None for a text with a colon in it, such as 10:30 or https://…"""
        dot, written = found.groups()
        keys = tuple(re.sub(r'\\(["\\])', r"\1", key[1:-1]) if key[0] == '"' else key for key in KEYS.findall(written))
        if dot or '"' in written:
            return Path(keys)
        known = field_of(written, fields=self.fields)
        if known:
            return known
        is_address = len(keys) == 1 and self.text.startswith("//", found.end())
        if is_address or not (written[0].isalpha() or written[0] in "_$@"):
            return None
        if written.lower() in TIMES:
            instead = self.cut(self.at, self.at + len(self.run(self.at)))
            hint = "The range of time is chosen above the list, not in the query."
            raise self.wrong(f"There is no field {_shown(written)}", hint=hint, instead=instead)
        if len(keys) > 1:
            return Path(keys)
        if self.text[found.end() : found.end() + 1].strip() == "" and not self.near(written.lower(), 0.8):
            return None  # "Error: token expired" is how messages are written
        raise self.unknown(written, found.end())

    def near(self, low: str, cutoff: float) -> str:
        return nearest(low, (*self.fields, *OWN_FIELDS, *ALIASES), cutoff=cutoff)

    def unknown(self, written: str, end: int) -> QueryError:
        low, start = written.lower(), self.at
        near = ELSEWHERE[low] if low in ELSEWHERE else self.near(low, 0.6)
        name = field_of(near, fields=self.fields) if near else ""
        run = self.run(start)
        present = field_of(run[end - start :], fields=self.fields) if low in ("has", "exists", "_exists_") else ""
        if name:
            hint, instead = f"Did you mean {name}?", self.put(start, end, f"{name}:")
        elif present:
            hint, instead = f"Write {present}:*", self.put(start, start + len(run), f"{present}:*")
        else:
            hint = f"Put text in quotes; a key of the payload is written {path_text((written[:SHOWN],))}:"
            instead = self.put(start, start + len(run), quote(run))
        return self.wrong(f"There is no field {_shown(written)}", at=start, hint=hint, instead=instead)

    def values(self, start: int, name: str) -> tuple[Operator, tuple[Value, ...]]:
        self.check_group()
        sign = _OPERATOR.match(self.text, self.at)
        operator = Operator(sign.group()) if sign and sign.group()[0] != "=" else Operator.IS
        self.at = sign.end() if sign else self.at
        values = [self.value(start, name)]
        while self.text.startswith(",", self.at):
            if operator != Operator.IS:
                raise self.wrong(f"{operator} takes one value; a second one begins")
            self.at += 1
            values.append(self.value(start, name))
        self.boundary(values[-1].position, "value")
        if Value("*") not in values:
            return operator, tuple(values)
        if operator == Operator.IS and len(values) == 1:
            return Operator.PRESENT, ()
        place = values[values.index(Value("*"))].position
        raise self.wrong("“*” for any value has something beside it", at=place, instead=self.put(start, self.at, ""))

    def check_group(self) -> None:
        """Refuses field:(a OR b), which others write."""
        if self.text.startswith("(", self.at):
            group = _GROUP.match(self.text, self.at)
            words = [word for word in re.split(r"[\s,]+", group[1]) if word not in ("", "OR")] if group else []
            instead = self.put(self.at, group.end(), ",".join(words)) if group and words else ""
            raise self.wrong(
                "A field takes no parentheses", hint="Write field:a,b for any of several.", instead=instead
            )

    def value(self, start: int, name: str) -> Value:
        place = self.at
        if self.text[place : place + 1] in tuple(_QUOTES):
            text = self.quoted()
            if text.strip():
                return Value(text, True, place)
            is_excluded = self.text[:start].endswith("-")
            instead = self.put(start - is_excluded, self.at, f"{name}:*" if is_excluded else f"-{name}:*")
            raise self.wrong("The value is empty", at=place, hint=f"-{name}:* finds what has none.", instead=instead)
        found = VALUE.match(self.text, place)
        if not found:
            raise self.wrong("A value is missing", hint=f"{name}:* finds any.", instead=self.without_gap(start))
        if found.group()[0] == "!":
            hint, instead = f"To exclude write -{name}:", self.put(start, found.end(), f"-{name}:{found.group()[1:]}")
            raise self.wrong("“!” inside a value", hint=hint, instead=instead)
        if found.group()[0] in "<>=":
            instead = self.put(place, found.end(), quote(found.group()))
            raise self.wrong(f"“{found.group()[0]}” inside a value", hint="Put it in quotes.", instead=instead)
        self.at = found.end()
        return Value(found.group(), False, place)

    def without_gap(self, start: int) -> str:
        """The query without the blanks or the comma in place of a value, or without its field when nothing follows."""
        rest = self.text[self.at :]
        following = rest.lstrip(", \t\r\n")
        if self.text[self.at - 1] == "," and (following[:1] in ("", ")") or _PAIR.match(following)):
            return self.put(self.at - 1, self.at, "")
        if following and rest[0] != ")":
            return self.text[: self.at] + following
        return self.cut(start, self.at)
