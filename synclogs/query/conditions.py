"""Turns the tree of a query into a Django condition on log entries, or QueryError at the faulty value.

Words use the index of hashed words; phrases and parts of words are then checked on the text of the remaining entries. User text is
never used as a pattern.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from synclogs.parsing import entry_keys, search_words
from synclogs.query.fields import FIELDS, OWN, Field, text_of
from synclogs.query.tree import And, Match, Node, Not, Operator, Or, Path, QueryError, Text, Value

COMPARED = {Operator.GREATER: "gt", Operator.AT_LEAST: "gte", Operator.LESS: "lt", Operator.AT_MOST: "lte"}
ORDERED = {"level", "http_status"}
# Everything that words are looked for in (synclogs.parsing.search_words.of), as one text: of the payload its texts, without the keys. What
# stands between two of them is no blank, so that no phrase begins in one and ends in the next; and texts of the payload come
# as they are, since in JSON a line break before a word is a letter.
SEARCHED = (
    "concat_ws(E'\\x01', synclogs_logentry.message, synclogs_logentry.entry_id, synclogs_logentry.event,"
    " synclogs_logentry.integration, synclogs_logentry.pipeline, synclogs_logentry.user_id, synclogs_logentry.error_code,"
    " synclogs_logentry.sync_id, synclogs_logentry.trace_id, synclogs_logentry.credential_id,"
    " (SELECT string_agg(leaf #>> '{}', E'\\x01') FROM"
    """ jsonb_path_query(synclogs_logentry.detail, 'strict $.** ? (@.type() == "string")') leaf))"""
)
MESSAGE = "concat_ws(E'\\x01', synclogs_logentry.message, synclogs_logentry.detail #>> '{error,message}')"
# Values of an entry that have a column, by which they are found; the rest is in the payload.
COLUMN_OF_PATH = {key.path: name for name, key in entry_keys.NAMED.items() if key.path}
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,29})(\.\d{1,30})?", re.ASCII)
_ENDS = re.compile(r"^\W+|\W+$")  # "revoked." and "(revoked)" in a sentence are the word itself
_DATE = re.compile(r"\d{4}-\d\d", re.ASCII)
# Letters and digits, of any script: what [[:alnum:]] holds beyond ASCII is decided by the database's locale.
_LETTER = (
    r"[0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\u3007\u3041-\ud7ff"
    r"\uf900-\ufdcf\ufe70-\ufefc\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc]"
)
_BLANK = r"[[:space:]\u0085\u00a0\u2000-\u200a\u2028\u2029\u202f\u3000]+"


def any_of(field: Field, values: Iterable[str]) -> Q:
    """The column has one of the values, each as somebody typed it. Raises ValueError."""
    accepted = list(dict.fromkeys(found for value in values for found in field.values_of(value)))
    return Q(**{field.column: accepted[0]}) if len(accepted) == 1 else Q(**{f"{field.column}__in": accepted})


def condition(node: Node, project_id: int) -> Q:
    """Raises QueryError for values that their field cannot have."""
    match node:
        case Text():
            return _text(node, project_id)
        case Match():
            return _match(node, project_id)
        case Not(child):
            return ~condition(child, project_id)
        case And(children):
            return Q(*(condition(child, project_id) for child in children))
        case Or(children):
            parts = [condition(child, project_id) for child in children]
            return Q(*parts, _connector=Q.OR)


# Words and phrases


def _text(node: Text, project_id: int) -> Q:
    """Whole words by the index; several words, and parts of words, by the text as well."""
    text = node.text if node.phrase else _ENDS.sub("", node.text)
    words = search_words.words(text)
    if words == [search_words.folded(text)] and not (node.open_start or node.open_end):
        return _has_words(words, project_id)
    # The words at an open end may go on, so they are not in the index as they stand here.
    words = words[node.open_start : len(words) - node.open_end]
    pattern = _whole_words(text, open_start=node.open_start, open_end=node.open_end)
    return _has_words(words, project_id) & _raw(f"{SEARCHED} ~ %s", pattern)


def _whole_words(text: str, *, open_start: bool = False, open_end: bool = False) -> str:
    """The pattern of a text that begins and ends with a word, so that run-1 is not found in run-10."""
    before = f"(?<!{_LETTER})" if text[:1].isalnum() and not open_start else ""
    after = f"(?!{_LETTER})" if text[-1:].isalnum() and not open_end else ""
    return f"{before}{literal(text)}{after}"


def _has_words(words: Sequence[str], project_id: int) -> Q:
    if not words:
        return Q()
    numbers = sorted({search_words.hashed(project_id, word) for word in words})
    return _raw("synclogs_logentry.tokens @> %s::int4[]", search_words.array(map(str, numbers)))


def literal(text: str) -> str:
    """A pattern that finds this text in any case and with accents written either way, whatever the database's locale."""
    return "".join(_character(character) for character in unicodedata.normalize("NFC", " ".join(text.split())))


def _character(character: str) -> str:
    if character == " ":
        return _BLANK
    if not character.isalnum():
        return f"\\{character}" if character.isascii() else character
    cases = "".join(dict.fromkeys((character, *_single(character.lower()), *_single(character.upper()))))
    # A file from a Mac has its accents as signs of their own.
    apart = [text for case in cases if (text := unicodedata.normalize("NFD", case)) != case]
    pattern = f"[{cases}]" if len(cases) > 1 else cases
    return f"(?:{'|'.join((pattern, *apart))})" if apart else pattern


def _single(text: str) -> str:
    """Other cases of more than one character (ß) are left out."""
    return text if len(text) == 1 else ""


def _raw(sql: str, *values: str) -> Q:
    return Q(RawSQL(sql, values, output_field=BooleanField()))  # noqa: S611 - statements of this file, values as parameters


# Fields


def _match(node: Match, project_id: int) -> Q:
    name = node.field
    if isinstance(name, Path):
        name = COLUMN_OF_PATH.get(name.keys, name)
    if isinstance(name, Path):
        return _payload(name, node, project_id)
    if name == "message":
        return _message(node, project_id)
    field = FIELDS.get(name) or OWN[name]
    if node.operator == Operator.PRESENT:
        return ~Q(**{field.column: ""}) if field.parse is text_of else Q(**{f"{field.column}__isnull": False})
    if node.operator != Operator.IS:
        return _compared(field, node)
    found = [_is(field, value) for value in node.values]
    return Q(*found, _connector=Q.OR)


def _is(field: Field, value: Value) -> Q:
    start = value.text[:-1]
    try:
        if field.parse is text_of and value.text.endswith("*") and not value.quoted and start:
            return Q(**{f"{field.column}__startswith": field.parse(start)})
        return any_of(field, [value.text])
    except ValueError as error:
        raise _at(value, str(error)) from None


def _compared(field: Field, node: Match) -> Q:
    (value,) = node.values
    if field.name not in ORDERED:
        raise _at(
            value, f"{field.label} has no order; {' and '.join(sorted(ORDERED))} and numbers of the payload have one."
        )
    try:
        return Q(**{f"{field.column}__{COMPARED[node.operator]}": field.parse(value.text)})
    except ValueError as error:
        raise _at(value, str(error)) from None


def _at(value: Value, sentence: str) -> QueryError:
    return QueryError(f"{sentence.rstrip('.')} (at character {value.position + 1}).", value.position)


def _message(node: Match, project_id: int) -> Q:
    if node.operator == Operator.PRESENT:
        return ~Q(message="")
    if node.operator != Operator.IS:
        raise _at(node.values[0], "Texts have no order; write message:word")
    found = []
    for value in node.values:
        open_end = value.text.endswith("*") and not value.quoted
        words = search_words.words(value.text)
        pattern = _whole_words(value.text.removesuffix("*") if open_end else value.text, open_end=open_end)
        found.append(_has_words(words[: len(words) - open_end], project_id) & _raw(f"{MESSAGE} ~ %s", pattern))
    return Q(*found, _connector=Q.OR)


# The payload


def _payload(path: Path, node: Match, project_id: int) -> Q:
    """By PostgreSQL's path language, which steps into lists by itself; keys are quoted, values are variables."""
    steps = "$" + "".join(f".{json.dumps(key)}" for key in path.keys)
    if node.operator == Operator.PRESENT:
        return _exists(f"{steps} ? (@ != null)")
    if node.operator != Operator.IS:
        (value,) = node.values
        if _NUMBER.fullmatch(value.text) and not value.quoted:
            return _exists(f"{steps} ? (@ {node.operator} {value.text})")
        if _DATE.match(value.text):
            return _exists(f"{steps} ? (@ {node.operator} $value)", value=value.text)
        raise _at(value, f"“{value.text[:40]}” is neither a number nor a date, so nothing is more or less than it")
    found = [_equals(steps, value, project_id) for value in node.values]
    return Q(*found, _connector=Q.OR)


def _equals(steps: str, value: Value, project_id: int) -> Q:
    if not value.quoted:
        if _NUMBER.fullmatch(value.text):
            return _exists(f"{steps} ? (@ == $text || @ == {value.text})", text=value.text)
        if value.text in ("true", "false", "null"):
            return _exists(f"{steps} ? (@ == $text || @ == {value.text})", text=value.text)
        if value.text.endswith("*") and value.text[:-1]:
            return _exists(f"{steps} ? (@ starts with $text)", text=value.text[:-1])
    return _has_words(search_words.words(value.text), project_id) & _exists(f"{steps} ? (@ == $text)", text=value.text)


def _exists(path: str, **variables: str) -> Q:
    return _raw(
        "jsonb_path_exists(synclogs_logentry.detail, %s::jsonpath, %s::jsonb, true)",
        path,
        json.dumps(variables, ensure_ascii=False),
    )
