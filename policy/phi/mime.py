"""Read a message into texts: every part, every plausible reading, and what could not be read.

How this works: the raw scan (`structure`) has bounded what the standard parser may be asked; here its tree is walked.
Whatever is ambiguous is read in all ways at once and also noted as uninspectable, because no one can say which way the
recipient's program will choose (cases MP-01 to MP-12). Nothing is ever rewritten; the tree is thrown away.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import errors
from email.feedparser import BytesFeedParser
from email.message import Message
from email.policy import Compat32
from email.utils import collapse_rfc2231_value
from typing import Final

from policy.phi import headers, structure
from policy.phi.decode import IDENTITY, charset_decode, transfer_decode
from policy.phi.extract import extract
from policy.phi.file_names import names_of, readable
from policy.phi.files.found import Budget, Found, Job, Letter, Piece, Unreadable
from policy.phi.files.sight import Eye
from policy.phi.grid import Grid
from policy.phi.normalise import is_reversed, may_hold, normalise
from policy.phi.report import Place, Uninspectable
from policy.phi.scannable import YENC
from policy.phi.text import Source, Text

TEXT_CHARACTERS: Final = 2 * 1024 * 1024  # read from one message at most; what is cut makes it uninspectable

_SLICE: Final = 8192  # octets that the parser is given at once
REPARSED_MESSAGES: Final = 50  # encoded attached messages that are parsed again, all views counted

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")  # RFC 6838 section 4.2
_SIGNATURE_TYPES: Final = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_DER_SEQUENCE: Final = b"\x30"
_SIGNED_CONTENT: Final = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0"  # id-data with content (RFC 5652 section 5.2)
_MESSAGE_NAMES: Final = (".eml", ".mht", ".mhtml", ".emlx")
_HEADER_TYPES: Final = frozenset({"text/rfc822-headers", "message/global-headers"})  # RFC 6522, RFC 6533
_END: Final = 4  # words
_SPELT_LETTERS: Final = 12
_SHAPE: Final = bytes.maketrans(
    string.ascii_letters.encode() + b"?|\n", b"a" * (len(string.ascii_letters) + 1) + b"  "
)  # "?" stands for what is not ASCII
_SPELT_SHAPE: Final = re.compile(rb" a  {0,7}(?:a {1,8}){%d}" % (_SPELT_LETTERS - 1))  # three signs to look for
_SPELT: Final = re.compile(rf"[ |\n](?:[^\W\d_][ |\n]{{1,8}}){{{_SPELT_LETTERS}}}")
_FLOWED: Final = re.compile(r"(?<!^--) \n", re.MULTILINE)  # RFC 3676 section 4.1
_PKCS7_TYPES: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_OPAQUE: Final = {
    "message/partial": "a fragment of a message cannot be read by itself",
    "message/external-body": "the content is somewhere else",
}
# Defects of the standard parser that leave no doubt about what is text: a missing last boundary is read to the end.
_HARMLESS_DEFECTS: Final = (errors.CloseBoundaryNotFoundDefect, errors.MultipartInvariantViolationDefect)
_ARMOUR: Final = re.compile(r"^-----BEGIN (?:PGP MESSAGE|PKCS7|CMS)-----", re.MULTILINE)
_EMBEDDED: Final = re.compile(
    r"\n(?:begin(?:-base64)? {1,4}[0-7]{3,4} {1,4}\S|=ybegin |\(This file must be converted with BinHex"
    r"|Content-Transfer-Encoding: {0,4}(?:base64|quoted-printable)"
    r"|[A-Z.-]{1,30};[^:\n]{0,200}\b(?:ENCODING=(?:B|BASE64)|QUOTED-PRINTABLE)\b)",
    re.IGNORECASE,
)
_EMBEDDED_WORDS: Final = (  # one of them in each of these
    "\nbegin", "=ybegin ", "with binhex", "transfer-encoding:", "encoding=b", "quoted-printable",
)  # fmt: skip


@dataclass(slots=True)
class Reading:
    """What was read so far; filled by the walk, then handed on as it is."""

    texts: list[Text] = field(default_factory=list)
    uninspectable: list[Uninspectable] = field(default_factory=list)
    attachments: int = 0
    is_signed: bool = False
    is_encrypted: bool = False
    budget: Budget = field(default_factory=lambda: Budget(characters=TEXT_CHARACTERS))
    parses_left: int = REPARSED_MESSAGES
    seen: set[int] = field(default_factory=set)
    ends: dict[tuple[str, ...], str] = field(default_factory=dict)
    eye: Eye | None = None

    def add(
        self, place: Place, source: Source, content: str, *, grid: Grid | None = None, is_unseen: bool = False
    ) -> None:
        """Keep a text, unless the same words were read before; what passes the limit is noted and dropped.

        Files and ciphertext that hide in plain text, and text written backwards, are noted (MP-12, MP-13, MP-18).
        """
        longest = 2 * self.budget.characters  # normalising may shorten a text, but hardly by half
        if len(content) > longest:
            self.doubt(place, f"the message holds more than {TEXT_CHARACTERS} characters of text")
            content = content[:longest]
        if _may_be_spelt(content) and _SPELT.search(content):
            self.doubt(place, "the text is spelt letter by letter")
        if is_reversed(content):
            self.doubt(place, "the text is written against its reading direction")
        if "-----BEGIN" in content and _ARMOUR.search(content):
            self.is_encrypted = self.is_encrypted or content.lstrip().startswith("-----BEGIN PGP MESSAGE")
            self.doubt(place, "the text holds an encrypted message")
        lined = f"\n{content}"
        if may_hold(lined, _EMBEDDED_WORDS) and _EMBEDDED.search(lined):
            self.doubt(place, YENC if "=ybegin " in content.lower() else "the text holds an encoded file")
        content = normalise(content)
        if not content.strip() or self._was_read(content):
            return
        left = self.budget.characters
        if len(content) > left:
            self.doubt(place, f"the message holds more than {TEXT_CHARACTERS} characters of text")
            content = content[:left]
        self.budget.characters -= len(content)
        self.texts.append(Text(place, source, content, grid=grid, is_unseen=is_unseen))

    def _was_read(self, content: str) -> bool:
        """Tell whether the same words were read before; mostly the words at both ends tell that they were not."""
        ends = (*content.split(maxsplit=_END)[:_END], *content.rsplit(maxsplit=_END)[-_END:])
        other = self.ends.get(ends)
        if other is None:
            self.ends[ends] = content
            return False
        if other:
            self.seen.add(hash(" ".join(other.split())))
            self.ends[ends] = ""  # once
        words = hash(" ".join(content.split()))
        is_known = words in self.seen
        self.seen.add(words)
        return is_known

    def doubt(self, place: Place, reason: str) -> None:
        """Note that a place cannot be read for sure; once for each place and reason."""
        entry = Uninspectable(place=place, reason=reason)
        if entry not in self.uninspectable:
            self.uninspectable.append(entry)


def _may_be_spelt(content: str) -> bool:
    """Tell, much faster than the expression, whether there may be single letters in a row."""
    return _SPELT_SHAPE.search(content.encode("ascii", errors="replace").translate(_SHAPE)) is not None


class _RawFields(Compat32):
    """Compat32, but a header value is read as it stands, with 8-bit bytes as surrogate escapes."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Return the value as it was parsed; Compat32 would replace every 8-bit byte by a question mark."""
        return value


_RAW_FIELDS: Final = _RawFields()


def parse(data: bytes) -> Message:
    """Parse with the standard library; never fails on syntax, every oddity is kept.

    Fed in slices, as `email.message_from_bytes` does, which copies the whole into four octets a character before.
    """
    parser = BytesFeedParser(policy=_RAW_FIELDS)
    for start in range(0, len(data), _SLICE):
        parser.feed(data[start : start + _SLICE])
    return parser.close()


def read_message(message: Message, reading: Reading, *, number: str = "", depth: int = 0) -> None:
    """Read a whole message: its header fields, then its body.

    number: IMAP part number of the message itself ("" for the one that is sent; RFC 9051 section 6.4.5).
    depth: how many containers are open.
    """
    subject_place = Place(part=f"{number} subject" if number else "subject")
    for value in headers.field(message, "subject"):
        reading.add(subject_place, Source.SUBJECT, headers.decoded(value))
    reading.add(
        Place(part=f"{number} header" if number else "header"), Source.HEADER, "\n".join(headers.names(message))
    )
    _read_fields(message, reading, number=number)
    own = f"{number}." if number else ""
    read_part(
        message,
        reading,
        number=number or "1" if message.is_multipart() else f"{own}1",
        depth=depth,
        is_first=not number,
    )


def _read_fields(part: Message, reading: Reading, *, number: str) -> None:
    """Read the fields of a header in which people may write."""
    place = Place(part=f"{number} header" if number else "header")
    reading.add(place, Source.FIELD, "\n".join(headers.texts(part)))


def read_part(part: Message, reading: Reading, *, number: str, depth: int, is_first: bool) -> None:
    """Read one part and everything in it. is_first: this is the text that the reader sees first, not an attachment."""
    kind = part.get_content_type().lower()
    place = Place(part=number, name=kind if _TYPE.fullmatch(kind) else "")
    if depth > structure.DEPTH:
        reading.doubt(place, f"parts are nested more than {structure.DEPTH} deep")
        return
    _judge_fields(part, reading, place)
    _read_file_names(part, reading, place)
    if kind in _OPAQUE:
        reading.doubt(place, _OPAQUE[kind])
    if part.get_content_maintype() == "multipart":
        _read_multipart(part, reading, place, depth=depth, is_first=is_first)
    elif part.get_content_maintype() == "message" and part.is_multipart():
        reading.attachments += 1
        _read_attached_message(part, reading, place, depth=depth)
    else:
        _read_leaf(part, reading, place, depth=depth, is_first=is_first)


def _judge_fields(part: Message, reading: Reading, place: Place) -> None:
    """Note what lets two programs read the same part differently (MP-01, MP-05, MP-07)."""
    for defect in part.defects:
        if not isinstance(defect, _HARMLESS_DEFECTS):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(defect).__name__.removesuffix("Defect")).lower()
            reading.doubt(place, f"the part is malformed ({words})")
    for name in ("content-type", "content-transfer-encoding", "content-disposition"):
        if len(headers.field(part, name)) > 1:
            reading.doubt(place, f"the {name} field is there twice")
        given = [(key, value) for key, value in headers.parameters(part, name) if key != "filename"]
        if len({key for key, _ in given}) < len(dict.fromkeys(given)):
            reading.doubt(place, f"a parameter of the {name} field is there twice")
    types = headers.field(part, "content-type")
    if types and not _TYPE.fullmatch(types[0].partition(";")[0].strip().lower()) and types[0].strip().lower() != "text":
        reading.doubt(place, "the content type is malformed")


def _read_file_names(part: Message, reading: Reading, place: Place) -> None:
    """Read every name that the part gives itself; two different ones are a trick (MP-11)."""
    names = names_of(part)
    if len(names) > 1:
        reading.doubt(place, "the part gives itself two different file names")
    for name in sorted(names):
        reading.add(place, Source.FILE_NAME, readable(name))


def _parameter(part: Message, name: str) -> str:
    """Return a parameter of the content type, "" when it is not there."""
    return collapse_rfc2231_value(part.get_param(name, "")) if name in part.get("content-type", "").lower() else ""


def _read_multipart(part: Message, reading: Reading, place: Place, *, depth: int, is_first: bool) -> None:
    subtype = part.get_content_subtype()
    reading.is_signed = reading.is_signed or (subtype == "signed" and depth == 0)
    if subtype == "encrypted":
        reading.is_encrypted = reading.is_encrypted or depth == 0
        reading.doubt(place, "the content is encrypted by its author")
        return
    for name, text in (("preamble", part.preamble), ("epilogue", part.epilogue)):
        if text and text.strip():
            reading.add(Place(part=place.part, name=f"{place.name} {name}"), Source.BODY, _escaped_text(text))
            if f"\n--{part.get_boundary()}" in f"\n{text}":
                reading.doubt(place, f"a boundary stands in the {name}")
    children = _children(part)
    if _is_encoded(part):
        reading.doubt(place, "a multipart has a transfer encoding (RFC 2045 section 6.4 forbids it)")
        encodings = headers.field(part, "content-transfer-encoding")
        for view in transfer_decode(part.as_bytes() if children else _raw_body(part), encodings)[0]:
            reading.add(place, Source.BODY, charset_decode(view, "")[0][0])
    elif not children:
        _read_views(part, reading, place, Source.BODY, depth=depth)
    prefix = "" if depth == 0 and place.part == "1" else f"{place.part}."
    for index, child in enumerate(children, start=1):
        first = is_first and (index == 1 or subtype == "alternative")
        _read_fields(child, reading, number=f"{prefix}{index}")
        read_part(child, reading, number=f"{prefix}{index}", depth=depth + 1, is_first=first)


def _read_attached_message(part: Message, reading: Reading, place: Place, *, depth: int) -> None:
    """Read message/rfc822; an encoded one is decoded and parsed again (MP-08)."""
    for child in _children(part):
        if not _is_encoded(part):
            read_message(child, reading, number=place.part, depth=depth + 1)
            continue
        reading.doubt(place, "an attached message has a transfer encoding (RFC 2046 section 5.2.1 forbids it)")
        views = transfer_decode(child.as_bytes(), headers.field(part, "content-transfer-encoding"))[0]
        _read_again(views, reading, place, depth=depth)


def _read_again(views: Sequence[bytes], reading: Reading, place: Place, *, depth: int) -> None:
    """Parse what turned out to be a message; each view costs one of the parses that a message may ask for."""
    for view in views:
        reading.parses_left -= 1
        shape = structure.scan(view)
        for reason in (*shape.limits, *shape.ambiguities):
            reading.doubt(place, reason)
        if reading.parses_left < 0:
            reading.doubt(place, "too many messages are attached")
        elif not shape.limits:
            read_message(parse(view), reading, number=place.part, depth=depth + 1)


def _children(part: Message) -> list[Message]:
    if not part.is_multipart():  # asked for its payload, it would decode that in a charset which may be no name at all
        return []
    return [child for child in part.get_payload() if isinstance(child, Message)]


def _is_encoded(part: Message) -> bool:
    """Tell whether a part that may not be encoded says that it is."""
    return any(value.strip().lower() not in IDENTITY for value in headers.field(part, "content-transfer-encoding"))


def _read_leaf(part: Message, reading: Reading, place: Place, *, depth: int, is_first: bool) -> None:
    is_text = part.get_content_maintype() == "text"
    is_attachment = part.get_content_disposition() == "attachment" or not is_first or not is_text
    if place.name in _SIGNATURE_TYPES:
        if not _is_detached_signature(part):
            _read_views(part, reading, place, Source.ATTACHMENT, depth=depth)
        return
    reading.attachments += is_attachment
    if place.name in _PKCS7_TYPES:
        is_signed = str(part.get_param("smime-type", "")).lower() in {"signed-data", "certs-only"}
        reading.is_signed = reading.is_signed or is_signed
        reading.is_encrypted = reading.is_encrypted or not is_signed
        reading.doubt(place, "the content is inside an S/MIME envelope")
        return
    _read_views(part, reading, place, Source.ATTACHMENT if is_attachment else Source.BODY, depth=depth)


def _read_views(part: Message, reading: Reading, place: Place, source: Source, *, depth: int) -> None:
    """Undo the transfer encoding in every plausible way and extract the text of each reading."""
    encodings = headers.field(part, "content-transfer-encoding")
    views, doubt = transfer_decode(_raw_body(part), encodings)
    if doubt:
        reading.doubt(place, doubt)
    file_name = next(iter(names_of(part)), "")  # a second one is a doubt already
    if place.name in _HEADER_TYPES or file_name.lower().rstrip(" .").endswith(_MESSAGE_NAMES):
        _read_again(views, reading, place, depth=depth)
        return
    charset = _parameter(part, "charset")
    deletes_blanks = _parameter(part, "delsp").lower() == "yes"
    job = Job(place=place, budget=reading.budget, read=extract, charset=charset, file_name=file_name, eye=reading.eye)
    for index, view in enumerate(views):
        texts = 0
        for found in extract(view, job):
            if not isinstance(found, Unreadable) or index == 0:
                _keep(found, reading, source, depth=depth)
            if isinstance(found, Piece):
                texts += not found.place.page
                if deletes_blanks:
                    reading.add(found.place, source, _FLOWED.sub("", found.content))
        if texts:  # markup costs time although it leaves little text
            reading.budget.characters = max(0, reading.budget.characters - len(view) // 2)


def _keep(found: Found, reading: Reading, source: Source, *, depth: int) -> None:
    """Note what was found in a part or in a file inside it; a message there is read like an attached one."""
    if isinstance(found, Unreadable):
        reading.doubt(found.place, found.reason)
    elif isinstance(found, Letter):
        _read_again((found.data,), reading, found.place, depth=depth)
    else:
        kind = Source.FILE_NAME if found.is_name else source
        reading.add(found.place, kind, found.content, grid=found.grid, is_unseen=found.is_unseen)


def _raw_body(part: Message) -> bytes:
    """Return a body as it stands.

    The parser would undo the transfer encoding and re-code the text in its own way; without the field it lets the bytes
    alone. The tree is thrown away after the walk, so taking the field off harms nothing; read it first.
    """
    del part["content-transfer-encoding"]
    body = part.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""


def _is_detached_signature(part: Message) -> bool:
    """Tell whether a part is a CMS signature and nothing else; an armoured one is text and is read as that."""
    encodings = headers.field(part, "content-transfer-encoding")
    body = _raw_body(part)
    if encodings:
        part["content-transfer-encoding"] = encodings[0]
    views, doubt = transfer_decode(body, encodings)
    return not doubt and views[0].startswith(_DER_SEQUENCE) and _SIGNED_CONTENT not in views[0]


def _escaped_text(text: str) -> str:
    """Return text of the parser with its surrogate escapes read as what the bytes most likely are."""
    return charset_decode(text.encode("utf-8", errors="surrogateescape"), "")[0][0]
