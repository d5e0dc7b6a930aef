"""The rules of a configuration, ready to be asked: its own and those of its packs. Pure."""

from dataclasses import replace

from gateway.config.model import Policy
from policy.decision import Action
from policy.rules import Rule, RuleBook
from policy.rules.labels import Label, LabelBook
from policy.rules.packs import load_pack


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
        )
        for rule in policy.rule
    ]
    shipped = [
        replace(one.rule, notify=policy.pack_notify if one.rule.action in {Action.HOLD, Action.REJECT} else ())
        for pack in dict.fromkeys(policy.packs)
        for one in load_pack(pack)
    ]
    return RuleBook(own + shipped)


def label_book(policy: Policy) -> LabelBook:
    """What `[[policy.label]]` says."""
    return LabelBook([Label(name=label.name, when=label.when, purpose=label.purpose) for label in policy.label])
