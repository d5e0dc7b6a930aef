"""The DLP rule language: conditions over named facts, and the action that each asks for.

`lex`, `parse` and `check` turn a text into a condition or into an error with its column; `facts` is the table of what
can be asked; `evaluate` answers it in bounded time; `book` puts all rules of an installation together.
"""

from policy.rules.book import NO_RULES, Hit, Rule, RuleBook
from policy.rules.condition import Condition, parse_condition
from policy.rules.errors import RuleError

__all__ = ["NO_RULES", "Condition", "Hit", "Rule", "RuleBook", "RuleError", "parse_condition"]
