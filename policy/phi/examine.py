"""Find people, health and their tie in the texts of one message, once they are read out of it.

It imports no parser of files, so that the model can be trained where the package is built.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from policy.phi.asides import find_asides
from policy.phi.cards import find_cards
from policy.phi.custom.detect import NOTHING, CustomDetectors
from policy.phi.data.load import Vocabulary, vocabulary
from policy.phi.file_names import find_dated_names
from policy.phi.genre import generality
from policy.phi.health import find_health
from policy.phi.identifiers import find_identifiers, may_hold_identifier
from policy.phi.look import look
from policy.phi.mention import Mention, Role
from policy.phi.names import find_names
from policy.phi.reader import find_reader, is_greeting
from policy.phi.report import Kind
from policy.phi.text import Source, Text
from policy.phi.tie import Evidence, Tie, tie
from policy.phi.topics import find_topics
from policy.phi.view import View
from policy.phi.zones import Zone, find_zones, flow, unquote

_PIECE: Final = 50_000  # characters examined at once: below what makes any detector stop counting
_SEAM: Final = 60  # characters on either side of a text's edge, across which an identifier may be cut
_READ_ON: Final = frozenset({Source.SUBJECT, Source.BODY, Source.ATTACHMENT})


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in the texts of one message, piece by piece, and what joins it.

    generality: 0 to 1, how much it speaks about people in general.
    """

    evidence: tuple[Evidence, ...]
    generality: float
    link: Tie

    @property
    def texts(self) -> Sequence[Text]:
        """The pieces, in order."""
        return [item.text for item in self.evidence]

    @property
    def views(self) -> Sequence[View]:
        """The same, with their words."""
        return [item.view for item in self.evidence]


def examine(
    texts: Sequence[Text], senders: frozenset[str], *, custom: CustomDetectors = NOTHING, is_bulk: bool = False
) -> Examined:
    """Examine the texts of a message. senders: display names of its From fields, lower case.

    Raises: VocabularyMissing.
    """
    words = vocabulary()
    pieces = [piece for text in texts for piece in _prepared(text).pieces(_PIECE)]
    views = [look(piece.content) for piece in pieces]
    across = _across(pieces)
    is_greeted = any(is_greeting(view, words.given_names) for view in views)
    evidence = tuple(
        _evidence(text, view, words, senders, across=across.get(index, ()), custom=custom, is_greeted=is_greeted)
        for index, (text, view) in enumerate(zip(pieces, views, strict=True))
    )
    spread = generality(views, is_bulk=is_bulk)
    return Examined(evidence, spread, tie(evidence, generality=spread))


def _prepared(text: Text) -> Text:
    """Return a text without quote marks and with program-made line ends joined, as the detectors want it."""
    if text.source in {Source.SUBJECT, Source.FILE_NAME}:
        return replace(text, content=text.content.replace("_", " "))  # "Roe_Jane": a space that a file name may have
    if text.source not in {Source.BODY, Source.ATTACHMENT}:
        return text
    whole = replace(text, content=unquote(text.content)) if text.source is Source.BODY else text
    return whole.joined(flow)


def _across(texts: Sequence[Text]) -> dict[int, tuple[Mention, ...]]:
    """Find identifiers cut by the edge between texts that a reader sees one below the other (MP-14), by the second."""
    seen = [index for index, text in enumerate(texts) if text.source in _READ_ON]
    return {second: _cut(texts[first], texts[second]) for first, second in pairwise(seen)}


def _cut(before: Text, after: Text) -> tuple[Mention, ...]:
    head, tail = before.content.rstrip()[-_SEAM:], after.content.lstrip()[:_SEAM]
    joined = [look(head + glue + tail) for glue in ("", " ")]
    if not any(may_hold_identifier(view, before=len(head)) for view in joined):
        return ()
    known = {(mention.kind, mention.value) for side in (head, tail) for mention in find_identifiers(look(side))}
    return tuple(
        Mention(mention.kind, 0, 0, mention.value, mention.strength, mention.why, mention.role)
        for view in joined
        for mention in find_identifiers(view)
        if (mention.kind, mention.value) not in known and (mention.role is Role.PATIENT or mention.kind is Kind.SSN)
    )


def _evidence(
    text: Text,
    view: View,
    words: Vocabulary,
    senders: frozenset[str],
    *,
    across: Sequence[Mention],
    custom: CustomDetectors,
    is_greeted: bool,
) -> Evidence:
    """Find people and health in one text, and take what stands in a signature, a footer or a header for what it is."""
    zones = find_zones(view, senders) if text.source in {Source.BODY, Source.ATTACHMENT} else None
    numbers = find_identifiers(view)
    names = _outside_streets(find_names(text.content, words), numbers, words)
    dated = find_dated_names(text.content, words) if text.source is Source.FILE_NAME else ()
    found = (*names, *dated, *numbers, *across, *custom.people(view))
    people = [*custom.without_allowed(found)]
    exempt = [*_left_out(found, people)]
    if text.source is Source.HEADER and not any(map(_is_labelled, people)):
        cards = tuple(find_cards(view))
        return Evidence(text, view, tuple(_as_staff(person) for person in people), (), cards)
    own = custom.health(view)
    terms = (*find_health(view, words), *(term for term in own if term.kind.is_health))
    said = custom.without_allowed(terms)
    exempt += _left_out(terms, said)
    health = [mention for mention in said if zones is None or zones.at(mention.start) is None]
    people.extend(find_reader(view, health, is_greeted=is_greeted))
    settled = tuple(
        _as_staff(person) if zones and _is_about_mail(person, zones.at(person.start)) else person for person in people
    )
    health.sort(key=lambda mention: mention.start)
    topics = (*find_topics(view, health), *(term for term in own if term.kind.is_topic))
    asides = custom.without_allowed((*find_asides(view), *topics))
    inside = tuple(aside for aside in asides if zones is None or zones.at(aside.start) is None)
    return Evidence(text, view, settled, tuple(health), inside, tuple(exempt), zones)


def _left_out(found: Sequence[Mention], kept: Sequence[Mention]) -> Iterator[Mention]:
    """Yield the mentions whose value is nobody's, as the organisation says."""
    if len(found) > len(kept):
        known = set(map(id, kept))
        yield from (mention for mention in found if id(mention) not in known)


def _outside_streets(names: Sequence[Mention], numbers: Sequence[Mention], words: Vocabulary) -> Iterator[Mention]:
    """Yield names but those that are the end of a street address ("118 Maple Lane") without a given name in them."""
    ends = {number.end for number in numbers if number.kind is Kind.ADDRESS}
    for name in names:
        if name.end not in ends or name.value.partition(" ")[0].lower() in words.given_names:
            yield name


def _is_about_mail(person: Mention, zone: Zone | None) -> bool:
    """Tell whether a person or number in this zone belongs to the mail's own people; a labelled number never does."""
    return zone is not None and not _is_labelled(person)


def _is_labelled(person: Mention) -> bool:
    """Tell whether a mention is a number or date that its label gives to a patient."""
    return person.role is Role.PATIENT and person.kind is not Kind.NAME


def _as_staff(person: Mention) -> Mention:
    return Mention(person.kind, person.start, person.end, person.value, 0.0, person.why, Role.STAFF)
