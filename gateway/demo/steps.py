"""The way of one message, step by step, each with the event that proves it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.search import Found
from tls.failures import TlsFailure

PORTAL: Final = {"portal.published": "published", "portal.opened": "opened"}
STOPPED: Final = {"message.held": "held", "message.refused": "refused"}
ATTEMPT: Final = frozenset({"delivery.attempted", "delivery.delivered"})
DELIVERED: Final = "delivered"
FINGERPRINT: Final = 16  # digits of a fingerprint that a line shows, as in `queue show`


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An attempt by one method, or what happened in the portal; what an event does not have is empty.

    seen: how it went, such as "tls-refused", "delivered", "published". seq: number of the event in the audit log.
    certificate: SHA-256 of the server's; keys: fingerprints of the keys that open what was sent.
    """

    method: str
    seq: int
    seen: str
    host: str = ""
    tls_version: str = ""
    certificate: str = ""
    verification: str = ""
    tls_failure: str = ""
    reply: str = ""
    required: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def is_delivered(self) -> bool:
        return self.seen == DELIVERED


def read_steps(mine: Iterable[Found]) -> tuple[Step, ...]:
    """The steps in one recipient's events."""
    steps = []
    for one in mine:
        kind, data = one.event.kind, one.event.data
        if kind in PORTAL:
            steps.append(Step(method="portal", seq=one.seq, seen=PORTAL[kind]))
        elif kind in STOPPED:
            steps.append(Step(method="policy", seq=one.seq, seen=STOPPED[kind]))
        elif kind in ATTEMPT and (kind == "delivery.delivered") is (data.get("seen") == DELIVERED):
            steps.append(_attempt(one))  # an attempt that delivered is told by its ending, which repeats it
    return tuple(steps)


def _attempt(one: Found) -> Step:
    data = one.event.data
    texts = ("seen", "host", "tls_version", "certificate", "verification", "tls_failure", "reply")
    return Step(
        method=str(data.get("tried", "")),
        seq=one.seq,
        required=_all(data.get("required")),
        keys=_all(data.get("openpgp_keys")) or _all(data.get("smime_certificates")),
        **{name: str(data.get(name, "")) for name in texts},
    )


def has_climbed(steps: Sequence[Step]) -> bool:
    """Whether it took more than one method."""
    return len({step.method for step in steps}) > 1


def line(step: Step) -> str:
    """`tls: refused, server has an expired certificate (host mx.b.example, message needs verified TLS), audit event 7`.

    Of a ciphertext it says whose key opens it: that, and not the session, protects it.
    """
    why = "" if step.is_delivered or not step.tls_failure else f", server {TlsFailure(step.tls_failure).words}"
    facts = [
        step.tls_version,
        step.verification if step.verification != step.tls_failure else "",
        f"certificate {step.certificate[:FINGERPRINT]}" * bool(step.certificate),
        *(f"key {key[-FINGERPRINT:]}" for key in step.keys),
        f"host {step.host}" * bool(step.host),
        *(() if step.is_delivered else step.required),
        f'reply "{step.reply}"' * bool(step.reply and not why),
    ]
    grounds = ", ".join(fact for fact in facts if fact)
    return (
        f"{step.method}: {step.seen.removeprefix('tls-')}{why}{f' ({grounds})' * bool(grounds)}, audit event {step.seq}"
    )


def as_json(step: Step) -> dict[str, Any]:
    """Names as in `audit search --json`."""
    return {
        "method": step.method,
        "seq": step.seq,
        "seen": step.seen,
        "host": step.host,
        "tls_version": step.tls_version,
        "certificate": step.certificate,
        "verification": step.verification,
        "tls_failure": step.tls_failure,
        "reply": step.reply,
        "required": list(step.required),
        "keys": list(step.keys),
    }


def _all(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
