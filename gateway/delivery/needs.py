"""How safely a queue entry has to leave: by its kind, and for a sender's message by the rung it stands on."""

from dataclasses import dataclass, replace
from typing import Final

from gateway.message.entry import MessageKind, QueueEntry
from policy.decision import Method, UnsignedMx
from tls.levels import TlsLevel
from tls.requirement import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsPolicy:
    """unsigned_mx: `tls.unsigned_mx`. code_level: `portal.code_channel` as a level."""

    unsigned_mx: UnsignedMx = UnsignedMx.ACCEPT
    code_level: TlsLevel = TlsLevel.VERIFIED


CIPHERTEXT: Final = frozenset({Method.OPENPGP, Method.SMIME})  # these rungs hand over nothing that TLS has to hide
OPPORTUNISTIC: Final = Needs(level=TlsLevel.NONE)
CONTENT_FREE: Final = Needs(level=TlsLevel.NONE, is_content_free=True)
# RFC 8689 section 5: a notice about a REQUIRETLS message asks for it too, and is not lost where a next hop lacks it.
REPORT: Final = Needs(level=TlsLevel.NONE, wishes_requiretls=True)


def needs_for(entry: QueueEntry, policy: NeedsPolicy, *, has_pin: bool, is_inbound: bool) -> Needs:
    """What this entry asks of its next hop, at its present rung.

    has_pin: a SENDER_NOTICE that tells a portal PIN. is_inbound: it goes to the `inbound` host of a domain of ours.
    A message on the portal rung hands over nothing but a content-free notice.
    """
    match entry.kind:
        case MessageKind.MAIL:
            return _mail_needs(entry, policy)
        case MessageKind.DSN if entry.requiretls:
            return REPORT
        case MessageKind.NOTICE | MessageKind.DSN | MessageKind.TLS_REPORT:  # the last: RFC 8460 section 3
            return CONTENT_FREE
        case MessageKind.CODE:
            return _secret_needs(policy.code_level, _unsigned_mx(entry, policy))
        case MessageKind.SENDER_NOTICE if has_pin:
            level = TlsLevel.ENCRYPTED if is_inbound else TlsLevel.VERIFIED
            return _secret_needs(level, _unsigned_mx(entry, policy))
        case MessageKind.SENDER_NOTICE:
            return CONTENT_FREE


def _mail_needs(entry: QueueEntry, policy: NeedsPolicy) -> Needs:
    if entry.method is Method.PORTAL:
        return CONTENT_FREE
    is_clear = not entry.protected or entry.method in CIPHERTEXT
    if is_clear and not entry.requiretls:
        return OPPORTUNISTIC
    if is_clear:
        return Needs(level=TlsLevel.VERIFIED, requiretls=True)
    return replace(protected_needs(_unsigned_mx(entry, policy)), requiretls=entry.requiretls)


def _unsigned_mx(entry: QueueEntry, policy: NeedsPolicy) -> UnsignedMx:
    """What a law of its own protects goes to no host that merely unsigned DNS names, whatever is configured."""
    return UnsignedMx.CLIMB if entry.sensitive else policy.unsigned_mx


def protected_needs(unsigned_mx: UnsignedMx) -> Needs:
    """What a protected message asks on the rung `tls`."""
    return Needs(level=TlsLevel.VERIFIED, is_vouched=unsigned_mx is UnsignedMx.CLIMB, is_onward=True)


def _secret_needs(level: TlsLevel, unsigned_mx: UnsignedMx) -> Needs:
    """Codes and PINs: whoever reads one on the way can open the message, so they never pass on unseen by us either."""
    is_vouched = level is TlsLevel.VERIFIED and unsigned_mx is UnsignedMx.CLIMB
    return Needs(level=level, is_vouched=is_vouched, is_onward=True)
