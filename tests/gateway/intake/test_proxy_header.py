"""The PROXY protocol: the reader by itself, then the running server behind a trusted proxy, and behind another."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.limits import Deadlines
from gateway.intake.proxy_header import V2, HeaderReader, Origin, ProxyHeaderError
from tests.gateway.intake.harness import HOST, Server, connected, make_listener, running

V1_HEADER = b"PROXY TCP4 192.0.2.7 10.0.0.2 40000 25\r\n"


def v2(command: int, family: int, block: bytes) -> bytes:
    return V2 + bytes([command, family]) + len(block).to_bytes(2) + block


def tcp(source: str, port: int, more: bytes = b"") -> bytes:
    """A version 2 header. more: type-length-values."""
    address = ip_address(source)
    block = address.packed * 2 + port.to_bytes(2) + (25).to_bytes(2) + more
    return v2(0x21, 0x11 if address.version == 4 else 0x21, block)


def read(data: bytes, step: int = 1 << 20) -> tuple[Origin | None, bytes]:
    """Feed what is asked for, at most `step` octets at a time. Returns: the origin, and what was left untouched."""
    reader = HeaderReader()
    while data:
        size = min(reader.need, step)
        origin = reader.feed(data[:size])
        data = data[size:]
        if origin:
            return origin, data
    return None, data


GOOD = [
    (V1_HEADER, Origin("192.0.2.7", 40000)),
    (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Origin("0.0.0.0", 0)),  # noqa: S104 - read, not bound to
    (b"PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 65535 25\r\n", Origin("2001:db8::7", 65535)),
    (b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
     Origin(":".join(["ffff"] * 8), 65535)),
    (tcp("192.0.2.7", 40000), Origin("192.0.2.7", 40000)),
    (tcp("2001:db8::7", 1), Origin("2001:db8::7", 1)),
    (tcp("192.0.2.7", 40000, b"\x04\x01\0" + bytes(256)), Origin("192.0.2.7", 40000)),
    (v2(0x20, 0x00, b""), Origin("", 0)),
    (v2(0x20, 0x11, bytes(12)), Origin("", 0)),
]  # fmt: skip


@pytest.mark.parametrize(("header", "origin"), GOOD)
@pytest.mark.parametrize("rest", [b"", b"EHLO c.example\r\n", b"\x16\x03\x01" + bytes(300)])
def test_headers(header: bytes, origin: Origin, rest: bytes) -> None:
    """SA-11: whole or byte by byte, the same origin; not one octet of what follows is asked for."""
    assert read(header + rest) == read(header + rest, 1) == (origin, rest)


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO c.example\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(64),
        b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN\r\nEHLO c.example\r\n", b"PROXY UNKNOWN ffff::1 ffff::1 1 1\r\n",
        b"PROXY UDP4 192.0.2.7 10.0.0.2 40000 25\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.2 65536 25\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.2 040000 25\r\n", b"PROXY TCP4 192.0.2.07 10.0.0.2 40000 25\r\n",
        b"PROXY TCP4 192.0.2.777 10.0.0.2 40000 25\r\n", b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.2 40000 25      \r\n", b"PROXY  TCP4 192.0.2.7 10.0.0.2 40000 25\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.2 40000 25 \r\n", b"PROXY TCP4 192.0.2.7 10.0.0.2 40000\r\n          ",
        b"PROXY TCP4 192.0.2.7 10.0.0.2 -1 25            \r\n", b"PROXY TCP4 localhost 10.0.0.2 40000 25\r\n",
        b"PROXY TCP4 " + b"1" * 200, V1_HEADER.replace(b"\r", b" ") + bytes(100),
        v2(0x11, 0x11, bytes(12)), v2(0x22, 0x11, bytes(12)), v2(0x21, 0x00, b""), v2(0x21, 0x31, bytes(216)),
        v2(0x21, 0x12, bytes(12)), v2(0x21, 0x11, bytes(11)), v2(0x21, 0x21, bytes(35)), v2(0x21, 0x11, bytes(2049)),
        V2[:-1] + b"\r" + bytes(20),
    ],
)  # fmt: skip
def test_bad_headers(header: bytes) -> None:
    """SA-11: what is no header of a client's TCP address is refused, whole or byte by byte."""
    for step in (1 << 20, 1):
        with pytest.raises(ProxyHeaderError):
            read(header, step)


def test_a_line_that_ends_too_soon_is_refused_at_once() -> None:
    """SA-11: nothing more is waited for, whole as octet by octet."""
    header = b"PROXY TCP4 \r\n0.0.0.0 0."
    for step in (1 << 20, 7, 1):
        with pytest.raises(ProxyHeaderError):
            read(header, step)


@given(st.one_of(st.binary(max_size=200), st.sampled_from([head for head, _ in GOOD]).flatmap(
    lambda head: st.integers(0, len(head) - 1).map(lambda at: head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :])
)))  # fmt: skip
def test_any_bytes(data: bytes) -> None:
    """An origin, more to read, or ProxyHeaderError; never anything else, and the same in any pieces."""
    results: list[object] = []
    for step in (1 << 20, 7, 1):
        try:
            results.append(read(data, step))
        except ProxyHeaderError:
            results.append("refused")
    assert results[0] == results[1] == results[2]


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Server]:
    """Listeners behind a proxy: on loopback, which is trusted, or elsewhere."""
    own = {"proxy_protocol": True, "trusted_proxies": ["127.0.0.0/8"]}
    elsewhere = own | {"trusted_proxies": ["192.0.2.0/24"]}
    relay = {"trusted_networks": ["192.0.2.0/24"], "require_tls": False}
    more = {
        "relay-behind": make_listener("relay", **own, **relay, limits={"connections_per_address": 2}),
        "submissions-behind": make_listener("submissions", **own),
        "relay-untrusted": make_listener("relay", **elsewhere, trusted_networks=["127.0.0.0/8"], require_tls=False),
    }
    async with running(tmp_path, more=more, deadlines=Deadlines(quiet_s=0.05, proxy_s=0.1)) as started:
        yield started


@pytest.mark.parametrize("header", [V1_HEADER, tcp("192.0.2.7", 40000), tcp("::ffff:192.0.2.7", 40000)])
async def test_the_real_client_counts(behind: Server, header: bytes) -> None:
    """SA-11, ID-02: trusted_networks, the envelope and what follows from it see the client's address."""
    async with connected(behind, "relay-behind", greet=False) as wire:
        for octet in header:
            await wire.send(bytes([octet]))
        assert (await wire.reply()).startswith(b"220 ")
        for line in (b"EHLO c.example", b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>"):
            assert (await wire.ask(line)).startswith(b"250")
        await wire.ask(b"DATA")
        assert (await wire.ask(b"Subject: x\r\n\r\nx\r\n.")).startswith(b"250 ")
    ((envelope, _),) = behind.backend.messages
    assert (envelope.client.ip, envelope.client.port) == ("192.0.2.7", 40000)


@pytest.mark.parametrize("header", [tcp("198.51.100.1", 1), v2(0x20, 0, b"")])
async def test_others_do_not_relay(behind: Server, header: bytes) -> None:
    """ID-02: a client that is not in trusted_networks, and the proxy for itself (LOCAL) which is not either."""
    async with connected(behind, "relay-behind", greet=False) as wire:
        await wire.send(header)
        assert (await wire.reply()).startswith(b"220 ")
        await wire.ask(b"EHLO c.example")
        assert (await wire.ask(b"MAIL FROM:<a@clinic.example>")).startswith(b"550 5.7.1 ")


async def test_header_from_an_untrusted_peer_closes(behind: Server) -> None:
    """SA-11: nothing is read or said; also where the header tells an address that may relay."""
    async with connected(behind, "relay-untrusted", greet=False) as wire:
        with contextlib.suppress(ConnectionError):  # closed already
            await wire.send(b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 25\r\n")
        assert await wire.reply() == b""


@pytest.mark.parametrize("listener", ["relay", "submission"])
@pytest.mark.parametrize("header", [V1_HEADER, tcp("192.0.2.7", 1)])
async def test_header_where_none_is_expected_closes(server: Server, listener: str, header: bytes) -> None:
    """SA-11: a listener without proxy_protocol believes nobody."""
    async with connected(server, listener) as wire:
        await wire.send(header)
        while (reply := await wire.reply()).startswith((b"500 ", b"501 ")):  # version 2 begins with two odd lines
            continue
        assert reply.startswith(b"554 ")
        assert await wire.reply() == b""


@pytest.mark.parametrize("talk", [b"", b"PROXY TCP4 192", b"EHLO c.example\r\n", b"PROXY UNKNOWN\r\n       ", V2])
async def test_no_header_no_session(behind: Server, talk: bytes) -> None:
    """SA-11: silence, half a header and anything else ends by the deadline; the banner is not sent before."""
    async with connected(behind, "relay-behind", greet=False) as wire:
        await wire.send(talk)
        assert await wire.reply() == b""


@pytest.mark.parametrize("header", [V1_HEADER, tcp("192.0.2.7", 40000, bytes(100))])
async def test_header_and_client_hello_in_one_segment(behind: Server, header: bytes) -> None:
    """SA-11: the handshake does not hang on implicit TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = behind.client_tls().wrap_bio(incoming, outgoing, server_hostname=HOST)
    reader, writer = await asyncio.open_connection("127.0.0.1", behind.ports["submissions-behind"])
    sent = header
    banner = b""
    while not banner:
        try:
            tls.do_handshake()
            banner = tls.read(100)
        except ssl.SSLWantReadError:
            writer.write(sent + outgoing.read())
            sent = b""
            received = await asyncio.wait_for(reader.read(65536), 5)
            assert received, "closed during the handshake"
            incoming.write(received)
    assert banner.startswith(b"220 ")
    writer.close()
    await writer.wait_closed()


async def test_talk_behind_the_header_is_still_too_early(behind: Server) -> None:
    """SM-09: a proxy's header is no leave to talk before the banner."""
    async with connected(behind, "relay-behind", greet=False) as wire:
        await wire.send(V1_HEADER + b"EHLO c.example\r\n")
        assert (await wire.reply()).startswith(b"554 5.5.0 ")


async def test_limits_count_clients_not_the_proxy(behind: Server) -> None:
    """RX-01: two sessions for each client; the proxy has as many as there are clients."""
    async with (
        connected(behind, "relay-behind", greet=False) as one,
        connected(behind, "relay-behind", greet=False) as two,
        connected(behind, "relay-behind", greet=False) as three,
        connected(behind, "relay-behind", greet=False) as other,
    ):
        for wire in (one, two):
            await wire.send(V1_HEADER)
            assert (await wire.reply()).startswith(b"220 ")
        await three.send(V1_HEADER)
        assert (await three.reply()).startswith(b"421 4.7.0 ")
        await other.send(tcp("192.0.2.8", 1))
        assert (await other.reply()).startswith(b"220 ")
