"""Mail that Mailward writes to people: that a message waits, the code to open it, and to the sender what was done.

No content, subject or file name of the message is among the inputs, so none can get out. Text and HTML say the same,
the link stands alone on its line, and nothing is loaded from anywhere. What happened, what it means, what to do. Every
notice is `Auto-Submitted` (RFC 3834); the caller sends it from the null reverse path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from html import escape
from textwrap import fill

from gateway.message.compose import Heading, Part, multipart, plain, render, text_part
from policy.brake import Reason
from policy.decision import Method

NEUTRAL_NAME = "Private Message Service"  # default of `portal.neutral_name`
AUTO_SUBMITTED = b"Auto-Submitted: auto-generated\r\n"
# RFC 8689 section 5: whoever passes it on may do so past DANE and MTA-STS, as we do. Never on what opens a message.
PAST_POLICIES = b"TLS-Required: No\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who a notice comes from.

    organisation: name that people know. domain: the sender's, which signs with DKIM. hostname: ours, for Message-ID.
    notice_id: the notice's own queue id. now: aware; times in the text are shown in its zone.
    """

    organisation: str
    domain: str
    hostname: str
    notice_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalLink:
    """The message that waits: where, for whom, until when. asks_for: what the portal will ask to open it.

    is_neutral: nothing tells who sent it; the origin is a neutral one then.
    """

    recipient: str
    url: str = field(repr=False)
    expires_at: datetime
    asks_for: "Secret"
    is_neutral: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A one-time code. reference: shown here and on the page, so that the reader can tell which request it answers.

    is_neutral: as of the message's link.
    """

    recipient: str
    code: str = field(repr=False)
    reference: str
    minutes: int = 10
    is_neutral: bool = False


class Secret(StrEnum):
    """What opens a portal message."""

    CODE = "code"  # mailed on request
    PIN = "pin"  # told by the sender


class Cause(StrEnum):
    """Why a message left by another way than the sender may expect."""

    NO_TLS = "no-tls"
    BAD_CERTIFICATE = "bad-certificate"
    OLD_TLS = "old-tls"
    TLS_DEADLINE = "tls-deadline"
    NO_KEY = "no-key"
    KEY_UNFIT = "key-unfit"
    NOT_8BIT = "not-8bit"
    POLICY = "policy"
    PIN_USED_UP = "pin-used-up"


CAUSES = {
    Cause.NO_TLS: "{recipient}'s server offers no encryption.",
    Cause.BAD_CERTIFICATE: "{recipient}'s server could not prove who it is.",
    Cause.OLD_TLS: "{recipient}'s server only offers encryption that is no longer safe.",
    Cause.TLS_DEADLINE: "{recipient}'s server could not be reached over a safe connection in time.",
    Cause.NO_KEY: "There is no encryption key on file for {recipient}.",
    Cause.KEY_UNFIT: "The encryption key on file for {recipient} cannot be used any more.",
    Cause.NOT_8BIT: "{recipient}'s server takes no 8-bit messages, and yours could not be converted.",
    Cause.PIN_USED_UP: "The PIN for {recipient} was typed wrong too often, so it no longer works.",
    Cause.POLICY: "Your organisation's rules choose this way for mail to {recipient}.",
}

EFFECTS = {
    Method.OPENPGP: "Your message was encrypted with the recipient's OpenPGP key and sent.",
    Method.SMIME: "Your message was encrypted with the recipient's S/MIME certificate and sent.",
    Method.PORTAL: "Your message waits in our portal, and the recipient was told by mail.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """A message that went one or more rungs down the ladder.

    pin: eight digits to tell the recipient, or empty when the portal mails a code. message_number: the queue id.
    """

    sender: str
    recipient: str
    cause: Cause
    method: Method
    message_number: str
    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A message that waits for a person's decision.

    until: when it comes back if nobody decides. may_have_arrived: it was handed over, and the outcome is not known.
    reasons: why it is held, in sentences without content.
    """

    sender: str
    recipients: tuple[str, ...]
    message_number: str
    until: datetime
    may_have_arrived: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A message in which a rule masked something. masked: how many values of each kind; never a value."""

    sender: str
    recipients: tuple[str, ...]
    masked: Mapping[str, int]
    message_number: str


class RuleEnding(StrEnum):
    """What became of a message to which a rule applied."""

    SENT = "sent"
    HELD = "held"
    OVERDUE = "overdue"
    REFUSED = "refused"
    UNSEALED = "unsealed"


RULE_ENDINGS = {
    RuleEnding.SENT: "It goes its way, as protected as the rules ask.",
    RuleEnding.HELD: "It waits for a decision: `mailward queue show` has the reasons.",
    RuleEnding.OVERDUE: "It has waited for a decision for too long: please decide now (`mailward queue show`).",
    RuleEnding.UNSEALED: "Somebody let it go in an emergency: please review that (`mailward break-glass list`).",
    RuleEnding.REFUSED: "It was refused, and its sender was told so at once.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNotice:
    """A rule applied to a message, and this person is to know. recipients: for whom. ending: the strictest."""

    to: str
    rules: tuple[str, ...]
    sender: str
    recipients: tuple[str, ...]
    ending: RuleEnding
    message_number: str


LIMITS = {
    Reason.MESSAGES: "too many messages",
    Reason.RECIPIENTS: "too many different recipients",
    Reason.PHI: "too many messages with health information",
    Reason.NOVELTY: "too many recipients it never wrote to before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Braked:
    """A login that passed a limit. until: when the first message comes back if nobody decides."""

    sender: str
    login: str
    reason: Reason
    message_number: str
    until: datetime


def portal_notice(origin: Origin, link: PortalLink) -> bytes:
    """To the recipient: a private message waits."""
    name = plain(origin.organisation)
    teller = "Who sent it" if link.is_neutral else name
    secret = {
        Secret.CODE: "To keep it private we ask for a code. We mail it to this address when you ask on the page.",
        Secret.PIN: f"To keep it private we ask for a PIN. {teller} tells it to you in another way, such as by phone.",
    }[link.asks_for]
    subject = "You have a private message" if link.is_neutral else f"You have a private message from {name}"
    doubt = "Call who you think sent it" if link.is_neutral else f"Call {name}"
    paragraphs = (
        "Somebody sent you a private message." if link.is_neutral else f"{name} sent you a private message.",
        secret,
        f"You can read it until {_date(link.expires_at)}. Open this link:",
        link.url,
        f"In doubt? {doubt} on the number you know. Do not use a number from a mail.",
    )
    return _write(origin, link.recipient, subject, paragraphs, link=link.url)


def code_mail(origin: Origin, code: Code) -> bytes:
    """To the recipient: the code that the page asks for. The subject is neutral: it shows on locked phones."""
    name = "who sent it" if code.is_neutral else plain(origin.organisation)
    paragraphs = (
        "Your code for the private message:" if code.is_neutral else f"Your code for the private message from {name}:",
        plain(code.code),
        f"It works for {code.minutes} minutes, once. The page shows the reference {plain(code.reference)}.",
        f"You did not ask for a code? Then someone else opened the link. If it happens again, call {name}.",
    )
    return _write(origin, code.recipient, "Your code", paragraphs, is_secret=True)


def climb_notice(origin: Origin, climb: Climb) -> bytes:
    """To the sender: why the message left another way, which way, and what to do. Once a climb."""
    number = f"This is about message {climb.message_number}."
    effect = EFFECTS[climb.method]
    if climb.method is Method.PORTAL and climb.pin:
        pin = format_pin(climb.pin)
        remedy = f"Tell the recipient the PIN {pin} by phone; do not mail it. Without it the message cannot be opened."
    else:
        remedy = "You need not do anything."
    paragraphs = (
        CAUSES[climb.cause].format(recipient=climb.recipient),
        effect,
        remedy,
        "Nothing left unprotected.",
        number,
    )
    subject = "Please tell the recipient a PIN" if climb.pin else "Your message was sent another way"
    return _write(origin, climb.sender, subject, paragraphs, is_secret=climb.pin != "")


def held_notice(origin: Origin, held: Held) -> bytes:
    """To the sender: the message waits for a decision. Silence would endanger patients."""
    fate = "It may have arrived, or not; we do not send it twice." if held.may_have_arrived else "It has not been sent."
    paragraphs = (
        f"Your message to {', '.join(held.recipients)} needs a look by your privacy team before it may leave.",
        *(f"Why: {reason}" for reason in held.reasons),
        f"{fate} If nobody decides, it comes back to you on {_date(held.until)}.",
        "If it is urgent, call the recipient, and call your privacy team.",
        f"This is about message {held.message_number}.",
    )
    return _write(origin, held.sender, "Your message waits for approval", paragraphs)


def masked_notice(origin: Origin, about: Masked) -> bytes:
    """To the sender: something was taken out, which the recipient does not see. Silence would endanger patients."""
    counts = ", ".join(f"{kind.replace('_', ' ')}: {count}" for kind, count in sorted(about.masked.items()))
    paragraphs = (
        f"A rule of your organisation took something out of your message to {', '.join(about.recipients[:NAMED])}.",
        f"This is what was removed, and how often: {counts}. The places are marked.",
        "Does the recipient need it? Call your privacy team, or tell the recipient by phone.",
        f"This is about message {about.message_number}.",
    )
    return _write(origin, about.sender, "Something was removed from your message", paragraphs)


def brake_notice(origin: Origin, braked: Braked) -> bytes:
    """To the sender, once: everything sent with this sign-in is held."""
    paragraphs = (
        f"In one hour, more mail was sent with the sign-in {braked.login} than is usual: {LIMITS[braked.reason]}.",
        "Mail sent with it from now on, this message included, waits until your mail administrator has looked at it.",
        f"What nobody decides on comes back to you from {_date(braked.until)} on.",
        "Was that you? Call your mail administrator, who can let it go. If something is urgent, call the recipient.",
        "It was not you? Then someone else may have your password. Call your mail administrator now.",
        f"This began with message {braked.message_number}. You get no further notice for those that follow.",
    )
    return _write(origin, braked.sender, "Your mail is being held", paragraphs)


NAMED = 20  # recipients in one notice


def rule_notice(origin: Origin, about: RuleNotice) -> bytes:
    """To whoever a rule names: which rule applied, to what message, and what became of it. No content, no subject."""
    named = ", ".join(about.recipients[:NAMED])
    more = f" and {len(about.recipients) - NAMED} more" if len(about.recipients) > NAMED else ""
    paragraphs = (
        f"A mail from {about.sender} to {named}{more} met the rule {', '.join(about.rules)}.",
        RULE_ENDINGS[about.ending],
        f"This is about message {about.message_number}. The audit log says why.",
    )
    return _write(origin, about.to, "A mail rule applied", paragraphs)


def format_pin(pin: str) -> str:
    """A PIN as people read it out: groups of four digits, `4817-2290`."""
    return "-".join(pin[at : at + 4] for at in range(0, len(pin), 4))


def _write(
    origin: Origin, to: str, subject: str, paragraphs: Sequence[str], *, link: str = "", is_secret: bool = False
) -> bytes:
    """One notice as multipart/alternative. link: the paragraph that is a link. is_secret: it tells a code or a PIN."""
    paragraphs = [plain(paragraph) for paragraph in paragraphs]
    heading = Heading(
        from_address=f"secure-mail@{origin.domain}",
        from_name=origin.organisation,
        to=to,
        subject=subject,
        message_id=f"{origin.notice_id}@{origin.hostname}",
        now=origin.now,
        extra=(AUTO_SUBMITTED,) if is_secret else (PAST_POLICIES, AUTO_SUBMITTED),
    )
    parts = (_text(paragraphs, link), _html(paragraphs, link, title=plain(subject)))
    return render(heading, multipart("alternative", parts, seed=heading.message_id))


def _text(paragraphs: Sequence[str], link: str) -> Part:
    folded = [p if p == link else fill(p, 76, break_long_words=False, break_on_hyphens=False) for p in paragraphs]
    return text_part("\n\n".join([*folded, ""]))


def _html(paragraphs: Sequence[str], link: str, *, title: str) -> Part:
    """The same words. The link's visible text is its address; no image, no style that a filter would mistake."""
    lines = [
        f'<p><a href="{escape(p)}">{escape(p)}</a></p>' if p == link else f"<p>{escape(p)}</p>" for p in paragraphs
    ]
    head = f"<head><title>{escape(title)}</title></head>"
    document = ["<!DOCTYPE html>", '<html lang="en">', head, "<body>", *lines, "</body>", "</html>", ""]
    return text_part("\n".join(document), subtype="html")


def _date(when: datetime) -> str:
    """`24 November 2026, 03:45 UTC`."""
    zone = when.tzname() or ""
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()
