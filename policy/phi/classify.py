"""Say what is in a message: `classify_message` is the whole of PHI classification, bytes in, a report out.

It never raises: a limit, a defect or a fault of our own becomes an `Uninspectable`, and such a message counts as
protected (invariant 5, MP-15). It reads no file but the vocabulary tables and knows no clock; callers bound its time
and memory by running it in an inspector process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from policy.phi import headers, structure
from policy.phi.asides import find_asides
from policy.phi.attached import attached
from policy.phi.cards import find_cards
from policy.phi.custom.detect import NOTHING, CustomDetectors
from policy.phi.data.load import Vocabulary, VocabularyMissing, vocabulary
from policy.phi.files.sight import Eye
from policy.phi.genre import generality
from policy.phi.health import find_health
from policy.phi.identifiers import find_identifiers, may_hold_identifier
from policy.phi.look import look
from policy.phi.mask import mask
from policy.phi.mention import Mention, Role
from policy.phi.mime import Reading, parse, read_message
from policy.phi.names import find_names
from policy.phi.persons import find_named
from policy.phi.reader import find_reader, is_greeting
from policy.phi.reasons import reasons_against, reasons_for, ties
from policy.phi.report import Finding, Kind, Place, Report, Uninspectable
from policy.phi.signs import find_signs
from policy.phi.subject import has_tag
from policy.phi.text import Source, Text
from policy.phi.tie import THRESHOLD, Evidence, tie
from policy.phi.told import told
from policy.phi.topics import find_topics
from policy.phi.view import View
from policy.phi.zones import Zone, find_zones, flow, unquote

_WHOLE: Final = Place(part="message")
_FINDINGS: Final = 500  # of one kind in a report
_PIECE: Final = 50_000  # characters examined at once: below what makes any detector stop counting
_SEAM: Final = 60  # characters on either side of a text's edge, across which an identifier may be cut
_READ_ON: Final = frozenset({Source.SUBJECT, Source.BODY, Source.ATTACHMENT})
_UNLISTED: Final = (Role.STAFF, Role.READER)
_SENDER_FIELDS: Final = ("from", "sender")


def classify_message(
    data: bytes, *, subject_tags: Sequence[str] = (), custom: CustomDetectors = NOTHING, eye: Eye | None = None
) -> Report:
    """Classify one message.

    data: the message as received (RFC 5322), CRLF or LF. subject_tags: words by which senders raise the level.
    custom: what the organisation added. eye: reads pictures; None when there is no program for it.
    Returns: the report; `uninspectable` says what could not be read and why. Never raises, for any input.
    """
    try:
        return _classify(data, subject_tags, custom, eye)
    except VocabularyMissing as missing:
        reason = str(missing)
    except (Exception, RecursionError) as fault:
        reason = f"the classifier failed ({type(fault).__name__})"
    return Report(
        phi=False,
        score=0.0,
        uninspectable=(Uninspectable(place=_WHOLE, reason=reason),),
        reasons=(f"Not readable: {reason}.",),
    )


def _classify(data: bytes, subject_tags: Sequence[str], custom: CustomDetectors, eye: Eye | None) -> Report:
    words = vocabulary()
    shape = structure.scan(data)
    reading = Reading(eye=eye)
    for reason in (*shape.limits, *shape.ambiguities):
        reading.doubt(_WHOLE, reason)
    # Past a limit no parser sees the body; the header alone is parsed, for what policy must know about the message.
    message = parse(data[: min(shape.header_length, structure.HEADER_BYTES)] + b"\r\n\r\n" if shape.limits else data)
    files = attached(message)
    if not shape.limits:
        read_message(message, reading)
    senders = frozenset(headers.display_names(message, _SENDER_FIELDS))
    texts = [piece for text in reading.texts for piece in _prepared(text).pieces(_PIECE)]
    views = [look(text.content) for text in texts]
    across = _across(texts)
    is_greeted = any(is_greeting(view, words.given_names) for view in views)
    evidence = [
        _examine(text, view, words, senders, across=across.get(index, ()), custom=custom, is_greeted=is_greeted)
        for index, (text, view) in enumerate(zip(texts, views, strict=True))
    ]
    is_bulk = headers.is_bulk(message)
    spread = generality(views, is_bulk=is_bulk)
    link = tie(evidence, generality=spread)
    is_phi = link.score >= THRESHOLD
    return Report(
        phi=is_phi,
        score=round(link.score, 3),
        findings=tuple(_findings(evidence, ties(link))),
        reasons=tuple(reasons_for(link, evidence, reading.uninspectable)),
        against=tuple(reasons_against(link, evidence, spread=spread)),
        uninspectable=tuple(replace(entry, place=told(entry.place)) for entry in reading.uninspectable),
        tagged=any(has_tag(headers.decoded(value), subject_tags) for value in headers.field(message, "subject")),
        signed_by_author=reading.is_signed,
        encrypted=reading.is_encrypted,
        urgent=headers.is_urgent(message),
        from_addresses=headers.addresses(message, "from"),
        attachments=reading.attachments,
        bulk=is_bulk,
        attached=files,
        signs=find_signs(texts, views, senders),
        named=find_named(custom.persons_key, (person for item in evidence for person in item.people)),
    )


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


def _examine(
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
    found = (*names, *numbers, *across, *custom.people(view))
    people = [*custom.without_allowed(found)]
    exempt = len(found) - len(people)
    if text.source is Source.HEADER and not any(map(_is_labelled, people)):
        return Evidence(text, tuple(_as_staff(person) for person in people), (), tuple(find_cards(text.content)))
    own = custom.health(view)
    terms = (*find_health(view, words), *(term for term in own if term.kind.is_health))
    said = custom.without_allowed(terms)
    exempt += len(terms) - len(said)
    health = [mention for mention in said if zones is None or zones.at(mention.start) is None]
    people.extend(find_reader(view, health, is_greeted=is_greeted))
    settled = tuple(
        _as_staff(person) if zones and _is_about_mail(person, zones.at(person.start)) else person for person in people
    )
    health.sort(key=lambda mention: mention.start)
    topics = (*find_topics(view, health), *(term for term in own if term.kind.is_topic))
    asides = custom.without_allowed((*find_asides(view), *topics))
    inside = tuple(aside for aside in asides if zones is None or zones.at(aside.start) is None)
    return Evidence(text, settled, tuple(health), inside, exempt)


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


def _findings(evidence: Sequence[Evidence], tied: Mapping[tuple[Kind, str], str]) -> list[Finding]:
    """List what was found, people of the staff aside, each value once a part or page, at most 500 of a kind."""
    found: list[Finding] = []
    counts: dict[Kind, int] = {}
    listed: dict[Place, set[tuple[Kind, str]]] = {}
    places: dict[Place, Place] = {}
    for item in evidence:
        seen = listed.setdefault(item.text.whole, set())
        for mention in (*item.people, *item.health, *item.asides):
            kind = mention.kind
            key = (kind, mention.value.lower())
            if key in seen or mention.role in _UNLISTED or counts.get(kind, 0) >= _FINDINGS:
                continue
            seen.add(key)
            counts[kind] = counts.get(kind, 0) + 1
            place = item.text.place_at(mention.start)
            if place not in places:
                places[place] = told(place)
            found.append(
                Finding(
                    kind=kind,
                    masked=mask(kind, mention.value),
                    place=places[place],
                    certainty=mention.strength,
                    why=mention.why,
                    tie=tied.get(key, ""),
                )
            )
    return found
