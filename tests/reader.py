"""HTML reader for tests: what a browser makes of a page, and what must never be in one."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from portal.drawing.values import HIDDEN

MOST_BYTES = 2_000_000
MOST_SECONDS = 2  # of computing; statements have their own limit
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "data", "xlink:href", "poster", "srcset"}
# Where the true value has to stand, and where nobody sees it.
UNSEEN = {"name", "value", "href", "action", "hx-get"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements and attributes, its links, its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.headings = 0
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.headings += tag == "h1"
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("x-canary", "iframe", "object", "embed", "base", "frame", "style"):
            self.faults.append(f"<{tag}>")
        source = values.get("src", "")
        is_data = values.get("type") == "application/json"
        if tag == "script" and not is_data and not source.startswith(("/static/", "/admin/jsi18n/")):
            self.faults.append(f"<script {values}>")
        for name, value in values.items():
            if name.startswith("on") or name in ("data-canary", "style", "srcdoc"):
                self.faults.append(f"{name}={value!r}")
            if name in ADDRESSES and not self.is_ours(value):
                self.faults.append(f"{name}={value!r}")
            if name not in UNSEEN and not name.startswith("data-") and HIDDEN.search(value):
                self.faults.append(f"hidden characters in {name}={value!r}")
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if "hx-get" in values:
            self.links.append(values["hx-get"])

    def is_ours(self, address: str) -> bool:
        bare = re.sub(r"[\x00-\x20]", "", address).replace("\\", "/").lower()
        return (
            bare.startswith(("/", "?", "#", ""))
            and not bare.startswith("//")
            and not re.match(r"[a-z][a-z0-9+.-]*:", bare)
        )

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if HIDDEN.search(data) and not set(self.open) & {"script"}:
            self.faults.append(f"hidden characters in {data!r}")


def browsers(url: str) -> str:
    """An address as a browser sends it: dot segments are gone, encoded ones too; no fragment."""
    parts = urlsplit(url)
    path = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE)
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[1:][-1:]
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept) + (f"?{parts.query}" if parts.query else "")


def form_token(response: Any) -> str:
    """The CSRF token of the first form of a page."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', response.content.decode())
    assert found
    return found[1]


def shortly(faults: list[str]) -> str:
    """The first fault of each kind."""
    kinds = {re.sub(r"[0-9a-f-]{6,}|[0-9]+", "", fault)[:60]: fault for fault in reversed(faults)}
    return "\n".join([f"{len(faults)} faults", *list(kinds.values())[-20:]])
