"""The rung smime before the first byte: whose word counts for a certificate, and what waits (CR-05, CR-13)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.delivery.outcome import Seen
from gateway.delivery.smime_ring import SmimeRing
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.smime.mail import Candidate
from gateway.store import smime_certificates
from gateway.store.smime_certificates import SmimeCertificate, Trust
from policy.decision import Method
from tests.gateway.delivery.office import BODY, CIPHERTEXT, RECIPIENT, Office
from tests.gateway.delivery.test_courier import attempt, batch
from tests.gateway.protect.smime.authority import Authority, make_key, pem

ROOT = Authority(number=130)
LEAF = ROOT.issue(make_key("p256"), addresses=(RECIPIENT,))
ROW = SmimeCertificate(
    fingerprint="AB" * 32, address=RECIPIENT.lower(), certificate=LEAF, chain=(ROOT.der,), trust=Trust.CHAIN,
    imported_at=datetime.now(UTC), expires_at=datetime.now(UTC),
)  # fmt: skip


async def test_ciphertext_is_what_leaves(office: Office) -> None:
    """Invariant 1: and the fingerprints of what opens it are evidence."""
    await smime_certificates.add(office.store, ROW, events=())
    outcome = await attempt(office, batch(methods=(Method.SMIME,)))
    (job,) = office.transport.jobs
    assert job.data == CIPHERTEXT
    assert outcome.keys
    assert [one.certificate for one in office.sealer.candidates] == [LEAF]


@pytest.mark.parametrize(
    ("trouble", "seen"),
    [(NoUsableCertificate("it expired"), Seen.NO_KEY), (SealError("no"), Seen.DEFERRED)],
    ids=["not fit", "cannot"],
)
async def test_otherwise_nothing_is_sent(office: Office, trouble: Exception, seen: Seen) -> None:
    """CR-05 climbs with the reason; CR-13 waits. The original never leaves on this rung."""
    office.sealer.answer = trouble
    outcome = await attempt(office, batch(methods=(Method.SMIME,)))
    assert (outcome.seen, office.transport.jobs) == (seen, [])
    assert (seen is Seen.NO_KEY) == ("it expired" in outcome.why)
    assert BODY not in outcome.why.encode()


@pytest.mark.parametrize(
    ("row", "candidate"),
    [
        (ROW, Candidate(LEAF, (ROOT.der,))),
        (replace(ROW, chain=(Authority(number=131).der,)), Candidate(LEAF)),
        (replace(ROW, chain=()), Candidate(LEAF)),
        (replace(ROW, trust=Trust.NONE), Candidate(LEAF)),
        (replace(ROW, trust=Trust.PERSON), Candidate(LEAF, is_trusted=True)),
        (replace(ROW, certificate=ROOT.der, chain=()), Candidate(ROOT.der, is_trusted=True)),
        (replace(ROW, certificate=ROOT.der, chain=(), trust=Trust.NONE), Candidate(ROOT.der)),
    ],
    ids=["chain", "foreign anchor", "no chain", "not trusted", "by a person", "an anchor itself", "nor then"],
)
async def test_whose_word_counts(tmp_path: Path, row: SmimeCertificate, candidate: Candidate) -> None:
    """CR-05: a chain counts only where it ends in an anchor of ours, whatever the register says."""
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(ROOT.der))
    assert await SmimeRing(file).candidates([row]) == [candidate]


async def test_the_anchors_are_those_of_the_moment(tmp_path: Path) -> None:
    """CR-05: one that was taken out of `smime.ca_file` counts no more; without the file nothing leaves."""
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(ROOT.der))
    ring = SmimeRing(file)
    assert (await ring.candidates([ROW]))[0].path
    (tmp_path / "new.pem").write_bytes(pem(Authority(number=132).der))
    (tmp_path / "new.pem").replace(file)
    assert (await ring.candidates([ROW])) == [Candidate(LEAF)]
    file.unlink()
    with pytest.raises(SealError, match="cannot be read"):
        await ring.candidates([ROW])
    assert await ring.candidates([]) == []
