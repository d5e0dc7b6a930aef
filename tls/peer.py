"""Whether a peer proved what was required of it: what OpenSSL does not check during the handshake."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tls.dane.verify import match_chain, public_key
from tls.failures import TlsFailure
from tls.levels import Proof, TlsLevel
from tls.requirement import Requirement


@dataclass(frozen=True, slots=True)
class Proven:
    """level: what the session is now. words: by what, such as `dane 3 1 1`, for `TlsEvidence.verification`."""

    level: TlsLevel
    words: str


def prove(needed: Requirement, chain: Sequence[bytes], *, now: datetime) -> Proven | TlsFailure:
    """Check a chain after a handshake with `Contexts.proving(needed.proofs)` that succeeded.

    chain: DER, the peer's own certificate first (`tls.certificates.peer_chain`). now: aware.
    Returns: what was proved, all of it, or the first thing that was not. Nothing may be sent after a failure.
    """
    words: list[str] = []
    if Proof.PIN in needed.proofs:
        if key_fingerprint(chain) != needed.pin:
            return TlsFailure.PIN_MISMATCH
        words.append("pin")
    if Proof.DANE in needed.proofs:
        record = match_chain(needed.dane, chain, now=now)
        if record is None:
            return TlsFailure.TLSA_MISMATCH
        words.append(f"dane {record.kind}")
    if Proof.WEBPKI in needed.proofs:
        words.append("webpki")
    if not words:
        return Proven(TlsLevel.ENCRYPTED, "unauthenticated")
    return Proven(TlsLevel.VERIFIED, " and ".join(words))


def key_fingerprint(chain: Sequence[bytes]) -> str | None:
    """SHA-256 of the peer's SubjectPublicKeyInfo, as `delivery.route.tls` pins it; None when it cannot be read."""
    key = public_key(chain[0]) if chain else None
    return None if key is None else hashlib.sha256(key).hexdigest()
