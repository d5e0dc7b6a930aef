"""`[discovery]`: where the key of a recipient is looked for who has none on file."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from gateway.config.fields import Duration, Name, Pattern, PositiveDuration, Section, setting
from gateway.config.patterns import matches
from policy.facts import RecipientFacts


class KeySource(StrEnum):
    """Who is asked for an OpenPGP key (`discovery.openpgp`)."""

    WKD = "wkd"
    DNS = "dns"
    VKS = "vks"


class CertificateSource(StrEnum):
    """Who is asked for an S/MIME certificate (`discovery.smime`)."""

    DNS = "dns"


def _each_once(sources: tuple[StrEnum, ...]) -> tuple[StrEnum, ...]:
    if len(set(sources)) < len(sources):
        raise ValueError("names a source twice")
    return sources


class Discovery(Section):
    """Where the key of a recipient is looked for when a message needs it and none is on file, docs/encryption.md."""

    openpgp: Annotated[tuple[KeySource, ...], AfterValidator(_each_once)] = setting(
        [],
        "Asked in this order. wkd: the domain's web key directory. dns: OPENPGPKEY (RFC 7929), needs dns.trust_ad. vks:"
        " the keyserver, which learns who is written to; what it has is not used until a person trusts it.",
        example=["wkd"],
    )
    smime: Annotated[tuple[CertificateSource, ...], AfterValidator(_each_once)] = setting(
        [], "Asked in this order. dns: SMIMEA (RFC 8162), needs dns.trust_ad."
    )
    keyserver: Name = setting("keys.openpgp.org", "Host of the keyserver, asked over HTTPS.")
    allow: tuple[Pattern, ...] = setting([], "Only these domains are asked about; empty: all.")
    deny: tuple[Pattern, ...] = setting([], "These are not; it counts more than allow.", example=["*.clinic.example"])
    deadline: PositiveDuration = setting("20s", "For all look-ups of one recipient together; then the next way.")
    remember: Duration = setting("1d", "How long it is remembered that nothing was found.")

    def may_find(self, found: RecipientFacts) -> RecipientFacts:
        """The facts of a recipient, and whether a key of his is looked for."""
        is_asked = self.asks_about(found.address)
        return replace(
            found,
            may_find_openpgp_key=is_asked and bool(self.openpgp),
            may_find_smime_certificate=is_asked and bool(self.smime),
        )

    def asks_about(self, address: str) -> bool:
        """Whether the domain of an address may be asked about."""
        domain = address.rpartition("@")[2]
        if any(matches(pattern, domain) for pattern in self.deny):
            return False
        return not self.allow or any(matches(pattern, domain) for pattern in self.allow)
