"""A DNS server for a handful of names, over UDP on loopback: what the demonstration and the tests call the internet.

Answers MX, A and TXT from a table, NXDOMAIN for every other name. No recursion, no TCP, no DNSSEC.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL_S: Final = 60
STRING: Final = 255  # octets of one string of a TXT record, RFC 1035 section 3.3


@dataclass(frozen=True, slots=True)
class Zone:
    """mx: domain to host names, in order of preference. a: host name to address. txt: name to text.

    Names without a final dot.
    """

    mx: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    a: Mapping[str, str] = field(default_factory=dict)
    txt: Mapping[str, str] = field(default_factory=dict)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The response to a query with one question."""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if name not in self.mx and name not in self.a and name not in self.txt:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self._records(name, question.rdtype):
            rrset = dns.rrset.from_text_list(question.name, TTL_S, dns.rdataclass.IN, question.rdtype, texts)
            response.answer.append(rrset)
        return response

    def _records(self, name: str, kind: dns.rdatatype.RdataType) -> list[str]:
        if kind == dns.rdatatype.MX:
            return [f"{10 * (place + 1)} {host}." for place, host in enumerate(self.mx.get(name, ()))]
        if kind == dns.rdatatype.A and name in self.a:
            return [self.a[name]]
        if kind == dns.rdatatype.TXT and name in self.txt:
            text = self.txt[name]
            return [" ".join(f'"{text[at : at + STRING]}"' for at in range(0, len(text), STRING))]
        return []


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """What asyncio and uvloop give are no instances of DatagramTransport, but act as one."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if self._transport and len(query.question) == 1:
            self._transport.sendto(self._zone.answer(query).to_wire(), addr)


async def serve_zone(zone: Zone, *, host: str = "127.0.0.1") -> tuple[asyncio.DatagramTransport, int]:
    """Answer for a zone. Returns: the transport, to be closed in the end, and its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answering(zone), local_addr=(host, 0))
    port: int = transport.get_extra_info("sockname")[1]
    return transport, port
