"""Checks of the pinned requirements: hashes, versions known to be bad, and the list of parts (sbom.json).

Returns sentences about what is wrong; `--write-sbom` writes sbom.json (CycloneDX 1.6) of the run-time packages.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.version import Version

from portal.runner import bootstrap

ROOT = bootstrap.ROOT
RUN = ROOT / "requirements" / "run.txt"
SBOM = ROOT / "sbom.json"
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([^\s;]+)(?: ;[^\\]*)?(?: \\)?")
HASH = re.compile(r"    --hash=sha256:([0-9a-f]{64})(?: \\)?")
VIA = re.compile(r"    #(?: via| {2}) ([a-z0-9-]+)(?: \(.*\))?")
COMMENT = "    #"

# The first version of each that is not known to be bad, and what was. Below them nothing is pinned, whoever asks for it.
FLOORS = {
    "anyio": ("4.4.0", "a race in its event loops"),
    "certifi": ("2024.7.4", "CVE-2024-39689: roots that are no longer trusted"),
    "cryptography": ("46.0.5", "CVE-2024-12797 and CVE-2026-26007: peers and keys taken unchecked"),
    "django": ("6.0.5", "CVE-2025-64459 and its like: SQL by the names of filters; see docs/security.md, S48 and S60"),
    "djangorestframework": ("3.15.2", "CVE-2024-21520: script in its pages"),
    "gevent": ("23.9.0", "CVE-2023-41419: a request behind a request"),
    "gunicorn": ("23.0.0", "CVE-2024-1135 and CVE-2024-6827: a request behind a request"),
    "h11": ("0.16.0", "CVE-2025-43859: chunked bodies read too generously"),
    "httpcore": ("1.0.9", "takes an h11 without that"),
    "idna": ("3.7", "CVE-2024-3651: names that take for ever"),
    "jinja2": ("3.1.6", "CVE-2025-27516: a way out of its sandbox"),
    "protobuf": ("5.29.5", "CVE-2025-4565: messages inside each other without end"),
    "pyjwt": ("2.10.1", "CVE-2024-53861: part of an issuer taken for the whole"),
    "python-multipart": ("0.0.18", "CVE-2024-53981: boundaries that take for ever"),
    "requests": ("2.32.4", "CVE-2024-47081: passwords of .netrc sent elsewhere"),
    "setuptools": ("78.1.1", "CVE-2025-47273: files written anywhere"),
    "sqlparse": ("0.5.4", "CVE-2024-4340: lists inside each other without end"),
    "starlette": ("0.49.1", "CVE-2025-62727: ranges that take for ever"),
    "urllib3": ("2.6.3", "CVE-2025-66418, CVE-2025-66471 and CVE-2026-21441: bodies unpacked without end"),
    "werkzeug": ("3.1.4", "CVE-2025-66221: names of devices taken for files"),
    "zipp": ("3.19.1", "CVE-2024-5569: archives that take for ever"),
}


@dataclass(frozen=True, slots=True)
class Pin:
    """A package of a requirement file; `via` are those that ask for it, our own project under its name."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def pins(requirements: Path) -> Iterator[Pin]:
    """The pins of a file as `make lock` writes it. Raises ValueError at a line that it would not write."""
    blocks: list[list[str]] = []
    for line in requirements.read_text().splitlines():
        if not line.startswith(" "):
            blocks.append([])
        blocks[-1].append(line)
    for head, *rest in blocks:
        pin = PIN.fullmatch(head)
        hashes = [found[1] for line in rest if (found := HASH.fullmatch(line))]
        via = [found[1] for line in rest if (found := VIA.fullmatch(line))]
        if pin is None or not hashes or not all(HASH.fullmatch(line) or line.startswith(COMMENT) for line in rest):
            raise ValueError(f"requirements/{requirements.name}: “{head}” is no pin with its hashes.")
        yield Pin(pin[1], pin[2], tuple(hashes), tuple(via))


def installed() -> Iterator[Pin]:
    """What this very interpreter would import, of the packages with a floor."""
    for name in FLOORS:
        with suppress(PackageNotFoundError):
            yield Pin(name, version(name), (), ())


def below(found: Iterable[Pin], place: str) -> list[str]:
    """A sentence for each of them that is known to be bad."""
    return [
        f"{place}: {pin.name} {pin.version} is below {FLOORS[pin.name][0]} ({FLOORS[pin.name][1]})."
        for pin in found
        if pin.name in FLOORS and Version(pin.version) < Version(FLOORS[pin.name][0])
    ]


def sbom(requirements: Path = RUN) -> str:
    """What runs, as CycloneDX 1.6: the same text for the same pins, so without a time and a serial number."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = list(pins(requirements))
    own = f"{project['name']}@{project['version']}"
    refs = {project["name"]: own} | {pin.name: pin.purl for pin in found}
    depends: dict[str, list[str]] = {ref: [] for ref in refs.values()}
    for pin in found:
        for name in pin.via:
            depends[refs[name]].append(pin.purl)
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": pin.purl,
                "name": pin.name,
                "version": pin.version,
                "purl": pin.purl,
                "hashes": [{"alg": "SHA-256", "content": content} for content in pin.hashes],
            }
            for pin in found
        ],
        "dependencies": [{"ref": ref, "dependsOn": sorted(others)} for ref, others in depends.items()],
    }
    return json.dumps(document, indent=1) + "\n"


def wrong() -> list[str]:
    """Every sentence about the files as they are."""
    problems = below(installed(), "Installed here")
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        try:
            problems += below(pins(path), f"requirements/{path.name}")
        except ValueError as error:
            problems.append(str(error))
    if not problems and (not SBOM.exists() or SBOM.read_text() != sbom()):
        problems.append("sbom.json does not fit requirements/run.txt: `make lock` writes both.")
    return problems


def main(arguments: list[str]) -> int:
    if arguments == ["--write-sbom"]:
        SBOM.write_text(sbom())
        return 0
    problems = wrong()
    sys.stdout.write("".join(f"{sentence}\n" for sentence in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
