"""Client certificates: who gets through the handshake, what that opens, and what is recorded of it (SA-10)."""

import base64
import io
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from gateway.intake.client_certificate import Holder, read_holder
from gateway.intake.listeners import Intake
from gateway.intake.server_tls import CertificateError
from tests.gateway.intake.harness import HOST, USER, Server, connected, make_listener, running, write_certificate

pytestmark = pytest.mark.slow


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """Signs the clients' certificates, and nobody else's."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    return made


@pytest.fixture
async def asking(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Server]:
    """Relay listeners that ask for certificates, with and without a list of networks, and one for users."""
    clients = str(tmp_path / "clients.pem")
    more = {
        "by-certificate": make_listener("relay", client_ca=clients),
        "by-both": make_listener("relay", client_ca=clients, trusted_networks=["127.0.0.0/8"]),
        "by-name": make_listener("relay", client_ca=clients, client_names=["Exchange.clinic.example", "scanner 3"]),
        "elsewhere": make_listener("relay", client_ca=clients, trusted_networks=["192.0.2.0/24"]),
        "users": make_listener("submission", client_ca=clients),
    }
    async with running(tmp_path, more=more) as started:
        yield started


def holding(server: Server, certificate: trustme.LeafCert | None) -> ssl.SSLContext:
    """A client's TLS, with a certificate to show."""
    context = server.client_tls()
    if certificate:
        certificate.configure_cert(context)
    return context


async def mail_reply(server: Server, listener: str, certificate: trustme.LeafCert | None) -> bytes:
    """What MAIL is answered under TLS with that certificate; empty when nothing is answered any more."""
    async with connected(server, listener) as wire:
        assert (await wire.ask(b"MAIL FROM:<a@clinic.example>")).startswith(b"530 5.7.0 ")
        await wire.ask(b"EHLO c.example")
        try:
            await wire.start_tls(holding(server, certificate))
            if not await wire.ask(b"EHLO c.example"):
                return b""
            return await wire.ask(b"MAIL FROM:<a@clinic.example>")
        except (ssl.SSLError, ConnectionError):
            return b""


@pytest.mark.parametrize("listener", ["by-certificate", "by-both"])
async def test_peer_with_certificate_is_let_in(
    asking: Server, authority: trustme.CA, listener: str, log_text: io.StringIO
) -> None:
    """SA-10: and its name is in the log and in what the audit log is made from."""
    certificate = authority.issue_cert("exchange.clinic.example")
    async with connected(asking, listener) as wire:
        await wire.ask(b"EHLO c.example")
        await wire.start_tls(holding(asking, certificate))
        await wire.ask(b"EHLO c.example")
        for line in (b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>"):
            assert (await wire.ask(line)).startswith(b"250 ")
        await wire.ask(b"DATA")
        assert (await wire.ask(b"Subject: x\r\n\r\nx\r\n.")).startswith(b"250 ")
    ((envelope, _),) = asking.backend.messages
    assert envelope.client.certificate == "exchange.clinic.example"
    assert "exchange.clinic.example" in log_text.getvalue()


@pytest.mark.parametrize("listener", ["by-certificate", "by-both"])
async def test_no_verb_without_a_good_certificate(asking: Server, authority: trustme.CA, listener: str) -> None:
    """SA-10: none, of another authority, expired: the handshake fails, no SMTP verb is served."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for certificate in (
        None,
        trustme.CA().issue_cert("exchange.clinic.example"),
        asking.ca.issue_cert("exchange.clinic.example"),  # the one that signed the server's
        authority.issue_cert("exchange.clinic.example", not_after=yesterday),
    ):
        assert await mail_reply(asking, listener, certificate) == b""
    assert asking.backend.messages == []


@pytest.mark.parametrize(
    ("names", "common", "is_fine"),
    [
        (["exchange.clinic.example"], None, True),
        (["mx.clinic.example", "exchange.clinic.example"], None, True),
        (["192.0.2.1"], "Scanner 3", True),
        (["other.clinic.example"], None, False),
        (["exchange.clinic.example.evil.example"], None, False),
        (["*.clinic.example"], None, False),
        (["192.0.2.1"], None, False),
    ],
)
async def test_only_listed_names_of_an_authority(
    asking: Server, authority: trustme.CA, names: list[str], common: str | None, is_fine: bool, log_text: io.StringIO
) -> None:
    """SA-10: a certificate of the right authority and of another name: the first reply under TLS is the last."""
    reply = await mail_reply(asking, "by-name", authority.issue_cert(*names, common_name=common))
    assert reply.startswith(b"250 ") is is_fine
    assert ("certificate name not listed" in log_text.getvalue()) is not is_fine


async def test_certificate_does_not_replace_the_network(asking: Server, authority: trustme.CA) -> None:
    """ID-02: with both set, a peer needs both."""
    reply = await mail_reply(asking, "elsewhere", authority.issue_cert("exchange.clinic.example"))
    assert reply.startswith(b"550 5.7.1 ")


async def test_sender_domain_is_checked_all_the_same(asking: Server, authority: trustme.CA) -> None:
    """ID-02: a certificate gives a tenant, not any sender."""
    async with connected(asking, "by-certificate") as wire:
        await wire.ask(b"EHLO c.example")
        await wire.start_tls(holding(asking, authority.issue_cert("exchange.clinic.example")))
        await wire.ask(b"EHLO c.example")
        assert (await wire.ask(b"MAIL FROM:<a@other.example>")).startswith(b"550 5.7.1 ")


async def test_users_need_no_certificate_but_no_bad_one_either(asking: Server, authority: trustme.CA) -> None:
    """SA-10: on a submission listener it is one way to sign in; passwords go on."""
    async with connected(asking, "users") as wire:
        await wire.ask(b"EHLO c.example")
        await wire.start_tls()
        await wire.ask(b"EHLO c.example")
        await wire.log_in()
    assert await mail_reply(asking, "users", trustme.CA().issue_cert("joe@clinic.example")) == b""


async def external(server: Server, certificate: trustme.LeafCert | None, *lines: bytes) -> list[bytes]:
    """EHLO under TLS with that certificate, then these lines. Returns: the replies."""
    async with connected(server, "users") as wire:
        await wire.ask(b"EHLO c.example")
        await wire.start_tls(holding(server, certificate))
        return [await wire.ask(line) for line in (b"EHLO c.example", *lines)]


@pytest.mark.parametrize(
    "auth",
    [
        (b"AUTH EXTERNAL =",),
        (b"AUTH EXTERNAL", b""),
        (b"auth external " + base64.b64encode(USER.upper().encode()),),
        (b"AUTH EXTERNAL", base64.b64encode(USER.encode())),
    ],
)
async def test_user_signs_in_with_a_certificate(asking: Server, authority: trustme.CA, auth: tuple[bytes, ...]) -> None:
    """RFC 4422 appendix A: with or without an identity; and may then send as himself, as nobody else (ID-03)."""
    certificate = authority.issue_cert(USER)
    hello, *challenge, done, good, _, bad = await external(
        asking, certificate, *auth, f"MAIL FROM:<{USER}>".encode(), b"RSET", b"MAIL FROM:<boss@clinic.example>"
    )
    assert b"AUTH EXTERNAL PLAIN LOGIN" in hello
    assert challenge in ([], [b"334 \r\n"])
    assert (done[:3], good[:3], bad[:3]) == (b"235", b"250", b"553")


async def test_identity_of_two(asking: Server, authority: trustme.CA) -> None:
    """A certificate of two addresses says which it means; both in one session would be two people."""
    certificate = authority.issue_cert("desk@clinic.example", USER)
    assert (await external(asking, certificate, b"AUTH EXTERNAL ="))[1].startswith(b"535 5.7.8 ")
    named = await external(asking, certificate, b"AUTH EXTERNAL " + base64.b64encode(USER.encode()))
    assert named[1].startswith(b"235 ")


async def test_external_proves_only_what_the_certificate_says(asking: Server, authority: trustme.CA) -> None:
    """SA-05, SA-07: another identity, an unknown or disabled user, a program's address, no text, no certificate."""
    asking.backend.accounts["scanner@clinic.example"] = replace(
        asking.backend.accounts[USER], login="scanner@clinic.example", is_program=True
    )
    asking.backend.accounts["boss@clinic.example"] = replace(
        asking.backend.accounts[USER], login="boss@clinic.example", senders=frozenset({"boss@clinic.example"})
    )
    mine, other = authority.issue_cert(USER), authority.issue_cert("gone@clinic.example")
    boss = b"AUTH EXTERNAL " + base64.b64encode(b"boss@clinic.example")
    for certificate, line in (
        (mine, boss),
        (mine, b"AUTH EXTERNAL " + base64.b64encode(b"\xff")),
        (other, b"AUTH EXTERNAL ="),
        (authority.issue_cert("scanner@clinic.example"), b"AUTH EXTERNAL ="),
    ):
        assert (await external(asking, certificate, line))[1].startswith(b"535 5.7.8 ")
    for shown in (None, authority.issue_cert("192.0.2.1", common_name=USER)):
        hello, refused = await external(asking, shown, b"AUTH EXTERNAL =")
        assert b"AUTH PLAIN LOGIN" in hello
        assert refused.startswith(b"504 5.5.4 ")


async def test_external_where_nobody_asks_for_certificates(server: Server) -> None:
    """SA-04: not offered, not served."""
    async with connected(server, "submissions") as wire:
        assert b"EXTERNAL" not in await wire.ask(b"EHLO c.example")
        assert (await wire.ask(b"AUTH EXTERNAL =")).startswith(b"504 5.5.4 ")


async def test_authority_is_read_again(asking: Server, tmp_path: Path) -> None:
    """SA-12: new peers are checked against the new file; a bad one keeps the old."""
    other = trustme.CA()
    certificate = other.issue_cert("exchange.clinic.example")
    assert await mail_reply(asking, "by-certificate", certificate) == b""
    (tmp_path / "clients.pem").write_text("garbage", encoding="ascii")
    assert not asking.intake.reload()
    other.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    assert asking.intake.reload()
    assert (await mail_reply(asking, "by-certificate", certificate)).startswith(b"250 ")


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("garbage", "holds no PEM certificate")])
def test_bad_authority_ends_the_start(server: Server, tmp_path: Path, content: str | None, why: str) -> None:
    """Nobody is let in unchecked because a file cannot be read."""
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content, encoding="ascii")
    listener = make_listener("relay", client_ca=str(file))
    tls = write_certificate(trustme.CA(), tmp_path)
    with pytest.raises(CertificateError, match=why):
        Intake([listener], tls, server.services, hostname=HOST, domains=set(), data_dir=tmp_path)


@pytest.mark.parametrize(
    ("names", "common", "holder"),
    [
        (["mx.a.example", "joe@a.example"], "Joe", Holder("mx.a.example", ("joe@a.example",))),
        (["Joe@A.example", "j@a.example"], None, Holder("Joe@A.example", ("joe@a.example", "j@a.example"))),
    ],
)
def test_names_of_a_holder(authority: trustme.CA, names: list[str], common: str | None, holder: Holder) -> None:
    """SA-10: DNS names before addresses; addresses in lower case."""
    leaf = authority.issue_cert(*names, common_name=common)
    assert read_holder(_der(leaf)) == holder


def test_subject_gives_a_name_but_no_address(authority: trustme.CA) -> None:
    """A common name that looks like an address signs nobody in."""
    leaf = authority.issue_cert("192.0.2.1", common_name="joe@clinic.example")
    assert read_holder(_der(leaf)) == Holder("joe@clinic.example", ())


@pytest.mark.parametrize("common", ["line\nbreak", "\N{LATIN SMALL LETTER E WITH ACUTE}", None])
def test_odd_names_become_a_fingerprint(authority: trustme.CA, common: str | None) -> None:
    """SM-12: nothing that could break a log line."""
    holder = read_holder(_der(authority.issue_cert("192.0.2.1", common_name=common)))
    assert holder.name.startswith("sha256:")


def test_unreadable_certificate_has_no_address() -> None:
    """Whatever the library raises for it; its errors have no common base."""
    assert read_holder(b"\x30\x00") == Holder("unreadable", ())
    whole = _der(trustme.CA().issue_cert("joe@clinic.example"))
    of_version_16 = whole.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x0f", 1)
    assert of_version_16 != whole
    assert read_holder(of_version_16) == Holder("unreadable", ())


def _der(leaf: trustme.LeafCert) -> bytes:
    return load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
