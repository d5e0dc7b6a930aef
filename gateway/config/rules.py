"""The rules of a configuration, ready to be asked: its own and those of its packs. Pure."""

from dataclasses import replace
from typing import Final

from gateway.config.policies import Policy
from policy.baa import UnknownOrganisation
from policy.decision import Action
from policy.rules import Rule, RuleBook, parse_condition
from policy.rules.labels import Label, LabelBook
from policy.rules.packs import load_pack
from policy.rules.state_law import Row, rules_of

UNKNOWN_RULE: Final = "policy.unknown_organisation"


def rule_book(policy: Policy) -> RuleBook:
    """What `[[policy.rule]]` and `policy.packs` say."""
    own = [
        Rule(
            name=rule.name,
            when=rule.when,
            unless=rule.unless,
            action=rule.action,
            notify=rule.notify,
            add_header=tuple(rule.add_header.items()),
            approvers=rule.approvers,
            journal=rule.journal.lower(),
            disclaimer=rule.disclaimer.strip(),
            redact=rule.redact,
        )
        for rule in policy.rule
    ]
    shipped = [
        replace(one.rule, notify=policy.pack_notify if one.rule.action in {Action.HOLD, Action.REJECT} else ())
        for pack in dict.fromkeys(policy.packs)
        for one in load_pack(pack)
    ]
    return RuleBook(own + shipped + _states(policy) + _unknown(policy))


def _states(policy: Policy) -> list[Rule]:
    """What `[[policy.state_rule]]` says."""
    rows = [
        Row(
            name=one.name,
            state=one.state,
            sensitivity=one.sensitivity,
            requirement=one.requirement,
            but_for=one.but_for,
            general_for=one.general_for,
            citation=one.citation,
            notice=one.notice.strip(),
        )
        for one in policy.state_rule
    ]
    made = [made.rule for row in rows for made in rules_of(row, prefix="state")]
    return [replace(rule, notify=policy.pack_notify if rule.action is Action.HOLD else ()) for rule in made]


def _unknown(policy: Policy) -> list[Rule]:
    """What `policy.unknown_organisation` asks for. Who gets mail about themselves or a relative is no organisation."""
    if policy.unknown_organisation is UnknownOrganisation.REVIEW:
        return []
    when = parse_condition(
        'protected and not recipient.ours and baa.relation == "unknown"'
        ' and not purpose in ["individual", "access", "involved-in-care"]'
    )
    return [Rule(name=UNKNOWN_RULE, when=when, action=Action.HOLD, notify=policy.pack_notify)]


def label_book(policy: Policy) -> LabelBook:
    """What `[[policy.label]]` says."""
    return LabelBook(
        [
            Label(
                name=label.name,
                when=label.when,
                purpose=label.purpose,
                sensitivity=label.sensitivity,
                state=label.state,
            )
            for label in policy.label
        ]
    )
