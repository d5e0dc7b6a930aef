"""A row in words for people, and as plain values for machines. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.demo import steps
from gateway.demo.letters import Way
from gateway.demo.rows import Row
from policy.phi.report import Kind

SHOWN: Final = 3  # kinds of one cell's line; the most telling ones, `--json` has all
WHO: Final = {
    Kind.SSN: "SSN",
    Kind.MRN: "record number",
    Kind.MEMBER_ID: "member id",
    Kind.DOB: "birth date",
    Kind.NAME: "name",
    Kind.PHONE: "phone",
    Kind.EMAIL: "e-mail",
    Kind.ADDRESS: "address",
    Kind.ACCOUNT: "account",
    Kind.CARD: "card number",
    Kind.SERVICE_DATE: "date of service",
    Kind.LICENSE: "licence",
    Kind.VEHICLE: "vehicle",
    Kind.DEVICE: "device",
    Kind.BIOMETRIC: "biometric id",
    Kind.AGE_OVER_89: "age over 89",
    Kind.BANK_ACCOUNT: "bank account",
    Kind.OTHER_ID: "other number",
    Kind.ZIP: "ZIP code",
    Kind.URL: "web address",
    Kind.IP_ADDRESS: "IP address",
}
HEALTH: Final = {
    Kind.DIAGNOSIS: "diagnosis",
    Kind.DRUG: "drug",
    Kind.LAB: "lab value",
    Kind.PROCEDURE: "procedure",
    Kind.INSURANCE: "insurance",
    Kind.CLINICAL: "clinical word",
}
VERSIONS: Final = {"TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}

LEGEND: Final = (
    ("found", "kinds and numbers only; the values themselves are kept nowhere but in the message"),
    ("protect", "health information about a person, a tag, something unreadable; the ways in the order of trying"),
    ("allow", "nothing of health about a person: encrypted where the server offers it, in clear where it does not"),
    ("hold, reject", "a register forbids it: a person decides, or the sender's system hears 550"),
    ("portal", "the mail holds a link and nothing of the message; a code goes over verified TLS, else a PIN is told"),
    ("audit", "number of the event that proves it in the audit log"),
)  # fmt: skip


def found(row: Row) -> str:
    """Lines such as `who: name 3` and `health: drug`; the sender's tag and unreadable parts count as well."""
    marks = ["subject tag"] * row.is_tagged + ["unreadable part"] * row.is_unreadable
    who, health = _listed(row, WHO), _listed(row, HEALTH)
    if row.is_protected:
        return "\n".join([*marks, *([f"who: {who}"] * bool(who)), *([f"health: {health}"] * bool(health))]) or "nothing"
    words = sum(row.found.get(kind.value, 0) for kind in HEALTH)
    return f"{words} health word{'' if words == 1 else 's'}, about nobody" if words else "nothing of health"


def _listed(row: Row, labels: Mapping[Kind, str]) -> str:
    kinds = [(label, row.found[kind.value]) for kind, label in labels.items() if row.found.get(kind.value)]
    shown = [f"{label} {count}" if count > 1 else label for label, count in kinds[:SHOWN]]
    return ", ".join([*shown, *([f"+{len(kinds) - SHOWN}"] if len(kinds) > SHOWN else [])])


def decided(row: Row) -> str:
    """`protect: tls, portal` or `allow`."""
    if row.way is not None and row.way.is_stopped:
        return "reject" if row.way is Way.REFUSED else "hold"
    if not row.is_protected:
        return "allow"
    return f"protect: {', '.join(row.methods)}" if row.methods else "hold"


def left(row: Row) -> str:
    """How it left, and why not by a better way."""
    if row.way is None:
        return "not yet" if row.state in {"", "message.decided"} else row.state.rpartition(".")[2]
    return {Way.PORTAL_CODE: "portal", Way.PORTAL_PIN: "portal", Way.CLEAR: "in clear"}.get(row.way, row.way.value)


def reason(row: Row) -> str:
    """Why not by a better way; empty when there is none."""
    if row.way is None or row.way.is_stopped:
        return row.why
    if not row.is_protected:
        return {Way.CLEAR: "no TLS offered, nothing to protect", Way.UNVERIFIED_TLS: "nothing to protect"}.get(
            row.way, ""
        )
    if row.why.startswith("Methods"):
        return "the route's rule"
    return f"server {row.why.partition(' ')[2]}" if row.why.startswith("mx.") else row.why


def proof(row: Row) -> str:
    """What shows that it went as it says."""
    version = VERSIONS.get(row.tls_version, row.tls_version)
    opened = "; opened" if row.is_opened else "; waits to be opened"
    match row.way:
        case Way.VERIFIED_TLS:
            return f"{version}, certificate verified"
        case Way.UNVERIFIED_TLS:
            return f"{version}, certificate not verified"
        case Way.OPENPGP:
            return f"key {short(row.fingerprint)}"
        case Way.SMIME:
            return f"certificate {short(row.fingerprint)}"
        case Way.PORTAL_PIN:
            return f"PIN {row.pin}, told to the sender{opened}"
        case Way.PORTAL_CODE:
            code = f"code mailed over {version}, verified" if version else "code mailed on request"
            return f"{code}{opened}"
        case Way.HELD:
            return "waits for a person; the sender was told why"
        case Way.REFUSED:
            return "550 to the sender's system"
        case _:
            return "none needed" if row.way is Way.CLEAR else "none"


def short(fingerprint: str) -> str:
    """The last 16 digits of a fingerprint, in fours."""
    tail = fingerprint[-16:]
    return " ".join(tail[at : at + 4] for at in range(0, len(tail), 4))


def as_json(row: Row) -> dict[str, Any]:
    """One recipient. Names that other commands use for the same thing are the same here."""
    return {
        "type": "recipient",
        "message": row.letter.title,
        "file": f"{row.letter.name}.eml",
        "queue_id": row.sent.queue_id,
        "sender": row.letter.sender,
        "recipient": row.recipient,
        "listener": row.letter.door.value,
        "found": dict(row.found),
        "protected": row.is_protected,
        "methods": list(row.methods),
        "trace": list(row.trace),
        "left_by": row.way.value if row.way else None,
        "expected": row.promised.value,
        "why": row.why,
        "tls_version": row.tls_version,
        "verification": row.verification,
        "openpgp_key": row.fingerprint if row.way is Way.OPENPGP else "",
        "smime_certificate": row.fingerprint if row.way is Way.SMIME else "",
        "pin": row.pin,
        "link": row.link,
        "opened": row.is_opened,
        "last_event": row.state,
        "seq": row.seq,
        "steps": [steps.as_json(step) for step in row.steps],
    }
