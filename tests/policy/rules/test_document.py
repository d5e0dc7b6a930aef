"""docs/policy.md says what the code does: its tables are those of the code, and its examples are conditions."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.config.conflicts import CLASSES
from gateway.config.rules import label_book, rule_book
from gateway.pipeline.facts import settled
from policy.campaign import About, Audience, CampaignAnswer, Payment, is_marketing
from policy.decision import Action
from policy.facts import Facts, Sent
from policy.people import Basis, Position, Tie
from policy.phi.report import Report
from policy.rules import parse_condition
from policy.rules.book import STRICTNESS
from policy.rules.check import OPERATORS
from policy.rules.document import facts_table, kinds, packs_table
from policy.rules.lex import LONGEST
from policy.rules.packs import Pack, load_pack
from policy.rules.parse import DEEPEST, MOST_VALUES
from policy.rules.parse import __doc__ as grammar
from policy.rules.state_law import Requirement
from policy.sensitivity import Sensitivity
from tests.gateway.config.samples import config_in, settings

PAGE: Final = (Path(__file__).parents[3] / "docs/policy.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^## Examples\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0].splitlines()


def test_the_tables_are_those_of_the_code() -> None:
    """After a change: python -m policy.rules.document."""
    assert "\n".join(facts_table()) in PAGE
    assert "\n".join(packs_table()) in PAGE
    assert f"KIND is one of {kinds()}." in PAGE


def test_the_grammar_is_that_of_the_parser() -> None:
    rules = [line for line in (grammar or "").splitlines() if " = " in line]
    assert len(rules) == 6
    assert all(line in PAGE for line in rules)
    for limit in (LONGEST, DEEPEST, MOST_VALUES):
        assert str(limit) in PAGE
    assert all(f'"{sign}"' in PAGE for signs in OPERATORS.values() for sign in signs)


def test_actions_stand_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \| [a-z]", PAGE, re.MULTILINE)[: len(STRICTNESS)] == list(STRICTNESS)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_conditions(text: str) -> None:
    assert parse_condition(text).facts


TEXTS: Final = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_longer_examples_are_configurations() -> None:
    texts = TEXTS
    assert [rule.name for text in texts for rule in settings(text).policy.rule] == [
        "no-ssn-lists", "payers-need-no-ssn", "keep-operations", "lists-need-two", "strangers",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "purpose", "classes"),
    [
        (Sent(login="newsletters", is_program=True), "marketing", ()),
        (Sent(login="newsletters"), "", ()),  # a person of that name is no credential
        (Sent(sender="desk@billing.clinic.example"), "", ()),
        (Sent(sender="counselling@clinic.example"), "treatment", (Sensitivity.PART2,)),
        (Sent(sender="counselling@clinic.example", login="newsletters", is_program=True), "", (Sensitivity.PART2,)),
    ],
)
def test_the_labels_say_what_the_page_says(sent: Sent, purpose: str, classes: tuple[Sensitivity, ...]) -> None:
    """As the pipeline asks them; two that disagree make it unknown, and contradicted."""
    (text,) = [text for text in TEXTS if "policy.label" in text]
    about = Facts(report=Report(phi=False, score=0.0), recipients=(), sent=sent)
    found = settled(label_book(settings(text).policy), about)
    assert (found.purpose, found.sensitivity) == (purpose, classes)
    assert bool(found.contradiction) == (sent.is_program and bool(sent.sender))


PAID: Final = {
    "never": (),
    "nothing": (Payment.NONE,),
    "nothing, or what it costs": (Payment.NONE, Payment.COST),
    "anything": tuple(Payment),
}


def test_what_is_no_marketing_is_what_the_code_says() -> None:
    """Each row of the table, for each payment, of mail that is for operations."""
    rows = dict(re.findall(r"^\| `([a-z][a-z-]+)` \| [^|]+ \| ([a-z, ]+) \|$", PAGE, re.MULTILINE))
    assert list(rows) == list(About)
    for about, words in rows.items():
        for payment in Payment:
            answer = CampaignAnswer(
                name="x", is_reviewed=True, about=About(about), payment=payment, audience=Audience.PATIENTS
            )
            assert is_marketing("operations", answer) is (payment not in PAID[words]), (about, payment)
    assert is_marketing("marketing", CampaignAnswer(name=""))
    assert not is_marketing("operations", CampaignAnswer(name=""))


def test_ties_and_positions_are_those_of_the_code() -> None:
    section = PAGE.partition("### People, and who reads their mail")[2].partition("###")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE) == list(Tie)
    assert all(f"`{word}`" in section for word in (*Basis, *Position))


def test_legal_classes_and_requirements_are_those_of_the_code() -> None:
    """Each class with its pack, each requirement, the words of the notice, and a row of one's own that holds."""
    section = PAGE.partition("## Legal classes and state law")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| `([a-z0-9-]+)` \| .+ \| .+ \|$", section, re.MULTILINE)
    assert {word: pack for words, pack in rows for word in re.findall(r"`([a-z0-9]+)`", words)} == CLASSES
    requirements = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|$", section, re.MULTILINE)
    assert requirements == ["requirement", *Requirement]  # the head of the table, and its rows
    (notice,) = [one.rule.notice for one in load_pack(Pack.PART2) if one.rule.notice]
    assert f'"{notice}"' in " ".join(section.split())
    (text,) = [text for text in TEXTS if "policy.state_rule" in text]
    (rule,) = rule_book(settings(text).policy).rules
    assert (rule.name, rule.action) == ("state/il-hiv", Action.HOLD)


COMMANDS = re.findall(
    r"^mailward ((?:consent|baa|patients|segment|campaign|person)"
    r" (?:add|list|revoke|import|end|bind|forget|drop|link|unlink).*)$",
    PAGE,
    re.MULTILINE,
)

PACK = "[policy]\npacks = ['misaddressed']\n"  # without it nothing asks for patients and segments


@pytest.mark.slow
def test_the_commands_are_those_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, in one installation; a file that an example names is there."""
    assert len(COMMANDS) == 25
    (tmp_path / "mailward.toml").write_text(config_in(tmp_path / "data", PACK), encoding="utf-8")
    for name in ("warning-signed.pdf", "form.pdf", "flu.pdf"):
        (tmp_path / name).write_bytes(b"signed")
    (tmp_path / "consents.csv").write_text("patient,kind\npat@b.example,opt-out\n", encoding="utf-8")
    rows = "patient,name,birth_date,addresses\nMRN-0042317,Martha Grimes,1961-03-31,martha@b.example\n"
    (tmp_path / "patients.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "people.csv").write_text("patient,majority\nMRN-0042,2037-05-01\n", encoding="utf-8")
    head = "name,purpose,about,audience,reviewer,document\n"
    study = f"spring,research,study,patients,IRB,{'ab' * 32}\n"
    (tmp_path / "campaigns.csv").write_text(head + study, encoding="utf-8")
    (tmp_path / "addresses.txt").write_text("martha@b.example\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = ""
    for command in COMMANDS:
        words = [made if word == "ID" else word for word in shlex.split(command)]
        result = CliRunner().invoke(main, [*words, "--config", "mailward.toml"])
        assert result.exit_code == 0, (command, result.output)
        made = result.stdout.split()[-1] if result.stdout.startswith("recorded as ") else made
