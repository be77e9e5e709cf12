"""Links on payload values: each narrows the list to what its words say, however the value is written."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.links.payload_links import Links
from portal.log import payload
from synclogs.models import Project
from synclogs.query.language import QUERY_LENGTH
from tests.factories import ProjectFactory, entry, member, store

pytestmark = pytest.mark.django_db
VALUES: list[Any] = [
    "plain", "two words", 'say "hi"', "a,b;c", "a\nb\tc", "C:\\new", "Ünï 日本 😀", "5", "-5", "05", "5.0", "true", "null", "*", "ab*", ">5",
    "!x", "(x)", "“round”", "AND", "a:b", "100%&x=1#y+z", "<b>&amp;</b>", "-", "z\u200bz", " lead", 5, -5, 2.5, 0, True, False, None,
]  # fmt: skip
# Without quotes the language means a number, true, false or null, and the same written as text.
TWICE = [5, -5, True, None]
LINK = re.compile(r'href="([^"]+)" title="(?:Only|Without) these" aria-label="(?:Only|Without) odd')


@pytest.fixture
def project() -> Project:
    return ProjectFactory()


@pytest.fixture
def signed_in(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def keys(client: Client, address: str) -> set[str]:
    response = client.get(address)
    assert response.status_code == 200, address
    return set(re.findall(r'data-log-key="([^"]+)"', response.content.decode()))


def links(client: Client, logs: str, key: str, query: str = "") -> list[str]:
    """Only and Without beside the value under the key odd… of an entry that was opened in a list."""
    opened = client.get(f"{logs}/{key}/context", headers={"HX-Current-URL": f"http://testserver{logs}{query}"})
    return [unescape(address) for address in LINK.findall(opened.content.decode())]


@pytest.mark.parametrize(
    "payload_of", [lambda value: {"top": {"odd": value}}, lambda value: {"top. (k)": {"x": [{'odd "k.': value}, {}]}}]
)
def test_only_and_without_part_the_list_in_two(signed_in: Client, project: Project, payload_of: Any) -> None:
    now, logs = timezone.now().isoformat(), f"/p/{project.slug}/logs"
    store(
        project, *(entry(id=f"evt-{number}", timestamp=now, **payload_of(value)) for number, value in enumerate(VALUES))
    )
    every = keys(signed_in, logs)
    assert len(every) == len(VALUES)
    for number, value in enumerate(VALUES):
        (own,) = keys(signed_in, f"{logs}?q=id:evt-{number}")
        only, without = (keys(signed_in, address) for address in links(signed_in, logs, own))
        assert own in only, value
        assert len(only) == 1 + any(value is twice for twice in TWICE), value
        assert without == every - only, value


def test_they_narrow_the_list_that_is_shown(signed_in: Client, project: Project) -> None:
    logs = f"/p/{project.slug}/logs"
    store(project, entry(odd="x", message="alpha"))
    (own,) = keys(signed_in, logs)
    only, without = links(signed_in, logs, own, "?level=error&q=alpha+OR+beta&since=7d")
    assert only == f"{logs}?level=error&since=7d&q=%28alpha+OR+beta%29+.odd%3Ax"
    assert without == f"{logs}?level=error&since=7d&q=%28alpha+OR+beta%29+-.odd%3Ax"


def test_the_credential_is_a_value_too(signed_in: Client, project: Project) -> None:
    logs = f"/p/{project.slug}/logs"
    store(project, entry(credentialId='cred "1"'), entry(id="other", credentialId="2"), entry(id="none"))
    (own,) = keys(signed_in, f"{logs}?q=credential:%22cred+%5C%221%5C%22%22")
    html = signed_in.get(f"{logs}/{own}").content.decode()
    only, without = (unescape(found) for found in re.findall(r'href="([^"]+)"[^>]*aria-label="\w+ Credential', html))
    assert keys(signed_in, only) == {own}
    assert len(keys(signed_in, without)) == 2


def test_what_no_query_can_say_has_no_link(signed_in: Client, project: Project) -> None:
    logs = f"/p/{project.slug}/logs"
    for number, value in enumerate(["", "  ", "x" * QUERY_LENGTH, [["deep"]], 1e-30]):
        store(project, entry(id=f"evt-{number}", odd=value))
        (own,) = keys(signed_in, f"{logs}?q=id:evt-{number}")
        assert links(signed_in, logs, own) == [], value


def test_a_value_with_a_column_is_found_by_its_path(signed_in: Client, project: Project) -> None:
    store(
        project,
        entry(error={"errorCode": "10007", "httpStatus": 503, "recoverability": "RECOVERABLE"}),
        entry(id="evt-2"),
    )
    for query in (".error.errorCode:10007", ".error.httpStatus:>=500", ".error.recoverability:*"):
        assert len(keys(signed_in, f"/p/{project.slug}/logs?q={query}")) == 1, query


def test_an_entry_of_many_values_stays_light() -> None:
    nodes = payload.tree({f"k{number}": number for number in range(300)}, lambda *_: Links("in", "out"))
    assert sum(node.links is not None for node in nodes) == payload.MAX_LINKS
