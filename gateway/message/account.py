"""Who has signed in, and what that allows: a person, or a program with a credential. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from gateway.message.address import AddressError, domain_of, parse_address

ANY_OF: Final = "*@"  # `*@clinic.example`: every address of that domain, and of no other
NULL_PATH: Final = "<>"  # the null reverse path: bounces of a mail server that signs in (ID-07)
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")  # of a credential; no @, so never an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a login may send within an hour; None leaves it to the configuration. phi: protected messages."""

    messages: int | None = None
    recipients: int | None = None
    phi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One login as the registers have it.

    login: a person's address, or the name of a credential; lower case. key: the stored hash; another key means that
    sessions begun with the old one are over. senders: addresses in lower case, `*@domain` and `<>`; a person's own
    address is among them. role: of a person, as rules ask for it. networks: where it may sign in from, anywhere when
    empty.
    """

    login: str
    is_program: bool
    key: str = field(repr=False)
    senders: frozenset[str]
    role: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires_at: datetime | None = None
    allowance: Allowance = field(default_factory=Allowance)

    def answers_to(self, user: str) -> bool:
        """Whether a user name means this account: its login, or for clients that want an address, one it sends as."""
        name = user.lower()
        is_address = "@" in name and not name.startswith(ANY_OF)
        return name == self.login or (self.is_program and is_address and name in self.senders)

    def refusal(self, ip: str, now: datetime) -> str:
        """Why it may not be used from there or by now: `network` or `expired`; empty when it may."""
        address = ip_address(ip)
        if self.networks and not any(address in network for network in self.networks):
            return "network"
        return "expired" if self.expires_at is not None and self.expires_at <= now else ""


def may_send_as(address: str, senders: Collection[str]) -> bool:
    """Whether a parsed address is one of an account's senders; the empty one is the null reverse path."""
    name = address.lower() or NULL_PATH
    return name in senders or (bool(address) and ANY_OF + domain_of(name) in senders)


def parse_sender(text: str, domains: Collection[str]) -> str:
    """Read what `--sender` gives: an address or `*@domain` within our domains, or `<>`.

    domains: those we send for, lower case. Returns: it in lower case. Raises: AddressError.
    """
    if text == NULL_PATH:
        return text
    is_pattern = text.startswith(ANY_OF)
    address = parse_address(f"any{text[1:]}" if is_pattern else text).lower()
    if domain_of(address) not in domains:
        raise AddressError("mail from this domain is not sent from here")
    return ANY_OF + domain_of(address) if is_pattern else address
