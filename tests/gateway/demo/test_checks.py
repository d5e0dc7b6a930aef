"""Each promise notices when it is broken, and only then; a broken one ends the command with status 1."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.demo.checks import judge
from gateway.demo.destination import Arrival
from gateway.demo.letters import LETTERS, Way
from gateway.demo.run import Outcome
from tests.gateway.demo.scene import Scene, as_kept, find, good_scene, sign

pytestmark = pytest.mark.slow  # each looks for every marker in every reading of every arrival

REFERRAL = LETTERS[1]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return good_scene()


def broken(scene: Scene) -> dict[str, tuple[str, ...]]:
    """What broke, by promise."""
    return {promise.text: promise.broken for promise in judge(scene.evidence) if promise.broken}


def test_a_good_run_keeps_every_promise(scene: Scene) -> None:
    assert broken(scene) == {}


def _referral_in_clear(scene: Scene) -> Scene:
    return scene.with_arrival("labs.example", Arrival(("referrals@labs.example",), sign(as_kept(REFERRAL)), ""))


def _referral_unverified(scene: Scene) -> Scene:
    return scene.with_arrival("labs.example", Arrival(("referrals@labs.example",), sign(as_kept(REFERRAL)), "TLSv1.3"))


def _word_in_a_notice(scene: Scene) -> Scene:
    text = b"From: x@clinic.example\r\nSubject: Note\r\n\r\nAbout: Your appointment on Thursday\r\n"
    return scene.with_arrival("clinic.example", Arrival(("frontdesk@clinic.example",), sign(text), "TLSv1.3"))


def _wrong_way(scene: Scene) -> Scene:
    return scene.with_row(replace(find(scene.rows, "referrals@labs.example"), way=Way.UNVERIFIED_TLS))


def _no_ending(scene: Scene) -> Scene:
    return scene.with_row(replace(find(scene.rows, "claims@hospital.example"), way=None, state="delivery.deferred"))


def _not_seen_as_private(scene: Scene) -> Scene:
    return scene.with_row(replace(find(scene.rows, "claims@hospital.example"), is_protected=False))


def _changed(scene: Scene) -> Scene:
    return _instead(scene, "hospital.example", lambda data: sign(as_kept(LETTERS[0]).replace(b"colleague", b"friend")))


def _unsigned(scene: Scene) -> Scene:
    return scene.with_arrival("gp.example", Arrival(("x@gp.example",), b"From: a@clinic.example\r\n\r\nhi\r\n", ""))


def _broken_signature(scene: Scene) -> Scene:
    return _instead(scene, "mailbox.example", lambda data: data.replace(b"private", b"public"))


def _no_ciphertext(scene: Scene) -> Scene:
    return _instead(scene, "gp.example", lambda data: data.replace(b"multipart/encrypted", b"multipart/mixed"))


def _other_text(scene: Scene) -> Scene:
    return replace(scene, picked_up={key: replace(one, text="other") for key, one in scene.picked_up.items()})


def _nobody_came(scene: Scene) -> Scene:
    return replace(scene, picked_up={})


def _instead(scene: Scene, domain: str, change: Callable[[bytes], bytes]) -> Scene:
    first, *others = scene.arrivals[domain]
    changed = Arrival(first.recipients, change(first.content), first.tls)
    return replace(scene, arrivals={**scene.arrivals, domain: [changed, *others]})


def _no_envelope(scene: Scene) -> Scene:
    return _instead(scene, "specialist.example", lambda data: data.replace(b"enveloped-data", b"signed-data"))


def _other_envelope(scene: Scene) -> Scene:
    return _instead(scene, "specialist.example", lambda data: data.replace(b"\r\n\r\nMI", b"\r\n\r\nMJ"))


CLEAR = "No protected text left in clear, nor in any notice"
ENDINGS = "Every recipient got it the safest way that works"
WHOLE = "What arrived is what was sent"
SIGNED = "Everything that left is DKIM-signed, and verifies"
PORTAL = "The portal shows and hands out what was sent"
CIPHERTEXT = "The encrypted copies open with the recipient's key"


@pytest.mark.parametrize(
    ("breaks", "promise", "says"),
    [
        (_referral_in_clear, CLEAR, "Referral letter: its text reached labs.example in clear"),
        (_referral_unverified, CLEAR, "Referral letter: its text reached labs.example over TLSv1.3"),
        (_word_in_a_notice, CLEAR, "Appointment reminder: its text reached clinic.example over TLSv1.3"),
        (_wrong_way, ENDINGS, "to referrals@labs.example: expected portal, PIN, saw TLS, not verified"),
        (_no_ending, ENDINGS, "to claims@hospital.example: expected verified TLS, saw delivery.deferred"),
        (_not_seen_as_private, ENDINGS, "Claim list (CSV) to claims@hospital.example: not protected"),
        (_changed, WHOLE, "Lab result (PDF) to osei@hospital.example: changed on the way"),
        (_unsigned, SIGNED, "a message to gp.example: signed with nothing"),
        (_broken_signature, SIGNED, "a message to mailbox.example: its DKIM signature does not verify"),
        (_no_ciphertext, CIPHERTEXT, "Referral letter to practice@gp.example: it is not encrypted"),
        (_no_envelope, CIPHERTEXT, "Referral letter to heart@specialist.example: it is not encrypted"),
        (_other_envelope, CIPHERTEXT, "Referral letter to heart@specialist.example: it cannot be decrypted"),
        (_other_text, PORTAL, "Referral letter to referrals@labs.example: the portal shows another text"),
        (_nobody_came, PORTAL, "portal, PIN: nobody could pick a message up"),
    ],
)
def test_what_breaks_is_said(scene: Scene, breaks: Callable[[Scene], Scene], promise: str, says: str) -> None:
    found = broken(breaks(scene))
    assert any(says in sentence for sentence in found.get(promise, ())), found


@pytest.mark.parametrize(("breaks", "status"), [(None, 0), (_referral_in_clear, 1)])
def test_a_leak_ends_the_command_with_status_1(
    scene: Scene, breaks: Callable[[Scene], Scene] | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue line 12: plain text of a protected message reaching (b) or (c) makes it exit 1."""
    seen = breaks(scene) if breaks else scene

    @asynccontextmanager
    async def clinic(_tell: object) -> AsyncIterator[None]:
        yield

    async def perform(*_: object) -> Outcome:
        return Outcome(rows=seen.rows, promises=judge(seen.evidence), audit="OK", seconds=1.0)

    monkeypatch.setattr("gateway.cli.demo.open_clinic", clinic)
    monkeypatch.setattr("gateway.cli.demo.perform", perform)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == status, done.output
    assert ("BROKEN" in done.output) is bool(status)
    assert ("its text reached labs.example in clear" in done.output) is bool(status)
