"""Say what is in a message: `classify_message` is the whole of PHI classification, bytes in, a report out.

It never raises: a limit, a defect or a fault of our own becomes an `Uninspectable`, and such a message counts as
protected (invariant 5, MP-15). It reads no file but the vocabulary tables and knows no clock; callers bound its time
and memory by running it in an inspector process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from policy.phi import headers, structure
from policy.phi.attached import attached
from policy.phi.custom.detect import NOTHING, CustomDetectors
from policy.phi.data.load import VocabularyMissing, vocabulary
from policy.phi.examine import examine
from policy.phi.files.sight import Eye
from policy.phi.learned.features import features
from policy.phi.learned.opinion import SILENT, is_long, joined, weigh
from policy.phi.learned.told import against_by_words, by_words
from policy.phi.learned.weights import model
from policy.phi.mask import mask
from policy.phi.mention import Role
from policy.phi.mime import Reading, parse, read_message
from policy.phi.persons import find_named, find_ways, names_one
from policy.phi.reasons import reasons_against, reasons_for, ties
from policy.phi.report import Finding, Kind, Place, Report, Uninspectable
from policy.phi.signs import find_signs
from policy.phi.subject import has_tag
from policy.phi.tie import THRESHOLD, Evidence
from policy.phi.told import told

_WHOLE: Final = Place(part="message")
_FINDINGS: Final = 500  # of one kind in a report
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
    vocabulary()
    model()
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
    is_bulk = headers.is_bulk(message)
    examined = examine(reading.texts, senders, custom=custom, is_bulk=is_bulk)
    evidence, spread = examined.evidence, examined.generality
    said = SILENT if is_long(examined) else weigh(features(examined), model())
    link = joined(examined, said)
    people = [person for item in evidence for person in item.people]
    is_one = bool(custom.persons_key) and names_one(people)
    is_phi = link.score >= THRESHOLD
    return Report(
        phi=is_phi,
        score=round(link.score, 3),
        findings=tuple(_findings(evidence, ties(link))),
        reasons=(*by_words(examined.link, link, said), *reasons_for(examined.link, evidence, reading.uninspectable)),
        against=(*reasons_against(link, evidence, spread=spread), *against_by_words(link, said)),
        uninspectable=tuple(replace(entry, place=told(entry.place)) for entry in reading.uninspectable),
        tagged=any(has_tag(headers.decoded(value), subject_tags) for value in headers.field(message, "subject")),
        signed_by_author=reading.is_signed,
        encrypted=reading.is_encrypted,
        urgent=headers.is_urgent(message),
        from_addresses=headers.addresses(message, "from"),
        attachments=reading.attachments,
        bulk=is_bulk,
        attached=files,
        signs=find_signs(evidence),
        named=find_named(custom.persons_key, people),
        ways=find_ways(custom.persons_key, people) if is_one else (),
        names_one=is_one,
    )


def _findings(evidence: Sequence[Evidence], tied: Mapping[tuple[Kind, str], str]) -> list[Finding]:
    """List what was found, people of the staff aside, each value once a part or page, at most 500 of a kind."""
    found: list[Finding] = []
    counts: dict[Kind, int] = {}
    listed: dict[Place, set[tuple[Kind, str]]] = {}
    for item in evidence:
        shown = replace(item.text, place=told(item.text.place))
        seen = listed.setdefault(item.text.whole, set())
        for mention in (*item.people, *item.health, *item.asides):
            kind = mention.kind
            key = (kind, mention.value.lower())
            if key in seen or mention.role in _UNLISTED or counts.get(kind, 0) >= _FINDINGS:
                continue
            seen.add(key)
            counts[kind] = counts.get(kind, 0) + 1
            found.append(
                Finding(
                    kind=kind,
                    masked=mask(kind, mention.value),
                    place=shown.place_at(mention.start),
                    certainty=mention.strength,
                    why=mention.why,
                    tie=tied.get(key, ""),
                )
            )
    return found
