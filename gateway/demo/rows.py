"""What happened to one recipient, read from the audit log: events in, one frozen row out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.audit.search import Found
from gateway.demo.letters import Letter, Way
from gateway.demo.steps import Step, read_steps
from gateway.pipeline.rulings import why_shipped

CIPHERTEXT: Final = {"openpgp": Way.OPENPGP, "smime": Way.SMIME}
UNVERIFIED: Final = "unauthenticated"  # `tls.evidence`: encrypted, and anybody's certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A letter that the gateway has taken."""

    letter: Letter
    queue_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recipient of one message.

    found: number of findings of each kind. is_unreadable, is_tagged: why it is protected without any.
    methods: the ladder that was decided. way: None while it is under way, or when it left by none.
    why: of the climb, else of the ladder; tls_version, verification: of the copy, or of the mail with the code.
    state: the last event's kind, such as "delivery.delivered"; seq: its number in the audit log.
    steps: every attempt and what the portal did with it, each with its own number.
    fingerprint, pin, link: known to the demonstration, not to the log.
    """

    sent: Sent
    recipient: str
    found: Mapping[str, int] = field(default_factory=dict)
    is_protected: bool = False
    is_unreadable: bool = False
    is_tagged: bool = False
    methods: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    way: Way | None = None
    why: str = ""
    host: str = ""
    tls_version: str = ""
    verification: str = ""
    is_opened: bool = False
    state: str = ""
    seq: int = -1
    steps: tuple[Step, ...] = ()
    fingerprint: str = ""
    pin: str = field(default="", repr=False)
    link: str = field(default="", repr=False)

    @property
    def letter(self) -> Letter:
        return self.sent.letter

    @property
    def promised(self) -> Way:
        """What the demonstration expects."""
        return self.letter.ways[self.recipient]


def read_row(sent: Sent, recipient: str, log: Sequence[Found]) -> Row:
    """The row of a recipient as the log has it by now."""
    mine = [one for one in log if one.event.queue_id == sent.queue_id and one.event.recipient == recipient]
    facts: dict[str, object] = {}
    for one in mine:
        reader = READERS.get(one.event.kind)
        if reader is not None:
            facts |= reader(one) | {"state": one.event.kind, "seq": one.seq}
        elif one.event.kind == "portal.code_sent":
            facts |= _code_mail(one.event.data.get("code_id"), log)
    return Row(sent=sent, recipient=recipient, steps=read_steps(mine), **facts)  # type: ignore[arg-type]  # the readers name fields of Row


def _decided(one: Found) -> dict[str, object]:
    data = one.event.data
    trace = _words(data.get("trace"))
    pairs = (text.rpartition(": ") for text in _words(data.get("found")))
    return {
        "found": {kind: int(count) for kind, _, count in pairs},
        "is_protected": bool(data.get("protected")),
        "is_unreadable": any(sentence.startswith("Something could not be read") for sentence in trace),
        "is_tagged": any("tagged the subject" in sentence for sentence in trace),
        "methods": _words(data.get("methods")),
        "trace": trace,
        "why": next((sentence for sentence in trace if "route to the recipient" in sentence), ""),
    }


def _climbed(one: Found) -> dict[str, object]:
    return {"why": str(one.event.data.get("why", ""))}


def _delivered(one: Found) -> dict[str, object]:
    data = one.event.data
    verification, version = str(data.get("verification", "")), str(data.get("tls_version", ""))
    if (tried := str(data.get("tried"))) in CIPHERTEXT:
        way = CIPHERTEXT[tried]
    elif not version:
        way = Way.CLEAR
    else:
        way = Way.UNVERIFIED_TLS if verification == UNVERIFIED else Way.VERIFIED_TLS
    host = str(data.get("host", ""))
    return {"way": way, "tls_version": version, "verification": verification, "host": host}


def _published(one: Found) -> dict[str, object]:
    return {"way": Way.PORTAL_CODE if one.event.data.get("secret") == "code" else Way.PORTAL_PIN}


def _opened(_one: Found) -> dict[str, object]:
    return {"is_opened": True}


def _held(one: Found) -> dict[str, object]:
    return {"way": Way.HELD, "why": explain(str(one.event.data.get("why", "")).removeprefix("rule ").split(", "))}


def _refused(one: Found) -> dict[str, object]:
    trace = _words(one.event.data.get("trace"))
    return {"way": Way.REFUSED, "trace": trace, "why": explain(_words(one.event.data.get("rules")))}


def explain(rules: Sequence[str]) -> str:
    """What a pack says of the first of these rules; of another, its name."""
    return next((why_shipped().get(name, name) for name in rules), "")


def _ended(one: Found) -> dict[str, object]:
    return {"way": None, "why": str(one.event.data.get("why", ""))}


READERS: Final[Mapping[str, Callable[[Found], dict[str, object]]]] = {
    "message.decided": _decided,
    "message.held": _held,
    "message.refused": _refused,
    "delivery.climbed": _climbed,
    "delivery.delivered": _delivered,
    "delivery.bounced": _ended,
    "delivery.expired": _ended,
    "portal.published": _published,
    "portal.opened": _opened,
}


def _code_mail(code_id: object, log: Iterable[Found]) -> dict[str, object]:
    """How the mail with the one-time code left."""
    for one in log:
        if one.event.queue_id == code_id and one.event.kind == "delivery.delivered":
            facts = _delivered(one)
            return {name: facts[name] for name in ("tls_version", "verification", "host")}
    return {}


def _words(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
