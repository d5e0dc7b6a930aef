"""What classification says about one message: findings with masked values, reasons in words, and a verdict.

A report carries no content. A value that was found is shown masked; a file name, a subject or a sentence of the
mail never enters it, because reports are stored, logged and shown to people who may not read the message.
Every type here is frozen and made of plain values (words, numbers, tuples), so that msgspec can encode it.
"""

from dataclasses import dataclass
from enum import StrEnum

from policy.decision import Method


class Kind(StrEnum):
    """What a finding is: something that points at a person, something about health, or a topic."""

    __hash__ = str.__hash__  # as the equal word has, and many times faster than that of Enum

    SSN = "ssn"
    MRN = "mrn"
    DOB = "dob"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"
    MEMBER_ID = "member_id"
    ACCOUNT = "account"
    CARD = "card"
    BANK_ACCOUNT = "bank_account"
    SERVICE_DATE = "service_date"
    AGE_OVER_89 = "age_over_89"
    ZIP = "zip"
    LICENSE = "license"
    VEHICLE = "vehicle"
    DEVICE = "device"
    BIOMETRIC = "biometric"
    URL = "url"
    IP_ADDRESS = "ip_address"
    OTHER_ID = "other_id"
    NAME = "name"
    PROVIDER_ID = "provider_id"
    DIAGNOSIS = "diagnosis"
    DRUG = "drug"
    PROCEDURE = "procedure"
    LAB = "lab"
    CLINICAL = "clinical"
    INSURANCE = "insurance"
    SUBSTANCE_USE = "substance_use"
    MENTAL_HEALTH = "mental_health"
    HIV = "hiv"
    REPRODUCTIVE = "reproductive"
    MINORS = "minors"

    @property
    def is_identifier(self) -> bool:
        """Whether this kind points at a person (45 CFR 164.514(b)(2)), rather than at health or its payment."""
        return self in _IDENTIFIERS

    @property
    def is_health(self) -> bool:
        """Whether this kind is about health or its payment."""
        return self in _HEALTH

    @property
    def is_topic(self) -> bool:
        """Whether this kind is what a text speaks about; the same words are found as health too."""
        return self in TOPICS


_HEALTH = frozenset({Kind.DIAGNOSIS, Kind.DRUG, Kind.PROCEDURE, Kind.LAB, Kind.CLINICAL, Kind.INSURANCE})
TOPICS = frozenset({Kind.SUBSTANCE_USE, Kind.MENTAL_HEALTH, Kind.HIV, Kind.REPRODUCTIVE, Kind.MINORS})
_IDENTIFIERS = frozenset(
    {
        Kind.SSN,
        Kind.MRN,
        Kind.DOB,
        Kind.PHONE,
        Kind.EMAIL,
        Kind.ADDRESS,
        Kind.MEMBER_ID,
        Kind.ACCOUNT,
        Kind.CARD,
        Kind.BANK_ACCOUNT,
        Kind.SERVICE_DATE,
        Kind.AGE_OVER_89,
        Kind.ZIP,
        Kind.LICENSE,
        Kind.VEHICLE,
        Kind.DEVICE,
        Kind.BIOMETRIC,
        Kind.URL,
        Kind.IP_ADDRESS,
        Kind.OTHER_ID,
        Kind.NAME,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the message something was seen, without a file name.

    part: "subject", "header", "message" for all of it, or the MIME part number counted as IMAP does ("1", "1.2",
    RFC 9051 section 6.4.5); a word after the number says which piece of that part ("2 header").
    name: the kind of part, such as "application/pdf"; only type/subtype tokens, never what the sender called it.
    page, line: counted from 1; 0 when the part has none. Sheets of a workbook are its pages, hidden ones counted too.
    cell: "B7"; empty where there are none. A cell has no line.
    """

    part: str
    name: str = ""
    page: int = 0
    line: int = 0
    cell: str = ""

    def at(self, *, line: int = 0, cell: str = "") -> "Place":
        """Return the place of a line or a cell of it."""
        return Place(part=self.part, name=self.name, page=self.page, line=line, cell=cell)

    def __str__(self) -> str:
        words = [self.part if self.part in {"subject", "header", "message"} else f"part {self.part}"]
        if self.name:
            words[0] += f" ({self.name})"
        if self.page:
            words.append(f"{'sheet' if self.cell else 'page'} {self.page}")
        if self.cell:
            words.append(f"cell {self.cell}")
        if self.line:
            words.append(f"line {self.line}")
        return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    masked: the value with all but a hint of it hidden ("***-**-6789", "M… G…").
    certainty: 0 to 1.
    why: how it was recognised, in words that hold no value.
    tie: what it was joined with to give the score, in such words; empty for what the score does not come from.
    """

    kind: Kind
    masked: str
    place: Place
    certainty: float
    why: str
    tie: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninspectable:
    """A part that could not be read for sure, and why; the message then counts as protected (invariant 5)."""

    place: Place
    reason: str


class SignKind(StrEnum):
    """What words say a message is for, or which class is written on it; `policy.phi.signs` has the words."""

    OFFER = "offer"
    APPEAL = "appeal"  # for gifts
    STUDY = "study"
    OPT_OUT = "opt-out"
    PAID = "paid"  # by somebody else
    PART2 = "part2"
    PART2_NOTICE = "part2-notice"  # of 42 CFR 2.32(a)(2)
    PSYCHOTHERAPY = "psychotherapy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A phrase that was seen; one of our own list, so it is no content. place: where it stood first."""

    kind: SignKind
    phrase: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the sender's system says of a message in fields that are believed; empty: nothing.

    purpose: a word of X-Mailward-Purpose, lower case. patient: X-Mailward-Patient, an address or the keyed hash of an
    id. campaign, segment, sensitivity: X-Mailward-Campaign, -Segment and -Sensitivity, lower case.
    """

    purpose: str = ""
    patient: str = ""
    campaign: str = ""
    segment: str = ""
    sensitivity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One attachment, as rules ask for it, without its name.

    type: declared, type/subtype when it is a well-known one, else only its first half. extension: of its name, lower
    case, when it is a known one, else empty. size: bytes, decoded. is_executable: it runs, or a file in it does.
    has_macros: an office file with macros, or one in it.
    """

    type: str
    extension: str
    size: int
    is_executable: bool = False
    has_macros: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that policy knows about the content of one message.

    phi: an identifier was found tied to health context; score (0 to 1) says how strongly.
    reasons: one sentence per step of the verdict, without values. against: what made the score smaller.
    tagged: one of the subject tags was in the decoded Subject (ID-09).
    signed_by_author: the body is multipart/signed or a signed application/pkcs7-mime: it is never edited inside.
    encrypted: the body is OpenPGP or S/MIME ciphertext already.
    urgent: the sender marked the message urgent (Importance, Priority or X-Priority).
    from_addresses: the addr-specs of all From fields, as written.
    attachments: parts that are not the body the reader sees first.
    attached: what those parts are, those without a text of their own and those with a file name.
    lowest_method: what the sender's system asks for at least (X-Mailward-Method); it is set by who believes it.
    bulk: a mailing list or bulk header is present (RFC 2369, RFC 2919, Precedence).
    signs: what its words say it is for. said: what its sender's system says; as lowest_method, for a release decides
    anew. named: whom it names, as `policy.phi.persons` marks them; names_one: all that points at somebody can be one
    person; ways: then the marks by each way to name somebody that it uses. matched: whom of the register those can
    mean, as the registers name them; set by who asks. noticed: what a law wants with it and is below it: names of rules
    that have a notice, and the marks of `policy.edits` and `policy.commercial`.
    """

    phi: bool
    score: float
    findings: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    uninspectable: tuple[Uninspectable, ...] = ()
    tagged: bool = False
    signed_by_author: bool = False
    encrypted: bool = False
    urgent: bool = False
    from_addresses: tuple[str, ...] = ()
    attachments: int = 0
    bulk: bool = False
    lowest_method: Method | None = None
    attached: tuple[Attached, ...] = ()
    against: tuple[str, ...] = ()
    signs: tuple[Sign, ...] = ()
    said: Said = Said()
    named: tuple[str, ...] = ()
    ways: tuple[tuple[str, ...], ...] = ()
    names_one: bool = False
    matched: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()

    @property
    def protected(self) -> bool:
        """Whether the content calls for a safe path: PHI was found, or something could not be read."""
        return self.phi or bool(self.uninspectable)

    @property
    def patient(self) -> str:
        """Whom it is about: whom its sender's system names, else the one person of the register whom its findings name.

        Where they may name two, or something could not be read, nobody knows.
        """
        is_one = self.names_one and len(self.matched) == 1 and not self.uninspectable
        return self.said.patient or (self.matched[0] if is_one else "")
