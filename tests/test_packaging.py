"""What the README, the Makefile, the lock files and the wheel promise each other."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent
TOGETHER: Final = ("build", "runtime", "data", "test")
LOCK_FILES: Final = (*TOGETHER, "sslyze")


def read(name: str) -> str:
    """The text of one file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def locked(name: str) -> dict[str, str]:
    """Package name to the entry (version, markers, hashes) that `requirements/<name>.txt` holds for it."""
    joined = read(f"requirements/{name}.txt").replace("\\\n", " ")
    entries = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {re.split(r"[=\[ ]", entry, maxsplit=1)[0]: entry for entry in entries}


def project() -> dict[str, Any]:
    """The tables of pyproject.toml."""
    return tomllib.loads(read("pyproject.toml"))


def canonical(requirement: str) -> str:
    """The name in a requirement, as lock files write it (PyPA name normalisation)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_readme_commands_exist() -> None:
    """Every `make target` that the README and .ci/run name is a target of the Makefile."""
    named = set(
        re.findall(r"^ *(?:\$ )?make ([a-z-]+)|`make ([a-z-]+)", read("README.md") + read(".ci/run"), re.MULTILINE)
    )
    targets = set(re.findall(r"^([a-z-]+):(?!=)", read("Makefile"), re.MULTILINE))
    wanted = {target for pair in named for target in pair if target}
    assert {"demo", "test", "lint"} <= wanted
    assert wanted <= targets


@pytest.mark.parametrize("name", LOCK_FILES)
def test_everything_is_pinned_with_hashes(name: str) -> None:
    """`pip install --require-hashes` takes the file: each entry has one version and at least one SHA-256."""
    entries = locked(name)
    assert entries
    for entry in entries.values():
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+ ", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


@pytest.mark.parametrize("name", LOCK_FILES)
def test_lock_files_name_no_index(name: str) -> None:
    """Where packages come from is the installing site's affair."""
    text = read(f"requirements/{name}.txt")
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_lock_files_agree() -> None:
    """They are installed into one environment, one after the other: a shared package has one version."""
    versions: dict[str, set[str]] = {}
    for name in TOGETHER:
        for package, entry in locked(name).items():
            versions.setdefault(package, set()).add(entry.split()[0].partition("==")[2])
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", LOCK_FILES)
def test_lock_files_follow_pyproject(name: str) -> None:
    """A dependency added to pyproject.toml but not locked would be missing after `make demo`."""
    tables = project()
    wanted = tables["project"]["dependencies"] if name == "runtime" else tables["dependency-groups"][name]
    assert {canonical(requirement) for requirement in wanted} <= set(locked(name))


def test_build_requirements_are_locked() -> None:
    """`pip install .` builds in isolation with what `make` has locked; both build the same vocabulary and model."""
    available = set(locked("build")) | set(locked("data")) | set(locked("runtime"))
    assert {canonical(requirement) for requirement in project()["build-system"]["requires"]} <= available


@pytest.mark.slow
def test_wheel_is_complete(tmp_path: Path) -> None:
    """The wheel holds the code, its data and its command, and nothing of the tests or of what the model is trained on.

    hatchling drops files that git ignores unless `artifacts` names them: the vocabulary tables would be missing.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("mailward-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    shipped = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert {name.partition("/")[0] for name in shipped} == {"gateway", "policy", "tls"}
    assert {
        "policy/phi/data/diagnoses.tsv.gz",
        "policy/phi/data/drugs.tsv.gz",
        "policy/phi/data/model.tsv.gz",
    } <= shipped

    ours = [path for top in ("gateway", "policy", "tls") for path in (ROOT / top).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in ours if "__pycache__" not in path.parts}
    mail = {name for name in expected if name.startswith("policy/phi/data/mail/")}
    assert mail
    assert expected - shipped == mail

    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "mailward = gateway.cli.main:main" in zipfile.ZipFile(wheel).read(entry_points).decode()
