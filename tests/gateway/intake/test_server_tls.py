"""TLS of the running server: what is negotiated, how long it may take, and certificates that change."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.intake.limits import Deadlines
from tests.gateway.intake.harness import (
    HOST,
    Server,
    connected,
    running,
    write_certificate,
)


@pytest.mark.slow
@pytest.mark.parametrize("listener", ["submission", "submissions"])
async def test_unfinished_handshake(tmp_path: Path, listener: str) -> None:
    """SA-08: who never finishes the handshake is closed by its deadline, and counted until then."""
    async with running(tmp_path, deadlines=Deadlines(handshake_s=0.2)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[listener])
        if listener == "submission":
            await reader.readline()
            writer.write(b"STARTTLS_\r\n")
            await reader.readline()
            writer.write(b"EHLO c.example\r\n")
            while not (await reader.readline()).startswith(b"250 "):
                pass
            writer.write(b"STARTTLS\r\n")
            await reader.readline()
        writer.write(b"\x16\x03\x01\x02\x00")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"])
async def test_weak_ciphers(server: Server, ciphers: str) -> None:
    """SA-09: TLS 1.2 only with AEAD. RSA key exchange needs an RSA certificate: sslyze looks for it in tests/e2e."""
    context = server.client_tls()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", server.ports["submissions"], ssl=context, server_hostname=HOST)


async def test_tls_1_2_with_aead(server: Server) -> None:
    """SA-09: what clients of a few years ago speak works."""
    context = server.client_tls()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.ports["submissions"], ssl=context, server_hostname=HOST
    )
    assert (await reader.readline()).startswith(b"220 ")
    writer.close()
    await writer.wait_closed()


async def test_tls_1_1_hello(server: Server) -> None:
    """SA-09: a ClientHello of TLS 1.1, which OpenSSL would take if it were let, gets no handshake message (22) back."""
    extensions = b"\0\x0a\0\x04\0\x02\0\x17" + b"\0\x0b\0\x02\x01\0"  # P-256, uncompressed points: RFC 8422 section 5.1
    offered = b"\0\x04\xc0\x13\xc0\x09" + b"\x01\0" + len(extensions).to_bytes(2) + extensions
    body = b"\x03\x02" + bytes(32) + b"\0" + offered
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["submissions"])
    writer.write(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)
    assert await asyncio.wait_for(reader.read(1), 5) != b"\x16"
    writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_session_tickets(server: Server, version: ssl.TLSVersion) -> None:
    """SA-09: no key outlives a session that would open it later (RFC 9325 section 3.4)."""
    context = server.client_tls()
    context.maximum_version = version
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.ports["submissions"], ssl=context, server_hostname=HOST
    )
    assert (await reader.readline()).startswith(b"220 ")  # tickets of TLS 1.3 come before it
    session = writer.get_extra_info("ssl_object").session
    assert session is None or not session.has_ticket
    writer.close()
    await writer.wait_closed()


async def test_certificate_reload(tmp_path: Path) -> None:
    """SA-12: new sessions get the new certificate; a bad file keeps the old one."""
    async with running(tmp_path) as server:
        assert await _peer_certificate(server) == await _peer_certificate(server)
        before = await _peer_certificate(server)
        write_certificate(server.ca, tmp_path)
        assert server.intake.reload()
        after = await _peer_certificate(server)
        assert after != before
        (tmp_path / "key.pem").write_text("garbage", encoding="ascii")
        assert not server.intake.reload()
        assert await _peer_certificate(server) == after


async def _peer_certificate(server: Server) -> bytes:
    async with connected(server, "submissions") as wire:
        found: bytes = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found
