"""`mailward person import` and `mailward campaign import`: all rows or none, each fault by its row, and a dry run."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.gateway.cli.test_registers import SHA, config, rows, run

__all__ = ["config"]  # the fixture
pytestmark = pytest.mark.slow

Row = Mapping[str, str]
FORMS: Final = ("csv", "json")
FLU: Final = {
    "name": "flu-2026", "purpose": "operations", "about": "own-service", "audience": "patients",
    "reviewer": "Dr. Adams", "reviewed": "2026-01-31", "document": SHA,
}  # fmt: skip
STUDY: Final = {
    "name": "study-7", "purpose": "research", "about": "study", "audience": "patients", "basis": "waiver",
    "recipients": "lab@uni.example trials.example", "reviewer": "IRB", "reviewed": "2026-01-31",
    "document": SHA.upper(), "expires": "2036-01-01",
}  # fmt: skip
PAT: Final = {"patient": "MRN-1", "address": "Pat@b.example", "tie": "self", "verified": "in person"}
MOTHER: Final = {
    "patient": "MRN-2", "majority": "2036-05-01", "address": "mum@b.example", "tie": "representative",
    "basis": "parent",
}  # fmt: skip


def write(folder: Path, form: str, entries: Sequence[Row]) -> str:
    """A file of rows. Returns: its path."""
    file = folder / f"rows.{form}"
    names = list(dict.fromkeys(name for one in entries for name in one))
    lines = [",".join(names), *(",".join(one.get(name, "") for name in names) for one in entries)]
    file.write_text(json.dumps(entries) if form == "json" else "\n".join(lines), encoding="utf-8")
    return str(file)


def refused(config: Path, register: str, file: str) -> str:
    """An import that must not be taken, nor its rehearsal. Returns: what is said."""
    told = [run(config, register, "import", file, *more) for more in ((), ("--dry-run",))]
    assert [(one.exit_code, "Nothing was recorded." in one.stderr) for one in told] == [(1, True)] * 2
    assert told[0].stderr == told[1].stderr
    return told[0].stderr


# --- people and links ---


@pytest.mark.parametrize("form", FORMS)
def test_people_and_links_come_from_a_file(config: Path, tmp_path: Path, form: str) -> None:
    """A dry run writes nothing; then persons and links are there as if they were typed, each with its event."""
    file = write(tmp_path, form, [PAT, MOTHER, {"patient": "MRN-3"}])
    assert run(config, "person", "import", file, "--dry-run").stdout == "3 rows are right\n"
    assert rows(config, "person", "list") == []
    assert run(config, "person", "import", file, "--by", "front desk").stdout == "3 rows recorded\n"
    other, own = sorted(rows(config, "person", "list"), key=lambda one: str(one["address"]))
    assert (own["address"], own["tie"], own["verified"], own["counts"]) == ("pat@b.example", "self", "in person", True)
    assert (other["basis"], other["counts"], other["majority_at"]) == ("parent", True, "2036-05-01T00:00:00+00:00")
    kinds = [one["kind"] for one in rows(config, "audit", "search", "--kind", "person.")]
    assert kinds == ["person.recorded"] * 3 + ["person.linked"] * 2
    assert own["recorded_by"] == "front desk"
    assert run(config, "person", "link", "--patient", "MRN-3", "--address", "c@b.example").exit_code == 0


@pytest.mark.parametrize("form", FORMS)
def test_one_bad_row_stops_all_of_a_file_of_people(config: Path, tmp_path: Path, form: str) -> None:
    """Each fault by its row; what is wrong with one hides nothing of the next."""
    bad: list[Row] = [
        PAT,
        {"patient": "", "address": "a@b.example", "tie": "self"},
        {"patient": "MRN-4", "address": "a@b.example", "tie": "friend"},
        {"patient": "MRN-4", "address": "nobody", "tie": "self"},
        {"patient": "MRN-4", "address": "a@b.example", "tie": "self", "basis": "parent"},
        {"patient": "MRN-4", "address": "a@b.example", "tie": "representative", "basis": "court"},
        {"patient": "MRN-4", "majority": "soon"},
        {"patient": "MRN-4", "tie": "self"},
        PAT,
        {"patient": "MRN-1", "majority": "2040-01-01"},
    ]
    said = refused(config, "person", write(tmp_path, form, bad)).splitlines()
    wanted = {
        2: "patient: an address", 3: "as: 'friend'", 4: "'nobody' is no address", 5: "basis: why",
        6: "until: the end of", 7: "majority: 'soon'", 8: "'' is no address", 9: "is linked to pat@b.example as self",
        10: "majority: another row",
    }  # fmt: skip
    for line, (number, words) in zip(said, wanted.items(), strict=False):
        assert line.startswith(f"row {number}: "), line
        assert words in line
    assert len(said) == len(wanted) + 1
    assert rows(config, "person", "list") == []
    assert rows(config, "audit", "search", "--kind", "person.") == []


def test_the_same_file_again_doubles_nothing(config: Path, tmp_path: Path) -> None:
    """Two links would make the address one that several read; an ended one stands in nobody's way."""
    file = write(tmp_path, "csv", [PAT])
    assert run(config, "person", "import", file).exit_code == 0
    (link,) = rows(config, "person", "list")
    assert f"already, by link {link['id']}" in refused(config, "person", file)
    assert run(config, "person", "unlink", link["id"], "--why", "moved").exit_code == 0
    assert run(config, "person", "import", file).exit_code == 0
    assert len(rows(config, "person", "list")) == 2


def test_nobody_comes_of_age_because_a_file_is_silent(config: Path, tmp_path: Path) -> None:
    """45 CFR 164.502(g)(3): a minor stays one until a row says when that ends."""
    assert run(config, "person", "import", write(tmp_path, "csv", [MOTHER])).exit_code == 0
    school = {"patient": "MRN-2", "address": "school@b.example", "tie": "involved"}
    assert run(config, "person", "import", write(tmp_path, "csv", [school])).exit_code == 0
    assert {one["majority_at"] for one in rows(config, "person", "list")} == {"2036-05-01T00:00:00+00:00"}
    later = {"patient": "MRN-2", "majority": "2037-05-01"}
    assert run(config, "person", "import", write(tmp_path, "csv", [later])).exit_code == 0
    assert {one["majority_at"] for one in rows(config, "person", "list")} == {"2037-05-01T00:00:00+00:00"}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_is_read_back(config: Path, tmp_path: Path, form: str) -> None:
    """Into the same installation: of an id of a patient a register has only a hash, which means the same there."""
    as_json = ["--json"] if form == "json" else []
    assert run(config, "person", "import", write(tmp_path, "csv", [PAT, MOTHER])).exit_code == 0
    before = {(one["person"], one["address"], one["majority_at"]) for one in rows(config, "person", "list")}
    file = tmp_path / f"exported.{form}"
    file.write_text(run(config, "person", "export", *as_json).stdout, encoding="utf-8")
    assert "MRN" not in file.read_text(encoding="utf-8")
    for one in rows(config, "person", "list"):
        assert run(config, "person", "unlink", one["id"], "--why", "moved").exit_code == 0
    nothing = run(config, "person", "export").stdout
    assert nothing == "patient,majority,address,tie,basis,verified,from,until\n"
    assert run(config, "person", "import", str(file)).stdout == "2 rows recorded\n"
    standing = [one for one in rows(config, "person", "list") if not one["ended_at"]]
    assert {(one["person"], one["address"], one["majority_at"]) for one in standing} == before


@pytest.mark.parametrize(
    ("register", "row"),
    [
        ("consent", {"patient": "MRN-1", "kind": "part2", "purposes": "treatment payment", "evidence": SHA,
                     "recipients": "c.example d@e.example", "covers": "medication list, attendance"}),
        ("consent", {"patient": "MRN-1", "kind": "authorization", "purposes": "payment", "evidence": SHA,
                     "recipients": "c.example", "expires": "2036-01-01", "topics": "mental_health hiv"}),
        ("baa", {"name": "B, Ltd", "domains": "b.example c.example", "purposes": "any", "qsoa": "yes",
                 "agreed": "2026-01-01"}),
        ("campaign", STUDY),
    ],
)  # fmt: skip
def test_the_columns_of_an_export_are_those_of_an_import(
    config: Path, tmp_path: Path, register: str, row: Mapping[str, str]
) -> None:
    """Every one of them, and each value as it was recorded."""
    assert run(config, register, "import", write(tmp_path, "json", [row])).exit_code == 0
    (found,) = json.loads(run(config, register, "export", "--json").stdout)
    assert set(row) <= set(found)
    for name in ("purposes", "recipients", "domains", "qsoa", "name", "basis", "topics", "covers"):
        assert found.get(name) == row.get(name, found.get(name)), name
    text = run(config, register, "import", "--help").stdout.partition("Columns:")[2]
    assert set(found) == set(re.findall(r"[a-z]+", re.sub(r"\([^)]*\)", "", text).partition(".")[0]))


# --- campaigns ---


@pytest.mark.parametrize("form", FORMS)
def test_campaigns_come_from_a_file(config: Path, tmp_path: Path, form: str) -> None:
    file = write(tmp_path, form, [FLU, STUDY])
    assert run(config, "campaign", "import", file, "--dry-run").stdout == "2 campaigns are right\n"
    assert rows(config, "campaign", "list") == []
    assert run(config, "campaign", "import", file).stdout == "2 campaigns recorded\n"
    flu, study = rows(config, "campaign", "list")
    assert (flu["payment"], flu["basis"], flu["in_force"]) == ("none", "none", True)
    assert (study["recipients"], study["document"]) == (["lab@uni.example", "trials.example"], SHA)
    assert len(rows(config, "audit", "search", "--kind", "campaign.recorded")) == 2


@pytest.mark.parametrize("form", FORMS)
def test_one_bad_row_stops_all_of_a_file_of_campaigns(config: Path, tmp_path: Path, form: str) -> None:
    """A name that stands twice in the file, or was ever on the register, is another text under an old name."""
    assert run(config, "campaign", "import", write(tmp_path, form, [{**FLU, "name": "old"}])).exit_code == 0
    assert run(config, "campaign", "end", "old", "--why", "over").exit_code == 0
    bad: list[Row] = [
        FLU,
        {**FLU, "name": "FLU-2026"},
        {**FLU, "name": "old"},
        {**FLU, "name": "a", "about": "soap"},
        {**FLU, "name": "b", "document": "form.pdf"},
        {**FLU, "name": "c", "basis": "waiver"},
        {**FLU, "name": "d", "reviewed": "2099-01-01"},
    ]
    said = refused(config, "campaign", write(tmp_path, form, bad)).splitlines()
    wanted = {
        2: "flu-2026 exists", 3: "old exists, or existed", 4: "about: 'soap'", 5: "document: the SHA-256",
        6: "recipients: a basis names", 7: "reviewed: lies in the future",
    }  # fmt: skip
    assert [line.split(":")[0] for line in said[:-1]] == [f"row {number}" for number in wanted]
    assert all(words in line for line, words in zip(said, wanted.values(), strict=False))
    assert [one["name"] for one in rows(config, "campaign", "list")] == ["old"]


@pytest.mark.parametrize("register", ["person", "campaign"])
def test_a_column_that_nobody_knows_is_refused(config: Path, tmp_path: Path, register: str) -> None:
    """It could be the condition under which something was approved."""
    row: dict[str, Any] = {**(PAT if register == "person" else FLU), "condition": "x"}
    assert "no such column: condition" in refused(config, register, write(tmp_path, "csv", [row]))
