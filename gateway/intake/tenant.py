"""Proof of the tenant: clouds share addresses and certificates, so a header field says whose mail it is (ID-02).

The field is a secret between the organisation's transport rule and us: nobody who may read the message sees it. Pure.
"""

import hmac

from gateway.config.values import TenantProof
from gateway.message.fields import HeaderError, split_message


def take_proof(message: bytes, proof: TenantProof) -> bytes | None:
    """Take the proof out of a message.

    Returns: the message without it, otherwise unchanged; None when it is missing, wrong, or there more than once, and
    for a header that cannot be read in exactly one way. Name in any case, value octet for octet once unfolded.
    """
    try:
        parsed = split_message(message)
    except HeaderError:
        return None
    found = parsed.all(proof.name.lower())
    texts = [field.text.encode("ascii", "surrogateescape") for field in found]
    if len(texts) != 1 or not hmac.compare_digest(texts[0], proof.value.encode("ascii")):
        return None
    return parsed.with_fields(field.raw for field in parsed.fields if field is not found[0])
