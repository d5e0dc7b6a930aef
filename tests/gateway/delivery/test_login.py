"""Signing in at a smart host: how, where, and what happens when it does not let us in."""

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from gateway.config.model import Domain
from gateway.delivery.login import LINE_LIMIT, Login, choose_mechanism
from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.session import ClientSession
from tests.faulty import certificates
from tests.faulty.server import EXTENSIONS, Close, FaultyServer, Raw, Reaction, Script, Stall
from tests.gateway.delivery.conftest import CLEAR, VERIFIED, Net, limits_of
from tls.dane.parse import Tlsa
from tls.levels import TlsLevel
from tls.requirement import Needs

MX1 = "mx1.b.example"
PASSWORD = "correct horse, päss"
FREE = Needs(level=TlsLevel.NONE, is_content_free=True)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def provider(*mechanisms: str, does: dict[str, Reaction] | None = None, tls: ssl.SSLContext | None = None) -> Script:
    words = (f"AUTH {' '.join(mechanisms)}",) if mechanisms else ()
    return Script(tls=tls or certificates.good(MX1), extensions=(*EXTENSIONS, *words), does=does or {})


@dataclass
class Clinic:
    """One that leaves through its provider. password: the file; authority: of client certificates."""

    net: Net
    folder: Path
    password: Path
    authority: trustme.CA

    async def serve(self, *scripts: Script, **keys: object) -> FaultyServer:
        """keys: of [delivery], without `smart_host_`."""
        (server,) = await self.net.serve(list(scripts))
        login = {"login": "clinic", "password_file": str(self.password)}
        own = {f"smart_host_{name}": value for name, value in (keys or login).items()}
        self.net.delivery = {"smart_host": f"{MX1}:{server.port}", "smart_host_attested": True, **own}
        return server

    async def send(self, needs: Needs = CLEAR) -> Outcome:
        return await self.net.send(needs, home="a.example")

    def certificate(self, name: str = "clinic.a.example") -> dict[str, object]:
        leaf = self.authority.issue_cert(name)
        files = {"certificate": self.folder / "client.pem", "private_key": self.folder / "client.key"}
        leaf.private_key_pem.write_to_path(files["private_key"])
        files["certificate"].write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        return {name: str(path) for name, path in files.items()}

    def asking(self) -> ssl.SSLContext:
        """A server's context that lets in only who has a certificate of the authority."""
        context = certificates.good(MX1)
        context.verify_mode = ssl.CERT_REQUIRED
        self.authority.configure_trust(context)
        return context


@pytest.fixture
def clinic(net: Net, tmp_path: Path) -> Clinic:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    net.ca_file = certificates.trust_file(tmp_path)
    return Clinic(net, tmp_path, password, trustme.CA())


def said(server: FaultyServer, verb: str) -> list[str]:
    return [one.line.decode() for one in server.commands if one.line.upper().startswith(verb.encode())]


async def test_plain_over_verified_tls(clinic: Clinic) -> None:
    """RFC 4616: in one command, and the message after it."""
    server = await clinic.serve(provider("LOGIN", "PLAIN"))
    assert (await clinic.send(VERIFIED)).seen is Seen.DELIVERED
    assert said(server, "AUTH") == [f"AUTH PLAIN {b64(chr(0) + 'clinic' + chr(0) + PASSWORD)}"]
    assert {line.split(b" ")[0] for line in server.in_clear()} == {b"EHLO", b"STARTTLS"}
    assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


async def test_login_where_there_is_no_plain(clinic: Clinic) -> None:
    does: dict[str, Reaction] = {
        "AUTH": "334 VXNlcm5hbWU6",
        b64("clinic").upper(): "334 UGFzc3dvcmQ6",
        b64(PASSWORD).upper(): "235 2.7.0 ok",
    }
    server = await clinic.serve(provider("CRAM-MD5", "LOGIN", does=does))
    assert (await clinic.send()).seen is Seen.DELIVERED
    assert said(server, "AUTH") == ["AUTH LOGIN"]


async def test_a_long_response_waits_for_the_challenge(clinic: Clinic) -> None:
    """RFC 4954 section 4: no command line above 512 octets."""
    long = "x" * LINE_LIMIT
    clinic.password.write_text(long)
    response = b64(chr(0) + "clinic" + chr(0) + long)
    server = await clinic.serve(provider("PLAIN", does={"AUTH": "334 ", response.upper(): "235 ok"}))
    assert (await clinic.send()).seen is Seen.DELIVERED
    assert said(server, "AUTH") == ["AUTH PLAIN"]


REFUSALS: dict[str, Reaction] = {
    "535": "535 5.7.8 bad password clinic",
    "534": "534 5.7.9 too weak",
    "454": "454 4.7.0 later",
    "one challenge too many": "334 c3VycHJpc2U=",
    "junk": Raw(b"what\r\n"),
    "closed": Close(),
    "421": ("421 4.3.2 going down", Close()),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("needs", [VERIFIED, CLEAR, FREE])
async def test_who_is_not_let_in_waits(clinic: Clinic, name: str, needs: Needs) -> None:
    """A password that has changed gives no mail back, and nothing is sent without it. The peer's words stay out."""
    does: dict[str, Reaction] = {"AUTH": REFUSALS[name], "*": "501 5.7.0 given up"}
    server = await clinic.serve(provider("PLAIN", does=does))
    outcome = await clinic.send(needs)
    assert outcome.seen is Seen.DEFERRED
    assert "MAIL" not in server.verbs()
    assert "bad password" not in repr(outcome)
    assert bool(clinic.net.alarms) is (name in {"535", "534", "one challenge too many"})


async def test_no_mechanism_is_an_alarm(clinic: Clinic) -> None:
    """An attacker in the middle of TLS there is none; the provider has changed something."""
    server = await clinic.serve(provider("GSSAPI"))
    outcome = await clinic.send()
    assert (outcome.seen, outcome.reply[:9]) == (Seen.DEFERRED, "451 4.7.0")
    assert clinic.net.alarms == ["login"]
    assert "MAIL" not in server.verbs()


BAD_TLS = {
    "none": Script(extensions=(*EXTENSIONS, "AUTH PLAIN LOGIN")),
    "refused": provider("PLAIN", does={"STARTTLS": "454 no"}),
    "wrong name": provider("PLAIN", tls=certificates.good("other.example")),
    "expired": provider("PLAIN", tls=certificates.expired(MX1)),
    "unknown authority": provider("PLAIN", tls=certificates.of_unknown_authority(MX1)),
}


@pytest.mark.parametrize("name", BAD_TLS)
@pytest.mark.parametrize("needs", [VERIFIED, CLEAR, FREE, Needs(level=TlsLevel.ENCRYPTED)])
async def test_no_password_without_verified_tls(clinic: Clinic, name: str, needs: Needs) -> None:
    """The attack: strip STARTTLS, or answer with any certificate, and read the password. Not even for a notice."""
    server = await clinic.serve(BAD_TLS[name])
    outcome = await clinic.send(needs)
    assert outcome.seen is Seen.TLS_UNCERTAIN, "every rung goes by this host, so the mail waits"
    assert said(server, "AUTH") == []
    assert "MAIL" not in server.verbs()


def test_no_session_signs_in_below_verified() -> None:
    """Invariant of the session itself, whoever calls it."""
    for level in (TlsLevel.NONE, TlsLevel.ENCRYPTED):
        with pytest.raises(ValueError, match="proved its name"):
            ClientSession("gw.a.example", level, login=Login(name="clinic", password="x"))


async def test_a_new_password_needs_no_restart(clinic: Clinic) -> None:
    good = f"AUTH PLAIN {b64(chr(0) + 'clinic' + chr(0) + 'new')}"
    server = await clinic.serve(provider("PLAIN", does={"AUTH": "535 5.7.8 no"}), provider("PLAIN"))
    assert (await clinic.send()).seen is Seen.DEFERRED
    clinic.password.write_text("new\r\n")
    assert (await clinic.send()).seen is Seen.DELIVERED
    assert said(server, "AUTH")[1:] == [good]


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", b"\xff\xfe", b"x" * 5000])
async def test_what_is_no_password_is_not_sent(clinic: Clinic, content: bytes | None) -> None:
    server = await clinic.serve(provider("PLAIN"))
    clinic.password.unlink()
    if content is not None:
        clinic.password.write_bytes(content)
    outcome = await clinic.send()
    assert (outcome.seen, outcome.reply[:9]) == (Seen.DEFERRED, "451 4.3.0")
    assert server.connections == 0
    assert clinic.net.alarms == ["login"]


# --- certificates ---


@pytest.mark.slow
@pytest.mark.parametrize("mechanisms", [("EXTERNAL", "PLAIN"), ()])
async def test_certificate_is_shown(clinic: Clinic, mechanisms: tuple[str, ...]) -> None:
    """RFC 4422 appendix A: EXTERNAL where it is offered; elsewhere the handshake has said all."""
    server = await clinic.serve(provider(*mechanisms, tls=clinic.asking()), **clinic.certificate())
    assert (await clinic.send()).seen is Seen.DELIVERED
    assert said(server, "AUTH") == (["AUTH EXTERNAL ="] if mechanisms else [])


@pytest.mark.slow
async def test_renewed_certificate_needs_no_restart(clinic: Clinic) -> None:
    """And one that cannot be read makes mail wait."""
    server = await clinic.serve(provider(tls=clinic.asking()), **clinic.certificate())
    assert (await clinic.send()).seen is Seen.DELIVERED
    await clinic.net.transport.close()
    certificate = clinic.folder / "client.pem"
    certificate.rename(clinic.folder / "old.pem")
    assert (await clinic.send()).reply[:9] == "451 4.3.0"
    clinic.certificate("renewed.a.example")
    os.utime(certificate, ns=(1, 1))
    assert (await clinic.send()).seen is Seen.DELIVERED
    assert server.connections == 2


@pytest.mark.slow
async def test_no_other_host_is_shown_it(clinic: Clinic) -> None:
    """The certificate says who the clinic is: not for every MX to read."""
    server = await clinic.serve(provider(tls=clinic.asking()), **clinic.certificate())
    assert (await clinic.send()).seen is Seen.DELIVERED
    clinic.net._transport = None
    clinic.net.delivery = {"port": server.port}  # the same host, now only an MX
    assert (await clinic.send(VERIFIED)).seen is not Seen.DELIVERED
    assert len(server.messages) == 1


# --- whose ---


def domain_of_clinic(name: str, port: int, password: Path) -> Domain:
    return Domain.model_validate(
        {
            "name": name,
            "smart_host": f"{MX1}:{port}",
            "smart_host_login": name,
            "smart_host_password_file": str(password),
        }
    )


async def test_each_domain_signs_in_as_itself(clinic: Clinic) -> None:
    """Two clinics at one provider never share a session: what one sends would be the other's."""
    server = await clinic.serve(provider("PLAIN"))
    clinic.net.delivery = {}
    clinic.net.domains = tuple(
        domain_of_clinic(name, server.port, clinic.password) for name in ("a.example", "c.example")
    )
    for home in ("a.example", "c.example", "a.example", "c.example"):
        assert (await clinic.net.send(CLEAR, mail_from="", home=home)).seen is Seen.DELIVERED
    assert server.connections == 2
    names = [base64.b64decode(line.split()[-1]).split(b"\0")[1] for line in said(server, "AUTH")]
    assert names == [b"a.example", b"c.example"]
    assert [message.connection for message in server.messages] == [1, 2, 1, 2]


async def test_stalled_auth_frees_its_slot(clinic: Clinic) -> None:
    """OB-07: also while signing in."""
    clinic.net.limits = limits_of(0.2)
    await clinic.serve(provider("PLAIN", does={"AUTH": Stall()}))
    outcome = await clinic.send()
    assert outcome.seen is Seen.DEFERRED
    assert "while waiting for the reply to AUTH" in outcome.reply


@pytest.mark.parametrize(
    ("login", "offered", "chosen"),
    [
        (Login(name="a", password="b"), "LOGIN PLAIN", "PLAIN"),
        (Login(name="a", password="b"), "login", "LOGIN"),
        (Login(name="a", password="b"), "EXTERNAL", ""),
        (Login(name="a", password="b", has_certificate=True), "EXTERNAL", "EXTERNAL"),
        (Login(name="a", password="b", has_certificate=True), "EXTERNAL PLAIN", "PLAIN"),
        (Login(has_certificate=True), "PLAIN EXTERNAL", "EXTERNAL"),
        (Login(has_certificate=True), "PLAIN", ""),
    ],
)
def test_mechanism(login: Login, offered: str, chosen: str) -> None:
    assert choose_mechanism(login, {"AUTH": offered}) == chosen


def test_password_stays_out_of_repr() -> None:
    """KY-01."""
    assert PASSWORD not in repr(Login(name="clinic", password=PASSWORD))


async def test_no_password_past_dane_for_a_notice_either(clinic: Clinic) -> None:
    """TL-21: a content-free notice may go past what is published, the password that goes along may not."""
    server = await clinic.serve(provider("PLAIN"))
    clinic.net.publish_tlsa(1, Tlsa(3, 1, 1, bytes(32)))
    assert (await clinic.send(FREE)).seen is Seen.TLS_MISMATCH
    assert (said(server, "AUTH"), server.messages) == ([], [])
