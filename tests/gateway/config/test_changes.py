"""What a reload takes up of a changed file, and what it names instead."""

import pytest

from gateway.config import Settings
from gateway.config.changes import changed, taken_up
from policy.decision import PolicyDefault
from tests.gateway.config.samples import settings

RULE = '[[policy.rule]]\nname = "own"\nwhen = \'sender matches "a*" and findings.ssn.count > {}\'\naction = "hold"\n'


def test_the_same_file_changes_nothing() -> None:
    """Conditions and all: it was parsed anew."""
    text = RULE.format(1) + "[brake]\nmessages_per_hour = 7\n"
    assert changed(settings(text), settings(text)) == ()
    assert changed(settings(text), taken_up(settings(text), settings(text))) == ()


@pytest.mark.parametrize(
    ("more", "key"),
    [
        (RULE.format(1), "policy.rule"),
        ('[policy]\nsubject_tags = ["[x]"]\n', "policy.subject_tags"),
        ('[policy]\npacks = ["part2"]\n', "policy.packs"),
        ('[policy]\nhold_answer = "1h"\n', "policy.hold_answer"),
        ('[policy]\ndefault = "protect-all"\n', "policy.default"),
        ('[commercial]\npostal_address = "1 Main Street"\n', "commercial.postal_address"),
        ('policy_default = "protect-all"\n', "domain[1].policy_default"),
        ('state = "NY"\n', "domain[1].state"),
    ],
)
def test_policy_is_taken_up(more: str, key: str) -> None:
    running, read = settings(), settings(more)
    assert changed(running, taken_up(running, read)) == (key,)
    assert changed(taken_up(running, read), read) == (), "nothing of it waits"


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ("[brake]\nmessages_per_hour = 7\n", ("brake.messages_per_hour",)),
        ("[limits]\nrecipients = 7\n", ("listener[1].limits.recipients", "limits.recipients")),
        ('organisation = "Clinic A"\n', ("domain[1].organisation", "tls_reports.organisation")),
        ('[[domain]]\nname = "other.example"\npolicy_default = "protect-all"\n', ("domain",)),
        ('[classification]\nallow = ["Jane Roe"]\n', ("classification.allow",)),
        ('[delivery]\nmethods = ["portal"]\n', ("domain[1].methods", "delivery.methods")),
    ],
)
def test_the_rest_waits_and_is_named(more: str, keys: tuple[str, ...]) -> None:
    """By key, never by value; and what runs keeps it as it was."""
    running, read = settings(), settings(more)
    assert changed(running, taken_up(running, read)) == ()
    assert changed(running, read) == keys


def test_both_in_one_file() -> None:
    """In a list that is as long as before, a table has a number; a domain is found by its name."""
    first, second = '[[domain]]\nname = "{}"\nstate = "NY"\n', '[log]\nlevel = "error"\n'
    running = settings(RULE.format(1))
    read = settings('policy_default = "protect-all"\n' + RULE.format(2) + second + first.format("other.example"))
    new = taken_up(running, read)
    assert changed(running, new) == ("domain[1].policy_default", "policy.rule[1].when")
    assert changed(new, read) == ("domain", "log.level")
    assert [(one.name, one.policy_default) for one in new.domain] == [("clinic.example", PolicyDefault.PROTECT_ALL)]
    assert isinstance(new, Settings)
