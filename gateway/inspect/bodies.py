"""Where the text bodies of a message stand that its reader sees, and what in them is to be masked. Runs in a child.

A body is a text/plain or text/html part that is the message, one of an alternative, the first of a mixed or related
multipart. Whatever else stands where a body would, is an obstacle; attachments are not bodies and stay as they are.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Final

from gateway.inspect.eightbit import SEALED, Entity, NoSevenBitForm, content_type, encoding_of, parameter
from gateway.message.bodyedit import CHARSETS, ENCODINGS, Body, BodyEditError, Cut, Obstacle, read_body, with_html
from gateway.message.fields import HeaderError, Parsed, split_message
from gateway.message.sevenbit import CRLF
from policy.phi.custom.detect import NOTHING, CustomDetectors
from policy.phi.identifiers import find_identifiers
from policy.phi.look import look_for_identifiers
from policy.phi.normalise import normalise
from policy.phi.report import Kind
from policy.phi.structure import DEPTH, scan
from policy.phi.text_html import html_text

PROBE: Final = "Mwprobe"
SHORTEST: Final = 4  # characters of a value that is looked for everywhere
_FIRST: Final = frozenset({"multipart/mixed", "multipart/related"})
_ATTACHED: Final = re.compile(rb"[ \t\r\n]*attachment", re.IGNORECASE)


def find_bodies(
    data: bytes, kinds: Collection[Kind] = (), *, adds: bool, custom: CustomDetectors = NOTHING
) -> tuple[Body, ...]:
    """The bodies of a message, with the values of these kinds to mask.

    data: the whole message. adds: something will be put below them, so it has to be seen there.
    Returns: at least one. Raises: BodyEditError.
    """
    shape = scan(data)
    if shape.limits or shape.ambiguities or not data.count(CRLF) == data.count(b"\r") == data.count(b"\n"):
        raise BodyEditError(Obstacle.UNCLEAR)
    try:
        found = list(_walk(data, 0, len(data), depth=0, is_message=True))
    except NoSevenBitForm:
        raise BodyEditError(Obstacle.UNCLEAR) from None
    if not found:
        raise BodyEditError(Obstacle.NO_TEXT)
    texts = [read_body(data[body.start : body.end], body) for body in found]
    if adds and not all(_shows(text) for body, text in zip(found, texts, strict=True) if body.is_html):
        raise BodyEditError(Obstacle.UNSEEN)
    values = _values(zip(found, texts, strict=True), kinds, custom)
    return tuple(replace(body, cuts=_cuts(text, values)) for body, text in zip(found, texts, strict=True))


def _walk(data: bytes, start: int, end: int, *, depth: int, is_message: bool) -> Iterator[Body]:
    if depth > DEPTH:
        raise BodyEditError(Obstacle.UNCLEAR)
    entity = _entity(data, start, end, is_message=is_message)
    kind, boundary = content_type(entity, "text/plain")
    if kind in SEALED:
        raise BodyEditError(Obstacle.SIGNED)
    if kind == "multipart/alternative":
        for first, last in _parts(data, entity, boundary):
            yield from _walk(data, first, last, depth=depth + 1, is_message=False)
    elif kind in _FIRST:
        first, last = _parts(data, entity, boundary)[0]
        yield from _walk(data, first, last, depth=depth + 1, is_message=False)
    elif kind in {"text/plain", "text/html"}:
        yield _body(entity, kind)
    else:
        raise BodyEditError(Obstacle.NO_TEXT)


def _entity(data: bytes, start: int, end: int, *, is_message: bool) -> Entity:
    raw = data[start:end]
    try:
        bare = not is_message and (not raw or raw.startswith(CRLF))
        parsed = Parsed(raw, (), 0, min(len(CRLF), len(raw))) if bare else split_message(raw)
    except HeaderError:
        raise BodyEditError(Obstacle.UNCLEAR) from None
    return Entity(parsed.fields, start, start + parsed.header_end, start + parsed.body_at, end)


def _body(entity: Entity, kind: str) -> Body:
    disposition, typed = entity.one("content-disposition"), entity.one("content-type")
    if disposition is not None and _ATTACHED.match(disposition.value):
        raise BodyEditError(Obstacle.NO_TEXT)
    charset = b"" if typed is None else parameter(typed.value, b"charset")
    label, encoding = (charset or b"us-ascii").decode("ascii", "replace").lower(), encoding_of(entity)
    if label not in CHARSETS or encoding not in ENCODINGS:
        raise BodyEditError(Obstacle.WRITTEN)
    return Body(entity.body_at, entity.end, kind == "text/html", label, encoding)


def _parts(data: bytes, entity: Entity, boundary: bytes) -> list[tuple[int, int]]:
    """Start and end of each part (RFC 2046 section 5.1.1)."""
    delimiter = re.compile(rb"(?:\A|(?<=\r\n))--%b(--)?[ \t]*(?:\r\n|\Z)" % re.escape(boundary))
    marks = list(delimiter.finditer(data[entity.body_at : entity.end]))
    closing = [bool(mark[1]) for mark in marks]
    if len(marks) < 2 or closing != [False] * (len(marks) - 1) + [True]:
        raise BodyEditError(Obstacle.UNCLEAR)
    base = entity.body_at
    return [
        (base + mark.end(), max(base + mark.end(), base + following.start() - len(CRLF)))
        for mark, following in pairwise(marks)
    ]


def _shows(markup: str) -> bool:
    """Whether a reader sees what is put at the end: no comment, style or hidden block is left open there."""
    page = html_text(with_html(markup, PROBE))
    return PROBE in (page.apparent or page.shown) and not page.doubts


def _values(texts: Iterator[tuple[Body, str]], kinds: Collection[Kind], custom: CustomDetectors) -> dict[str, Kind]:
    found = dict[str, Kind]()
    if not kinds:
        return found
    for body, text in texts:
        for plain in {text.replace("\r\n", "\n"), *([html_text(text).shown] if body.is_html else [])}:
            view = look_for_identifiers(normalise(plain))
            for mention in (*find_identifiers(view), *custom.people(view)):
                if mention.kind in kinds and len(mention.value) >= SHORTEST:
                    found.setdefault(mention.value, mention.kind)
    return found


def _cuts(text: str, values: dict[str, Kind]) -> tuple[Cut, ...]:
    """Every place where one of the values stands; of two that overlap the longer counts."""
    if not values:
        return ()
    longest = sorted(values, key=len, reverse=True)
    each = "|".join(re.escape(value).replace("\n", "\r?\n") for value in longest)
    every = re.compile(rf"(?<![\w/-])(?:{each})(?![\w/-])")  # not inside of another number, word or date
    return tuple(
        Cut(match.start(), match.end(), values[match[0].replace("\r\n", "\n")]) for match in every.finditer(text)
    )
