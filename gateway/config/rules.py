"""The rules of a configuration, ready to be asked. Pure."""

from gateway.config.model import Policy
from policy.rules import Rule, RuleBook


def rule_book(policy: Policy) -> RuleBook:
    """What `[[policy.rule]]` says."""
    return RuleBook(
        [
            Rule(name=rule.name, when=rule.when, unless=rule.unless, action=rule.action, notify=rule.notify)
            for rule in policy.rule
        ]
    )
