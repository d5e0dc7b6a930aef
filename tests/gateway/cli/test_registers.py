"""`mailward consent` and `mailward baa`: what an operator types and sees."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from tests.gateway.config.samples import config_in

pytestmark = pytest.mark.slow

SHA = "ab" * 32
HEADER = "patient,kind,purposes,recipients,given,expires,evidence"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def rows(config: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(config, *arguments, "--json").stdout.splitlines()]


def test_a_consent_from_giving_to_revoking(config: Path, tmp_path: Path) -> None:
    """The document stays with who has it, and of an id of a patient only a hash is kept."""
    form = tmp_path / "form.pdf"
    form.write_bytes(b"%PDF signed")
    made = run(
        config, "consent", "add", "--patient", "MRN-0042", "--kind", "part2", "--purpose", "treatment", "--recipient",
        "Clinic2.example", "--given", "2026-01-31", "--document", str(form), "--by", "privacy",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    (row,) = rows(config, "consent", "list", "--patient", "MRN-0042")
    assert made.stdout == f"recorded as {row['id']}\n"
    assert (row["kind"], row["purposes"], row["recipients"]) == ("part2", ["treatment"], ["clinic2.example"])
    assert (row["evidence"], row["recorded_by"]) == (hashlib.sha256(b"%PDF signed").hexdigest(), "privacy")
    assert (row["given_at"], row["in_force"]) == ("2026-01-31T00:00:00+00:00", True)
    assert "clinic2.example" in run(config, "consent", "list").stdout
    assert rows(config, "consent", "list", "--patient", "MRN-0043") == []
    assert run(config, "consent", "revoke", row["id"], "--why", "patient wrote").exit_code == 0
    again = run(config, "consent", "revoke", row["id"], "--why", "patient wrote")
    assert (again.exit_code, "is revoked already" in again.stderr) == (1, True)
    (row,) = rows(config, "consent", "list")
    assert (row["in_force"], bool(row["revoked_at"])) == (False, True)
    events = rows(config, "audit", "search", "--kind", "consent.")
    assert [one["kind"] for one in events] == ["consent.recorded", "consent.revoked"]
    assert (events[0]["data"]["by"], events[1]["data"]["why"]) == ("privacy", "patient wrote")
    assert "MRN-0042" not in json.dumps(events)
    assert not any(b"MRN-0042" in file.read_bytes() for file in (tmp_path / "data").iterdir() if file.is_file())


def test_an_authorization_names_what_a_state_asks_for(config: Path, tmp_path: Path) -> None:
    """In the order of the table, through the register, the log and back; no other kind names any."""
    form = tmp_path / "form.pdf"
    form.write_bytes(b"%PDF signed")
    add = (
        "consent", "add", "--patient", "MRN-0042", "--purpose", "payment", "--recipient", "clinic2.example",
        "--expires", "2036-01-01", "--document", str(form), "--topic", "hiv", "--topic", "substance_use",
    )  # fmt: skip
    assert run(config, *add, "--kind", "authorization").exit_code == 0
    (row,) = rows(config, "consent", "list")
    assert row["topics"] == ["substance_use", "hiv"]
    (event,) = rows(config, "audit", "search", "--kind", "consent.recorded")
    assert event["data"]["topics"] == ["substance_use", "hiv"]
    wrong = run(config, *add, "--kind", "part2")
    assert (wrong.exit_code, "topics: an authorization names some; part2 does not" in wrong.stderr) == (2, True)
    text = run(config, "consent", "export").stdout
    file = tmp_path / "back.csv"
    file.write_text(text.replace("substance_use hiv", "HIV substance-use gambling"))
    assert "row 1: topics: gambling: none of substance_use" in run(config, "consent", "import", str(file)).stderr
    file.write_text(text.replace("substance_use hiv", "HIV substance-use"))
    assert run(config, "consent", "import", str(file)).stdout == "1 entries recorded\n"
    assert [one["topics"] for one in rows(config, "consent", "list")] == [["substance_use", "hiv"]] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--kind unencrypted --patient pat@b.example", "needs the SHA-256"),
        ("--kind opt-out --patient MRN-1", "give the address"),
        ("--kind opt-out --patient pat@@b.example", "is no address"),
        ("--kind opt-out --patient pat@b.example --recipient b.example", "name none"),
        ("--kind opt-out --patient pat@b.example --purpose gossip", "gossip"),
        ("--kind opt-out --patient pat@b.example --given 2099-01-01", "lies in the future"),
        ("--kind opt-out --patient pat@b.example --given 2026-01-31T10:00:00", "no time zone"),
        ("--kind opt-out --patient pat@b.example --given yesterday", "is no date"),
        ("--kind opt-out --patient pat@b.example --given 2026-02-01 --expires 2026-01-01", "is not after"),
        ("--kind authorization --patient MRN-1 --purpose marketing --document D", "names its recipients"),
        ("--kind authorization --patient MRN-1 --recipient b.example --document D", "names its recipients"),
        ("--kind authorization --patient MRN-1 --recipient b.example --purpose any --expires 2099-01-01 --document D",
         "describes each purpose"),
        ("--kind authorization --patient MRN-1 --recipient b.example --purpose marketing --document D",
         "expires: is needed"),
        ("--kind part2 --patient MRN-1 --recipient b.example --purpose research --document D", "expires: is needed"),
        ("--kind psychotherapy --patient MRN-1 --recipient b.example --purpose treatment --expires 2099-01-01",
         "evidence: psychotherapy needs"),
        ("--kind psychotherapy --patient MRN-1 --recipient b.example --purpose treatment --document D",
         "expires: is needed"),
        ("--kind psychotherapy --patient MRN-1 --recipient b.example --purpose any --expires 2099-01-01 --document D",
         "describes each purpose"),
        ("--kind part2 --patient MRN-1 --recipient nowhere --purpose treatment --document D", "is no domain"),
    ],
)  # fmt: skip
def test_a_consent_that_is_none(config: Path, tmp_path: Path, arguments: str, words: str) -> None:
    """45 CFR 164.508(b)(2): a form that lacks an element is not valid, so it is not taken."""
    form = tmp_path / "form"
    form.write_text("signed")
    result = run(config, "consent", "add", *(str(form) if word == "D" else word for word in arguments.split()))
    assert (result.exit_code, words in result.stderr) == (2, True), result.output
    assert rows(config, "consent", "list") == []


@pytest.mark.parametrize("form", ["csv", "json"])
def test_import_is_all_or_nothing(config: Path, tmp_path: Path, form: str) -> None:
    """Bad rows are told by number, a rehearsal writes nothing."""
    good = [
        {"patient": "pat@b.example", "kind": "unencrypted", "evidence": SHA},
        {"patient": "MRN-1", "kind": "part2", "purposes": "treatment payment", "recipients": "c.example d@e.example",
         "evidence": SHA},
    ]  # fmt: skip
    bad = [{"patient": "pat@b.example", "kind": "odd"}, {"patient": "", "kind": "opt-out"}]
    file = tmp_path / "rows"

    def write(entries: list[dict[str, str]]) -> None:
        names = HEADER.split(",")
        lines = [HEADER, *(",".join(one.get(name, "") for name in names) for one in entries)]
        file.write_text(json.dumps(entries) if form == "json" else "\ufeff" + "\n".join(lines), encoding="utf-8")

    write([*good, *bad])
    told = run(config, "consent", "import", str(file))
    assert told.exit_code == 1
    assert "row 3: kind: 'odd'" in told.stderr
    assert "row 4: patient:" in told.stderr
    write(good)
    assert run(config, "consent", "import", str(file), "--dry-run").stdout == "2 entries are right\n"
    assert rows(config, "consent", "list") == []
    assert run(config, "consent", "import", str(file)).stdout == "2 entries recorded\n"
    assert {one["kind"] for one in rows(config, "consent", "list")} == {"unencrypted", "part2"}
    assert len(rows(config, "audit", "search", "--kind", "consent.recorded")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "row 1"),
        ('[{"patient": 1, "kind": "opt-out"}]', "every value is a text"),
        ("[{]", "neither CSV nor a JSON array"),
        (f"{HEADER}\na,b", "row 1"),
        (f"{HEADER}\n{',' * 9}", "row 1"),
        ("patient,kind,condition\npat@b.example,opt-out,x", "no such column: condition"),
    ],
)
def test_a_file_that_is_none(config: Path, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "rows"
    file.write_text(text, encoding="utf-8")
    result = run(config, "consent", "import", str(file))
    assert (result.exit_code, words in result.stderr) == (1, True), result.output


def add(config: Path, name: str, *arguments: str) -> Result:
    return run(config, "baa", "add", name, *arguments)


ASSOCIATE = ("--domain", "Billing.example", "--purpose", "payment", "--agreed", "2026-01-01")


def test_an_agreement_from_signing_to_its_end(config: Path) -> None:
    made = add(
        config, "Billing Ltd", *ASSOCIATE, "--expires", "2090-01-01", "--qsoa", "--contact", "dpo@billing.example"
    )
    assert made.stdout == "Billing Ltd is on the register\n", made.output
    (row,) = rows(config, "baa", "list")
    assert (row["domains"], row["purposes"], row["qsoa"], row["in_force"]) == (
        ["billing.example"], ["payment"], True, True,
    )  # fmt: skip
    assert "billing.example" in run(config, "baa", "list").stdout
    assert add(config, "Billing Ltd", *ASSOCIATE).exit_code == 1
    assert add(config, "Billing Ltd", *ASSOCIATE, "--renew").exit_code == 0
    assert run(config, "baa", "end", "Billing Ltd", "--why", "moved on").exit_code == 0
    assert run(config, "baa", "end", "Billing Ltd", "--why", "moved on").exit_code == 1
    (row,) = rows(config, "baa", "list")
    assert (row["in_force"], row["qsoa"], bool(row["ended_at"])) == (False, False, True)
    events = rows(config, "audit", "search", "--kind", "baa.")
    assert [one["kind"] for one in events] == ["baa.recorded", "baa.recorded", "baa.ended"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--domain b.example", "needs the date"),
        ("--domain b.example --agreed 2026-01-01", "needs the date"),
        ("--domain b.example --relation payer --qsoa", "needs the date"),
        ("--domain b.example --relation payer --expires 2026-01-01", "is not after"),
        ("--domain example --relation payer", "is no domain"),
        ("--domain b.example --relation payer --purpose gossip", "gossip"),
    ],
)
def test_an_organisation_that_is_none(config: Path, arguments: str, words: str) -> None:
    result = add(config, "X", *arguments.split())
    assert (result.exit_code, words in result.stderr) == (2, True), result.output


def test_import_of_organisations(config: Path, tmp_path: Path) -> None:
    """A domain that two of them claim stops all."""
    file = tmp_path / "rows.csv"
    head = "name,relation,domains,purposes,qsoa,agreed,expires,contact\n"
    file.write_text(head + "A,payer,a.example,,,,,\nB,,b.example a.example,any,no,2026-01-01,,\n", encoding="utf-8")
    told = run(config, "baa", "import", str(file))
    assert (told.exit_code, "a.example belongs to A; nothing was recorded" in told.stderr) == (1, True)
    assert rows(config, "baa", "list") == []
    file.write_text(head + "A,payer,a.example,,,,,\nB,,b.example,any,no,2026-01-01,,\n", encoding="utf-8")
    assert run(config, "baa", "import", str(file)).stdout == "2 organisations recorded\n"
    assert [one["name"] for one in rows(config, "baa", "list")] == ["A", "B"]


def test_the_clock_of_an_opt_out(config: Path) -> None:
    """15 U.S.C. 7704(a)(4)(A): ten business days from the day it came; it counts from now on in any case."""
    today = datetime.now(UTC).date()
    opt_out = ("consent", "add", "--patient", "pat@b.example", "--kind", "opt-out", "--purpose", "marketing")
    for days, is_late in ((0, False), (10, False), (15, True), (400, True)):
        made = run(config, *opt_out, "--given", str(today - timedelta(days=days)))
        assert made.exit_code == 0, made.output
        assert ("too late: it had to be honoured by" in made.stderr) is is_late
    other = run(config, "consent", "add", "--patient", "a@b.example", "--kind", "confidential", "--given", "2020-01-01")
    assert other.stderr == ""
