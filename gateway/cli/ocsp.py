"""What issuers say of certificates that a command is about to import, when `smime.ocsp` has them asked."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from gateway.cli.context import fail
from gateway.config import Settings
from gateway.config.modes import OcspFailure
from gateway.protect.smime import ocsp
from gateway.protect.smime.ocsp import NoAnswer, Poster, Status

REVOKED = "its issuer has revoked it"


def reasons_against(settings: Settings, pairs: Sequence[tuple[bytes, bytes]]) -> list[tuple[Status, str]]:
    """Ask about each certificate. pairs: certificate and issuer, DER; the issuer is on the way to an anchor of ours.

    Returns: for each, in order, GOOD where it may be used; else the status and why not, in words.
    """
    if not pairs:
        return []
    return asyncio.run(_all(_reader(settings), pairs, is_soft=settings.smime.ocsp_failure is OcspFailure.SOFT))


async def _all(web: Poster, pairs: Sequence[tuple[bytes, bytes]], *, is_soft: bool) -> list[tuple[Status, str]]:
    return [await _one(web, certificate, issuer, is_soft=is_soft) for certificate, issuer in pairs]


async def _one(web: Poster, certificate: bytes, issuer: bytes, *, is_soft: bool) -> tuple[Status, str]:
    if not ocsp.responders(certificate):
        return Status.GOOD, ""  # its issuer lets nobody ask
    why = "its issuer does not know it"
    try:
        data = await ocsp.fetch(web, certificate, issuer)
        status = ocsp.read_answer(data, certificate=certificate, issuer=issuer, now=datetime.now(UTC)).status
    except NoAnswer as error:
        status, why = Status.UNKNOWN, str(error)
    if status is Status.REVOKED:
        return status, REVOKED
    if status is Status.GOOD or is_soft:
        return Status.GOOD, ""
    return status, f"whether its issuer has revoked it cannot be learned: {why}"


def _reader(settings: Settings) -> Poster:
    """A web of our own: this command talks to others than the gateway."""
    from gateway.delivery.routes import is_allowed
    from tls.contexts import build_policy_context
    from tls.dnssec.lookup import DnssecResolver
    from tls.web import WebReader

    try:
        resolver = DnssecResolver([(at.host, at.port) for at in settings.dns.resolvers], is_ad_trusted=False)
        context = build_policy_context(settings.delivery.ca_file)
    except OSError as error:
        fail(f"{error.filename or 'dns.resolvers'}: {error.strerror or error}")
    allowed = partial(is_allowed, private_networks=settings.delivery.private_networks)
    return WebReader(resolver, context, is_allowed=allowed)
