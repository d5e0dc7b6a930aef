"""How many addresses a message shows to everybody who gets it: those in To and Cc. Pure and linear."""

import re
from typing import Final

from gateway.message.fields import Parsed

SHOWN: Final = frozenset({"to", "cc"})
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)', re.DOTALL)  # a name or a remark may hold anything


def count_visible(parsed: Parsed) -> int:
    """Count the members of all To and Cc fields that have an @; whatever else stands there counts for nothing."""
    values = (field.value.decode("utf-8", "replace") for field in parsed.fields if field.name in SHOWN)
    return sum("@" in member for value in values for member in re.split("[,;]", _QUOTED.sub("", value)))
