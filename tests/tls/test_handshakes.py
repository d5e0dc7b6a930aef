"""Contexts and verdicts over real handshakes, in memory: OpenSSL on both sides."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.faulty import certificates
from tls.certificates import classify_failure, evidence_of, gather_evidence
from tls.contexts import Contexts, build_contexts
from tls.failures import TlsFailure
from tls.levels import TlsLevel

HOST = "mx.b.example"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return build_contexts(certificates.trust_file(tmp_path_factory.mktemp("trust")))


def shake(client: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST) -> ssl.SSLObject:
    """Run a handshake. Raises what the client sees."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting: list[Callable[[], None]] = [ours.do_handshake, theirs.do_handshake]
    for _ in range(10):
        for turn in list(waiting):
            try:
                turn()
                waiting.remove(turn)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                if turn == ours.do_handshake:
                    raise
                waiting.remove(turn)
    return ours


def test_evidence_of_a_verified_session(contexts: Contexts) -> None:
    """What the audit event of a delivery proves."""
    session = shake(contexts.at(TlsLevel.VERIFIED), certificates.good(HOST))
    evidence = gather_evidence(session, TlsLevel.VERIFIED)
    der = session.getpeercert(binary_form=True)
    assert der is not None
    assert (evidence.version, evidence.verification) == ("TLSv1.3", "webpki")
    assert evidence.fingerprint == hashlib.sha256(der).hexdigest()


def test_tls_1_2_with_ecdhe_and_aead(contexts: Contexts) -> None:
    """NIST SP 800-52r2 section 3.3.1."""
    server = certificates.good(HOST)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    evidence = gather_evidence(shake(contexts.verified, server), TlsLevel.VERIFIED)
    assert evidence.version == "TLSv1.2"
    assert evidence.cipher.startswith("ECDHE-ECDSA-AES")
    assert "GCM" in evidence.cipher


@pytest.mark.parametrize("level", list(TlsLevel))
def test_both_contexts_offer_only_strong_ciphers(contexts: Contexts, level: TlsLevel) -> None:
    """TL-04, SA-09: no CBC, no RSA key exchange, nothing before TLS 1.2."""
    context = contexts.at(level)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert all(cipher["aead"] for cipher in context.get_ciphers())
    assert all(cipher["kea"] in ("kx-ecdhe", "kx-any") for cipher in context.get_ciphers())


BAD: Mapping[TlsFailure, Callable[[str], ssl.SSLContext]] = {
    TlsFailure.EXPIRED: certificates.expired,
    TlsFailure.NOT_YET_VALID: certificates.not_yet_valid,
    TlsFailure.SELF_SIGNED: certificates.self_signed,
    TlsFailure.UNKNOWN_CA: certificates.of_unknown_authority,
    TlsFailure.WRONG_NAME: lambda _: certificates.good("other.example"),
}


@pytest.mark.parametrize("failure", BAD)
def test_bad_certificates_by_reason(contexts: Contexts, failure: TlsFailure) -> None:
    """TL-03."""
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake(contexts.verified, BAD[failure](HOST))
    assert classify_failure(caught.value) is failure
    session = shake(contexts.unauthenticated, BAD[failure](HOST))
    assert gather_evidence(session, TlsLevel.ENCRYPTED).verification == "unauthenticated"


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("mx.b.example", True),
        ("*.b.example", True),
        ("*.example", False),
        ("b.example", False),
        ("mx.b.example.evil.example", False),
    ],
)
def test_names(contexts: Contexts, name: str, good: bool) -> None:
    """TL-03: OpenSSL matches; a wildcard stands for one label."""
    if good:
        shake(contexts.verified, certificates.good(name))
        return
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(contexts.verified, certificates.good(name))


def test_server_that_speaks_only_weak_ciphers(contexts: Contexts) -> None:
    """TL-04: RSA and CBC are no TLS."""
    server = certificates.good(HOST)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers("ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError) as caught:
        shake(contexts.unauthenticated, server)
    assert classify_failure(caught.value) is TlsFailure.OLD_VERSION


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), ssl.SSLEOFError(), OSError()])
def test_what_is_no_answer_is_an_accident(error: Exception) -> None:
    """A stall or reset never counts as a refusal."""
    assert classify_failure(error) is TlsFailure.BROKEN_HANDSHAKE


def test_unfinished_session_proves_nothing(contexts: Contexts) -> None:
    session = contexts.unauthenticated.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    with pytest.raises(ValueError, match="handshake"):
        gather_evidence(session, TlsLevel.ENCRYPTED)


def test_missing_ca_file_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        build_contexts(tmp_path / "none.pem")


REFUSED: dict[str, tuple[Callable[[], ssl.SSLContext], TlsFailure]] = {
    "expired": (lambda: certificates.expired(HOST), TlsFailure.EXPIRED),
    "self-signed": (lambda: certificates.self_signed(HOST), TlsFailure.SELF_SIGNED),
    "unknown authority": (lambda: certificates.of_unknown_authority(HOST), TlsFailure.UNKNOWN_CA),
    "wrong name": (lambda: certificates.good("other.example"), TlsFailure.WRONG_NAME),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_certificate_leaves_evidence(contexts: Contexts, case: str, version: ssl.TLSVersion) -> None:
    """TL-03: whose certificate it was can be shown afterwards, although no session came about."""
    make, failure = REFUSED[case]
    server = make()
    server.maximum_version = version
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake(contexts.verified, server)
    shown = shake(contexts.unauthenticated, server).getpeercert(binary_form=True)
    assert shown is not None
    evidence = evidence_of(caught.value)
    assert evidence is not None
    assert evidence.fingerprint == hashlib.sha256(shown).hexdigest()
    assert (evidence.verification, evidence.level) == (failure.value, TlsLevel.ENCRYPTED)
    assert evidence.version == version.name.replace("v1_", "v1.")
    assert evidence.cipher.startswith("TLS_") if version is ssl.TLSVersion.TLSv1_3 else evidence.cipher == "(NONE)"


def test_other_errors_have_no_evidence() -> None:
    assert evidence_of(ssl.SSLError("broken")) is None
