"""Pinned requirements: every pin with its hash, no version known to be bad, and sbom.json equal to what runs (S60)."""

import json
from pathlib import Path

import pytest

from portal.runner import pins

HASH = "0" * 64
GOOD = f"one==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{HASH}\n    # via\n    #   sync-support-portal (pyproject.toml)\n"
CHILD = f"two-b==2.0 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'1' * 64}\n    # via one\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_bytes((pins.ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "requirements/run.txt").write_text(GOOD + CHILD)
    for name, path in (("ROOT", tmp_path), ("SBOM", tmp_path / "sbom.json")):
        monkeypatch.setattr(pins, name, path)
    (tmp_path / "sbom.json").write_text(pins.sbom(tmp_path / "requirements/run.txt"))
    monkeypatch.setattr(pins, "sbom", lambda: make(tmp_path / "requirements/run.txt"))
    return tmp_path


make = pins.sbom


def test_the_files_of_the_project_are_right() -> None:
    assert pins.wrong() == []
    assert {path.name for path in (pins.ROOT / "requirements").glob("*.txt")} == {"run.txt", "dev.txt", "semgrep.txt"}


@pytest.mark.parametrize(
    "line",
    [
        "three==1.0",
        "three>=1.0 \\",
        "three @ https://example.com/three.whl",
        "-r other.txt",
        "three==1.0 \\\n    --hash=md5:0",
    ],
)
def test_a_pin_without_its_hash_is_said(files: Path, line: str) -> None:
    assert pins.wrong() == []
    (files / "requirements/dev.txt").write_text(f"{GOOD}{line}\n")
    (sentence,) = pins.wrong()
    assert sentence.startswith("requirements/dev.txt: “")


@pytest.mark.parametrize("name", pins.FLOORS)
def test_a_version_that_is_known_to_be_bad_is_said(files: Path, name: str) -> None:
    floor, why = pins.FLOORS[name]
    for version, is_bad in (("0.0.0", True), (f"{floor}.dev1", True), (floor, False), (f"{floor}.1", False)):
        (files / "requirements/dev.txt").write_text(GOOD.replace("one==1.0", f"{name}=={version}"))
        said = pins.wrong()
        assert len(said) == is_bad, version
        assert all(f"{name} {version} is below {floor} ({why})" in sentence for sentence in said)


def test_what_is_installed_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {pin.name for pin in pins.installed()} >= {
        "django",
        "gunicorn",
        "cryptography",
        "pyjwt",
        "sqlparse",
        "urllib3",
    }
    monkeypatch.setattr(pins, "version", lambda name: "0.0.1")
    assert len([sentence for sentence in pins.wrong() if sentence.startswith("Installed here: ")]) == len(pins.FLOORS)


def test_the_list_of_parts_is_that_of_what_runs(files: Path) -> None:
    told = json.loads((files / "sbom.json").read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert not {"serialNumber", "timestamp"} & {*told, *told["metadata"]}
    assert [part["purl"] for part in told["components"]] == ["pkg:pypi/one@1.0", "pkg:pypi/two-b@2.0"]
    assert [one["content"] for one in told["components"][1]["hashes"]] == [HASH, "1" * 64]
    assert told["dependencies"][0]["dependsOn"] == ["pkg:pypi/one@1.0"]
    assert told["dependencies"][1]["dependsOn"] == ["pkg:pypi/two-b@2.0"]
    (files / "requirements/run.txt").write_text(GOOD.replace("1.0", "1.1"))
    assert pins.wrong() == ["sbom.json does not fit requirements/run.txt: `make lock` writes both."]
    (files / "sbom.json").unlink()
    assert len(pins.wrong()) == 1
