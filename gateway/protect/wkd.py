"""Web key directory: a domain says over HTTPS which OpenPGP key an address has (draft-koch-openpgp-webkey-service).

Asking tells the domain's web host, and whoever watches DNS, that somebody here is about to write to the address. So it
is done when an operator says so, by a command or in `discovery.openpgp`; what comes is the word of a web host, to be
compared with the recipient before it replaces a key that is on file (CR-03).
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

SIZE_LIMIT: Final = 128 * 1024  # octets of an answer; a key that may be used has 32 KiB at most
_LETTERS: Final = "ybndrfg8ejkmcpqxot1uwisza345h769"  # z-base-32, RFC 6189 section 5.1.6


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key may be. target: path and query on the host."""

    host: str
    target: str


def places(address: str) -> tuple[Place, Place]:
    """Where a key of an address may be: by the advanced method, and by the direct one (section 3.1 of the draft).

    address: as `parse_address` gives it; its domain as A-labels.
    """
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    name = z_base_32(hashlib.sha1(_lower(local).encode(), usedforsecurity=False).digest())
    end = f"hu/{name}?l={quote(local, safe='')}"
    return (
        Place(f"openpgpkey.{domain}", f"/.well-known/openpgpkey/{domain}/{end}"),
        Place(domain, f"/.well-known/openpgpkey/{end}"),
    )


class Web(Protocol):
    """What is asked of the web; `tls.web.WebReader` is one."""

    async def exists(self, host: str) -> bool:
        """Whether there may be such a host."""

    async def get(self, host: str, target: str, *, limit: int) -> bytes:
        """The page. Raises: FetchError."""


async def find(web: Web, address: str) -> bytes:
    """What the domain of an address has under it, unread. Raises: FetchError."""
    advanced, direct = places(address)
    # The direct method counts only where the name of the advanced one does not exist (section 3.1).
    place = advanced if await web.exists(advanced.host) else direct
    return await web.get(place.host, place.target, limit=SIZE_LIMIT)


def z_base_32(data: bytes) -> str:
    """Five bits a letter, most significant first. data: a multiple of 5 octets."""
    number = int.from_bytes(data, "big")
    return "".join(_LETTERS[number >> at & 31] for at in range(8 * len(data) - 5, -1, -5))


def _lower(local: str) -> str:
    """ASCII letters only (section 3.1): what else has a small form is another mailbox's name."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in local)
