"""What an older copy of a certificate has more, kept when a newer one takes its place: servers leave out user ids (RFC
9580 section 10.1 has the order of packets).
"""

from dataclasses import dataclass, field

from gateway.protect.armour import bodies
from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580.certificate import read_packets
from gateway.protect.rfc9580.fields import PUBLIC_KEY, SIGNATURE, SUBKEY, USER_ID, framed
from gateway.protect.rfc9580.keys import PublicKey, parse_key
from gateway.protect.rfc9580.signatures import parse_signature, user_id_content, verifies


@dataclass(frozen=True, slots=True)
class _Section:
    """A key or user id, and the packets behind it, mostly signatures."""

    kind: int
    body: bytes = field(repr=False)
    rest: list[tuple[int, bytes]] = field(repr=False)


def merge(new: bytes, old: bytes) -> bytes:
    """The new copy with the owner's signatures of the old one that it lacks, and their keys and user ids.

    Nobody else's signatures are taken over. Returns: the new copy octet for octet where it lacks nothing.
    Raises: CertificateError when one cannot be read, or they are not of the same key.
    """
    primary, other = read_packets(new).primary, read_packets(old).primary
    if primary.signed != other.signed:
        raise CertificateError("a copy of another key")
    sections = _sections(new)
    known = {(one.kind, one.body): one for one in sections}
    is_whole = True
    for section in _sections(old):
        mine = known.get((section.kind, section.body))
        there = mine.rest if mine else []
        lacking = [one for one in section.rest if one not in there and _is_own(primary, section, one)]
        if not lacking:
            continue
        is_whole = False
        if mine is None:
            _insert(sections, _Section(section.kind, section.body, lacking))
        else:
            mine.rest.extend(lacking)
    if is_whole:
        return new
    packets = [packet for one in sections for packet in ((one.kind, one.body), *one.rest)]
    return b"".join(framed(kind, body) for kind, body in packets)


def _sections(data: bytes) -> list[_Section]:
    sections: list[_Section] = []
    for kind, body in bodies(data):
        if kind in (PUBLIC_KEY, USER_ID, SUBKEY):
            sections.append(_Section(kind, body, []))
        else:
            sections[-1].rest.append((kind, body))  # `read_packets` found a key at the beginning
    return sections


def _insert(sections: list[_Section], new: _Section) -> None:
    """User ids stand before subkeys."""
    subkeys = [at for at, one in enumerate(sections) if one.kind == SUBKEY]
    sections.insert(subkeys[0] if subkeys and new.kind == USER_ID else len(sections), new)


def _is_own(primary: PublicKey, section: _Section, packet: tuple[int, bytes]) -> bool:
    """Whether the primary key made this signature about what stands before it."""
    kind, body = packet
    signature = parse_signature(body) if kind == SIGNATURE else None
    if signature is None:
        return False
    about = b""
    if section.kind == USER_ID:
        about = user_id_content(section.body)
    elif section.kind == SUBKEY:
        try:
            about = parse_key(section.body).signed
        except CertificateError:
            return False  # nobody could use it
    return verifies(primary, signature, primary.signed + about, is_weak_enough=True)
