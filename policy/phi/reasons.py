"""The verdict in sentences: what speaks for PHI, what speaks against it. They hold no value of the message."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policy.phi.mention import Role
from policy.phi.report import Kind, Uninspectable
from policy.phi.text import Source
from policy.phi.tie import THRESHOLD, WEAK, Evidence, Tie
from policy.phi.told import told

_GENERAL: Final = 0.4  # how much a text speaks about people in general, from which on it is said
_SHOWN: Final = 20  # parts that could not be read
_PAIR: Final = 2  # a person and a word: the verdict has named both


def reasons_for(link: Tie, evidence: Sequence[Evidence], unread: Sequence[Uninspectable]) -> Iterator[str]:
    """Yield the verdict first, then what else there is of people and health, then what could not be read."""
    yield _verdict(link, evidence)
    people = {person.value.lower() for item in evidence for person in item.people if person.role is not Role.STAFF}
    health = {word.value.lower() for item in evidence for word in item.health if word.strength > WEAK}
    if link.person and len(people) + len(health) > _PAIR:
        signs, words = _number(len(people), "sign"), _number(len(health), "word")
        yield f"In all: {signs} of a person, {words} of health."
    topics = {aside.kind for item in evidence for aside in item.asides if aside.kind.is_topic}
    if topics:
        words = ", ".join(sorted(kind.value.replace("_", " ") for kind in topics))
        yield f"It touches what may be protected more strictly: {words}."
    yield from (f"Not readable: {told(entry.place)}: {entry.reason}." for entry in unread[:_SHOWN])


def _verdict(link: Tie, evidence: Sequence[Evidence]) -> str:
    if link.person and link.text and link.health:
        person = f"{link.person.why} ({told(link.text.place_at(link.person.start))})"
        where = "close to" if link.is_same_text else "in the same message as"
        verdict = "This is PHI" if link.score >= THRESHOLD else "This stays below the threshold for PHI"
        return f"{verdict}: {person}, {where} {link.health.why}; score {link.score:.2f}, threshold {THRESHOLD}."
    if any(item.health for item in evidence):
        return "It speaks of health, but nothing in it points at an individual in the patient's role."
    if any(person.role is not Role.STAFF for item in evidence for person in item.people):
        return "It points at individuals, but nothing in it speaks of health."
    return "Neither an individual nor health was found."


def ties(link: Tie) -> Mapping[tuple[Kind, str], str]:
    """What the person and the word of health behind the score were joined with, by kind and value in lower case."""
    if link.person is None or link.health is None or link.text is None:
        return {}
    where = "close to" if link.is_same_text else "in the same message as"
    return {
        (link.health.kind, link.health.value.lower()): f"{where} {link.person.why}",
        (link.person.kind, link.person.value.lower()): f"{where} {link.health.why}",
    }


def reasons_against(link: Tie, evidence: Sequence[Evidence], *, spread: float) -> Iterator[str]:
    """Yield what makes the score smaller. spread: 0 to 1, how much the message speaks about people in general."""
    if spread >= _GENERAL:
        yield "It reads like mass mail or an article, so people without a sign of being patients count less."
    if link.person and link.person.role is Role.UNKNOWN:
        yield "Nothing says that this person is a patient."
    if link.person and not link.is_same_text:
        yield "The person and the words of health stand in different parts of the message."
    if link.health and link.health.strength <= WEAK:
        yield "The words of health say little by themselves."
    spoken = [person for item in evidence if item.text.source is not Source.HEADER for person in item.people]
    staff = {person.value.lower() for person in spoken if person.role is Role.STAFF}
    if staff:
        number = _number(len(staff), "name or number", "names or numbers")
        yield f"{number} of providers, staff, the sender or a signature do not count."
    exempt = sum(len(item.exempt) for item in evidence)
    if exempt:
        yield f"Left out as exceptions of this organisation: {_number(exempt, 'mention')}."


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"
