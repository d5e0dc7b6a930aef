"""gateway.protect.sealer: real children; what fails leaves nothing behind (CR-13)."""

import asyncio
import os
import signal
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
import pytest_asyncio
from pysequoia import CipherSuite, Profile

from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.sealer import LIMITS, MODULE, Done, Sealer
from gateway.protect.smime.judge import fingerprint
from gateway.protect.smime.mail import Candidate, Identity
from gateway.protect.smime.ocsp import NoAnswer
from gateway.workers.errors import WorkerError
from gateway.workers.pool import ChildPool
from tests.gateway.protect.conformance.rust import Sequoia
from tests.gateway.protect.keys import certificate_of, make_key
from tests.gateway.protect.smime.authority import ADDRESS, YEAR, Authority, key_pem, pem
from tests.gateway.protect.smime.authority import make_key as make_smime_key
from tests.gateway.protect.test_openpgp import MAIL, decrypt, decrypted, payload

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def sealer() -> AsyncIterator[Sealer]:
    pool = ChildPool(MODULE, 1, LIMITS, "sealer")
    await pool.start()
    yield Sealer(pool)
    await pool.stop()


async def test_a_child_encrypts(sealer: Sealer) -> None:
    """PGPy runs under the child's confinement, small and large (memory file)."""
    certificate = certificate_of(make_key())
    large = MAIL + b"x" * 2_000_000 + b"\r\n"
    assert b"Jane Roe" in decrypt((await sealer.encrypt(MAIL, [certificate])).message)
    assert decrypt((await sealer.encrypt(large, [certificate])).message).endswith(b"xx\r\n")


async def test_a_child_encrypts_to_version_6(sealer: Sealer) -> None:
    """CR-01: OCB and X25519 under the child's confinement, and an address that the key is not of is refused."""
    six = Sequoia.make(CipherSuite.Cv25519, Profile.RFC9580)
    sealed = await sealer.encrypt(MAIL, [six.certificate], address="b@example.org")
    assert b"Jane Roe" in Sequoia().open(payload(sealed.message).encode(), six.private)
    with pytest.raises(NoUsableCertificate, match="taken back the user id with this address, or it never had one"):
        await sealer.encrypt(MAIL, [six.certificate], address="c@example.org")


async def test_a_child_signs(sealer: Sealer) -> None:
    """What signing needs works under the child's confinement; a key that cannot sign is an error."""
    signer, to = bytes(make_key(address="openpgp@clinic.example")), [certificate_of(make_key())]
    opened = decrypted((await sealer.encrypt(MAIL, to, signer=signer)).message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert make_key(address="openpgp@clinic.example").pubkey.verify(opened)
    with pytest.raises(SealError, match="our OpenPGP key cannot sign: it was revoked"):
        await sealer.encrypt(MAIL, to, signer=bytes(make_key(is_revoked=True)))


async def test_refusals_come_back_as_errors(sealer: Sealer) -> None:
    """CR-01: the reason travels; the child lives on."""
    with pytest.raises(NoUsableCertificate, match="revoked"):
        await sealer.encrypt(MAIL, [certificate_of(make_key(is_revoked=True))])
    with pytest.raises(SealError, match="malformed"):
        await sealer.encrypt(b"no header\r\n", [certificate_of(make_key())])
    assert decrypt((await sealer.encrypt(MAIL, [certificate_of(make_key())])).message)


async def test_what_is_on_file_may_be_large(sealer: Sealer) -> None:
    """CR-01: old and large keys of one address, more than a request's header takes, hold no mail up."""
    certificate, large = certificate_of(make_key()), [os.urandom(30_000) for _ in range(3)]
    for message in (MAIL, MAIL + b"x" * 2_000_000 + b"\r\n"):
        assert b"Jane Roe" in decrypt((await sealer.encrypt(message, [*large, certificate])).message)
    on_file = {str(number): data for number, data in enumerate(large)}
    (hit,) = await sealer.openpgp_in(certificate, address="b@example.org", on_file=on_file)
    assert hit.certificate == certificate
    with pytest.raises(NoUsableCertificate, match="not an X"):
        await sealer.encrypt_smime(MAIL, [Candidate(data) for data in large], address=ADDRESS, identity=None)
    with pytest.raises(NoAnswer):
        await sealer.ocsp_answer(b"nonsense", certificate=large[0] * 2, issuer=large[1])


async def test_a_killed_child_gives_no_message(sealer: Sealer) -> None:
    """CR-13: the caller hears of it and still has the message; the next try works."""
    certificate = certificate_of(make_key())
    work = asyncio.create_task(sealer.encrypt(MAIL + b"x" * 20_000_000 + b"\r\n", [certificate]))
    await asyncio.sleep(0)  # the task runs up to its first wait
    (pid,) = sealer._pool.pids()
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerError):
        await work
    assert decrypt((await sealer.encrypt(MAIL, [certificate])).message)


async def test_a_child_reads_what_a_look_up_brought(sealer: Sealer) -> None:
    """CR-03: a stranger's octets are read in the child's confinement; nonsense is nothing, and the child lives on."""
    made = make_key()
    (hit,) = await sealer.openpgp_in(certificate_of(made), address="b@example.org")
    assert (hit.fingerprint, hit.is_revoked, hit.expires_at) == (str(made.fingerprint), False, None)
    assert await sealer.openpgp_in(certificate_of(made), address="c@example.org") == ()
    six = Sequoia.make(CipherSuite.Cv25519, Profile.RFC9580)
    (hit,) = await sealer.openpgp_in(six.certificate, address="b@example.org")
    assert (len(hit.fingerprint), hit.certificate) == (64, six.certificate)
    assert await sealer.openpgp_in(os.urandom(100_000), address="b@example.org") == ()
    assert await sealer.smime_in(os.urandom(100_000), address=ADDRESS) == ()
    now = datetime.now(UTC)
    leaf = Authority(number=123, start=now - YEAR, end=now + YEAR).issue(
        make_smime_key("p256", 124), start=now - YEAR, end=now + YEAR
    )
    (certificate,) = await sealer.smime_in(leaf, address=ADDRESS)
    assert certificate.fingerprint == fingerprint(leaf)


async def test_a_child_does_smime(sealer: Sealer) -> None:
    """CR-05, CR-06: what the child needs works under its confinement, the signature too; reasons travel."""
    now = datetime.now(UTC)
    root = Authority(number=120, start=now - YEAR, end=now + YEAR)
    private = make_smime_key("p256", 121)
    leaf = root.issue(private, start=now - YEAR, end=now + YEAR)
    identity = Identity(pem(leaf), key_pem(private))
    sealed = await sealer.encrypt_smime(MAIL, [Candidate(leaf, (root.der,))], address=ADDRESS, identity=identity)
    assert sealed.fingerprints == (fingerprint(leaf),)
    assert b"smime-type=enveloped-data" in sealed.message
    with pytest.raises(NoUsableCertificate, match="its issuer is not trusted"):
        await sealer.encrypt_smime(MAIL, [Candidate(leaf)], address=ADDRESS, identity=None)
    other = Identity(pem(leaf), key_pem(make_smime_key("p256", 122)))
    with pytest.raises(SealError):
        await sealer.encrypt_smime(MAIL, [Candidate(leaf, (root.der,))], address=ADDRESS, identity=other)


class LyingPool(ChildPool):
    """A pool whose child gives the clear text back, in proper form or bare."""

    is_proper = True

    async def call(self, header: bytes, blob: bytes, *, is_fresh: bool = False) -> bytes:
        assert msgspec.msgpack.decode(header)
        return msgspec.msgpack.encode(Done(blob, ("00",))) if self.is_proper else blob


@pytest.mark.parametrize(("is_proper", "why"), [(True, "no ciphertext"), (False, "no proper form")])
async def test_clear_text_never_passes_for_ciphertext(is_proper: bool, why: str) -> None:
    """CR-13: whatever a child does."""
    pool = LyingPool(MODULE, 1, LIMITS, "sealer")
    pool.is_proper = is_proper
    with pytest.raises(SealError, match=why):
        await Sealer(pool).encrypt(MAIL, [b"x"])
    with pytest.raises(SealError, match=why):
        await Sealer(pool).encrypt_smime(MAIL, [], address=ADDRESS, identity=None)


async def test_each_rung_gives_its_own_ciphertext() -> None:
    """CR-13: signed is not encrypted, though its content type begins alike."""
    opaque = MAIL.replace(b"Subject:", b"Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\nSubject:", 1)
    with pytest.raises(SealError, match="no ciphertext"):
        await Sealer(LyingPool(MODULE, 1, LIMITS, "sealer")).encrypt_smime(opaque, [], address=ADDRESS, identity=None)
