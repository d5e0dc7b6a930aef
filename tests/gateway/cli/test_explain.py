"""`mailward explain`: what a help desk and a test corpus see (interface.md, Commands)."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.explain import as_received, find_files, header_addresses
from gateway.cli.main import main
from tests.gateway.config.samples import MINIMAL, config_in

pytestmark = pytest.mark.slow
CLINICAL = b"""From: "Dr. A" <a@clinic.example>
To: b@there.example, "C" <c@else.example>
Subject: Your result

Jane Roe, MRN 00123456, has type 2 diabetes and takes metformin.
"""
PLAIN = (
    b"From: a@clinic.example\r\nTo: b@there.example\r\nSubject: Parking\r\n\r\nThe car park is closed on Monday.\r\n"
)
MEMBERS = (
    "file",
    "phi",
    "protected",
    "score",
    "purpose",
    "purpose_source",
    "findings",
    "reasons",
    "against",
    "uninspectable",
    "recipients",
    "seconds",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of two messages, and no configuration file."""
    monkeypatch.delenv("MAILWARD_CONFIG", raising=False)
    monkeypatch.setattr("gateway.cli.context.DEFAULT_CONFIG", tmp_path / "none.toml")
    mail = tmp_path / "mail"
    (mail / "below").mkdir(parents=True)
    (mail / "a.eml").write_bytes(CLINICAL)
    (mail / "below" / "b.eml").write_bytes(PLAIN)
    return mail


def run(*arguments: str | Path) -> Result:
    """`mailward explain …` as a shell runs it."""
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def test_directory_as_json_lines(folder: Path) -> None:
    """One object a line, in the order of the files, with the members that interface.md promises."""
    result = run("--json", folder)
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert result.exit_code == 0
    assert tuple(first) == tuple(second) == MEMBERS
    assert [first["phi"], second["phi"]] == [True, False]
    assert [first["protected"], second["protected"]] == [True, False]
    assert [to["address"] for to in first["recipients"]] == ["b@there.example", "c@else.example"]
    assert first["recipients"][0]["methods"] == ["tls", "portal"]
    assert second["recipients"][0]["action"] == "allow"


def test_words_for_a_person(folder: Path) -> None:
    """Findings masked, and per recipient the methods and why (invariant 6); no value in clear (invariant 4)."""
    result = run(folder / "a.eml", "--from", "x@clinic.example", "--to", "d@there.example")
    assert result.exit_code == 0
    assert "PROTECTED, from x@clinic.example" in result.stdout
    assert "verdict: PHI, score 0." in result.stdout
    assert "; scored close to a term of the vocabulary for " in result.stdout
    assert "reason: This is PHI: a value after a label for mrn (part 1 (text/plain), line 1), close to" in result.stdout
    assert "to d@there.example: protect, tls > portal" in result.stdout
    assert "Nobody looked for an S/MIME certificate" in result.stdout
    assert "b@there.example" not in result.stdout
    assert "00123456" not in result.stdout
    assert "Jane" not in result.stdout


def test_what_cannot_be_opened_is_said(folder: Path) -> None:
    """The other files are explained all the same, and the exit status tells."""
    result = run("--json", folder, "/proc/self/mem", folder / "a.eml")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.startswith("mailward: /proc/self/mem: ")


@pytest.mark.parametrize("arguments", [("--to", "nobody"), ("--from", "a b@c")])
def test_wrong_address_is_wrong_usage(folder: Path, arguments: tuple[str, str]) -> None:
    """Status 2, one line."""
    result = run(folder, *arguments)
    assert result.exit_code == 2


def test_message_without_a_header_is_explained(folder: Path) -> None:
    """PO-19: bytes that are no message at all neither crash nor pass as clean words on the terminal."""
    (folder / "a.eml").write_bytes(b"\x1b]0;x\x07\x00\xff" * 100)
    result = run(folder / "a.eml")
    assert result.exit_code == 0
    assert "no recipient" in result.stdout
    assert "\x1b" not in result.stdout


def test_files_come_in_order(folder: Path) -> None:
    """Directories are walked, names sorted, dangling links left out."""
    (folder / "0.eml").symlink_to(folder / "nowhere")
    assert [path.name for path in find_files([folder])] == ["a.eml", "b.eml"]


def test_saved_line_feeds_become_crlf() -> None:
    """A file saved on Unix is classified as SMTP would have brought it; one with CRLF stays untouched."""
    assert as_received(b"A: b\n\nc\n") == b"A: b\r\n\r\nc\r\n"
    assert as_received(PLAIN) is PLAIN


def test_header_addresses_are_well_formed_ones() -> None:
    """What is no address is left out; one that stands twice counts once."""
    data = b"To: A <a@x.example>, undisclosed, b@x.example\r\nCc: a@X.example\r\n\r\n"
    assert header_addresses(data, ("to", "cc")) == ("a@x.example", "b@x.example")
    assert header_addresses(b"\r\nno header", ("to",)) == ()


def test_rules_are_explained(folder: Path, tmp_path: Path) -> None:
    """Invariant 6: each rule with its verdict and what it saw, for each recipient; the exit status stays 0."""
    config = tmp_path / "mailward.toml"
    config.write_text(
        MINIMAL
        + """[policy]
packs = ["hipaa-baseline"]
[[policy.rule]]
name = "not-there"
when = 'phi and recipient.domain == "there.example"'
action = "hold"
[[policy.rule]]
name = "seldom"
when = 'phi'
unless = 'recipients.visible == 2'
action = "reject"
""",
        encoding="utf-8",
    )
    result = run("--json", folder / "a.eml", "--config", config)
    first, second = json.loads(result.stdout)["recipients"]
    assert (first["action"], second["action"]) == ("hold", "protect")
    seen = {one["name"]: (one["verdict"], one["seen"]) for one in second["rules"]}
    assert seen["not-there"] == ("does not apply", "phi is true, recipient.domain is else.example")
    assert seen["seldom"] == ("excepted", "phi is true; unless recipients.visible is 2")
    assert seen["hipaa-baseline/identifier"][0] == "applies"
    words = run(folder / "a.eml", "--config", config).stdout
    assert 'Rule "not-there" asks for hold (phi is true, recipient.domain is there.example).' in words
    assert "rule not-there (hold): does not apply, phi is true, recipient.domain is else.example" in words


def test_labels_and_words_say_what_it_is_for(folder: Path, tmp_path: Path) -> None:
    """As at SMTP time: a label that fits, else the words; rules and the answer go by that."""
    config = tmp_path / "labels.toml"
    rule = '[[policy.rule]]\nname = "m"\nwhen = \'purpose == "marketing"\'\naction = "hold"\n'
    label = '[[policy.label]]\nname = "news"\nwhen = \'sender.domain == "clinic.example"\'\npurpose = "marketing"\n'
    config.write_text(MINIMAL + rule)
    plain = json.loads(run("--json", folder / "below", "--config", config).stdout)
    assert (plain["purpose"], plain["purpose_source"], plain["recipients"][0]["action"]) == ("", "nobody", "allow")
    config.write_text(MINIMAL + rule + label)
    told = json.loads(run("--json", folder / "below", "--config", config).stdout)
    assert (told["purpose"], told["purpose_source"], told["recipients"][0]["action"]) == ("marketing", "label", "hold")
    assert "purpose: marketing, said by label" in run(folder / "below", "--config", config).stdout
    (folder / "below" / "b.eml").write_bytes(PLAIN + b"A special offer for you: use the promo code FLU.\r\n")
    config.write_text(MINIMAL + rule)
    assert "purpose: marketing, said by content" in run(folder / "below", "--config", config).stdout


def test_legal_classes_and_state_law_are_explained(folder: Path, tmp_path: Path) -> None:
    """The class of a label and the state of the sender's domain, as at SMTP time."""
    config = tmp_path / "classes.toml"
    label = '[[policy.label]]\nname = "hiv"\nwhen = \'sender.domain == "clinic.example"\'\nsensitivity = "hiv"\n'
    in_new_york = MINIMAL.replace('name = "clinic.example"', 'name = "clinic.example"\nstate = "NY"')
    for text, rule in ((in_new_york, "state-law/ny-hiv"), (MINIMAL, "state-law/no-state")):
        config.write_text(f'{text}[policy]\npacks = ["state-law"]\n{label}')
        (first,) = json.loads(run("--json", folder / "below", "--config", config).stdout)["recipients"]
        assert (first["action"], first["protected"]) == ("hold", True)
        assert rule in [one["name"] for one in first["rules"] if one["verdict"] == "applies"]
        assert "Its class is hiv: a label of the configuration says so." in str(first["trace"])


def test_the_index_and_the_registers_are_asked(tmp_path: Path) -> None:
    """As at SMTP time: the letter names one patient of the index and goes to another; a revoked choice is none."""
    config, mail, people = tmp_path / "mailward.toml", tmp_path / "a.eml", tmp_path / "patients.csv"
    config.write_text(config_in(tmp_path / "data", "[policy]\npacks = ['misaddressed', 'consent']\n"))
    mail.write_bytes(CLINICAL)
    people.write_text(
        "patient,name,birth_date,addresses\nMRN-00123456,Jane Roe,1961-03-31,c@else.example\n"
        "MRN-00000077,John Doe,1962-03-31,b@there.example\n"
    )
    runner = CliRunner()
    done = runner.invoke(main, ["patients", "bind", str(people), "--config", str(config)])
    assert done.exit_code == 0, done.output
    opted = ["consent", "add", "--patient", "c@else.example", "--kind", "confidential", "--config", str(config)]
    assert runner.invoke(main, opted).exit_code == 0
    wrong, right = json.loads(run("--json", mail, "--config", config).stdout)["recipients"]
    assert (wrong["address"], wrong["action"]) == ("b@there.example", "hold")
    assert "misaddressed/other-patient" in " ".join(wrong["trace"])
    assert (wrong["registers"]["index"]["is_other_patient"], right["registers"]["index"]["is_other_patient"]) == (
        True, False,
    )  # fmt: skip
    assert (right["address"], right["action"]) == ("c@else.example", "portal-only")
