"""What the model's opinion rests on, in sentences that hold no more of the message than a finding does."""

from collections.abc import Iterator
from typing import Final

from policy.phi.learned.features import RULES
from policy.phi.learned.opinion import Opinion
from policy.phi.mask import mask
from policy.phi.report import Kind
from policy.phi.tie import THRESHOLD, Tie

_SAID: Final = 5  # features that a sentence names
_LEAST: Final = 0.01  # what adds less is not worth a word
_SURE: Final = -0.5  # a margin below it is said although the verdict is the rules' own
_WHO: Final = {
    "me": "the writer",
    "you": "the reader",
    "he": "he or she",
    "mr": "a title",
    "kin": "a relative",
    "nobody": "nobody",
}


def by_words(rules: Tie, link: Tie, said: Opinion) -> Iterator[str]:
    """Yield the verdict where the model made it. rules: the tie without it; link: with it."""
    end = f"score {link.score:.2f}, threshold {THRESHOLD}. The rules alone:"
    if link.score >= THRESHOLD > rules.score:
        yield f"This is PHI by its words ({_weighed(said, 1)}); {end}"
    elif rules.score >= THRESHOLD > link.score:
        yield f"This is no PHI by its words ({_weighed(said, -1)}); {end}"


def against_by_words(link: Tie, said: Opinion) -> Iterator[str]:
    """Yield what the words say against a verdict of the rules that stands."""
    if link.score >= THRESHOLD and said.margin <= _SURE:
        yield f"Its words rather read as mail without PHI ({_weighed(said, -1)})."


def _weighed(said: Opinion, side: int) -> str:
    """Name what weighed most on one side: classes in full, words by their first letter."""
    ranked = sorted(
        (
            (-side * share, name)
            for name, share in said.shares.items()
            if side * share >= _LEAST and not name.startswith(RULES)
        )
    )
    told = dict.fromkeys(_told(name) for _, name in ranked)
    return ", ".join(list(told)[:_SAID]) or "what the rules found"


def _told(name: str) -> str:
    kind, _, rest = name.rpartition(" ") if " " in name else ("", "", name)
    what, _, who = kind.partition(" ")
    match what:
        case "pair" | "both":
            person = _WHO.get(who.partition(" ")[0], "a name")
            return f"{rest.strip('{}')} beside {person}"
        case "class" | "twice" | "often":
            return f"{rest} in its words"
        case "who":
            return f"it speaks of {_WHO.get(rest, 'a name')}"
        case _:
            return rest.strip("{}") if rest[0] in "<{" else mask(Kind.CLINICAL, rest) or "a sign"
