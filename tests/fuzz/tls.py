"""What DNS, policy hosts and clients' certificates say about TLS."""

import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from gateway.intake.client_certificate import NAME, read_holder
from gateway.message.address import parse_address
from tests.fuzz.target import Target, pieces, split_choice
from tls.dane.parse import SELECTORS, SMTP_USAGES, Matching, Selector, Tlsa, Usage, parse_tlsa, select_usable
from tls.dane.verify import Dane, DaneState, match_chain
from tls.errors import RptSyntaxError, StsSyntaxError, TlsaSyntaxError
from tls.mta_sts import parse as mta_sts
from tls.tlsrpt import parse as tlsrpt

HOST: Final = re.compile(r"(?:\*\.)?[a-z0-9_.-]{1,255}")


def sts(data: bytes) -> None:
    """TL-14: StsSyntaxError, or a policy that its own text gives again, with hosts unless its mode is none; and of a
    TXT record StsSyntaxError, no record, or a plain id.
    """
    try:
        policy = mta_sts.parse_policy(data)
    except StsSyntaxError:
        pass
    else:
        assert mta_sts.parse_policy(policy.text.encode()) == policy
        assert 0 <= policy.max_age_s <= mta_sts.MAX_AGE_LIMIT_S
        assert policy.mx or policy.mode is mta_sts.Mode.NONE
        assert all(HOST.fullmatch(host) for host in policy.mx)
    try:
        found = mta_sts.parse_record(tuple(data.split(b"\n")))
    except StsSyntaxError:
        return
    assert found is None or re.fullmatch(r"[A-Za-z0-9]{1,32}", found)


def rpt(data: bytes) -> None:
    """RptSyntaxError, no record, or a few addresses without a blank or control character that could become a header."""
    try:
        found = tlsrpt.parse_record(tuple(data.split(b"\n")))
    except RptSyntaxError:
        return
    for rua in found or ():
        assert re.fullmatch(r"[!-~]+", rua.target)
        assert rua.via is not tlsrpt.Via.MAIL or tlsrpt.MAILBOX.fullmatch(rua.target)
        assert rua.via is not tlsrpt.Via.HTTPS or rua.target.lower().startswith("https://")
    assert len(set(found or ())) == len(found or ()) <= tlsrpt.RUA_LIMIT


def tlsa(data: bytes) -> None:
    """TL-20, TL-22: of any records only those are used that SMTP knows, in the order they came, each once, and with
    data of the right length; each one reads back from its own octets.
    """
    rdatas = [*pieces(data, 35), data]
    with no_warnings():
        usable = select_usable(rdatas)
    assert len(usable) == len(set(usable))
    for record in usable:
        assert record.usage in SMTP_USAGES
        assert record.selector in SELECTORS
        assert record.matching == Matching.FULL or len(record.data) in {32, 64}
        assert bytes((record.usage, record.selector, record.matching)) + record.data in rdatas
    try:
        read = parse_tlsa(data)
    except TlsaSyntaxError:
        assert len(data) < 4
    else:
        assert bytes((read.usage, read.selector, read.matching)) + read.data == data


def certificate(data: bytes) -> None:
    """A client certificate always has a name that may stand in a log, and addresses of our own grammar, lower case."""
    with no_warnings():
        holder = read_holder(data)
    assert NAME.fullmatch(holder.name)
    assert all(parse_address(address).lower() == address for address in holder.addresses)
    assert all(name == name.lower() for name in holder.names)


def chain(data: bytes) -> None:
    """TL-20, TL-21: whatever certificates a server sends, one of the records matches or none does, and never one for
    another certificate; usage 2 takes the server's own for an anchor only where the record holds it whole.
    """
    choice, der = split_choice(data)
    usage, selector = Usage(2 + (choice & 1)), Selector(choice >> 1 & 1)
    own = Tlsa(usage, selector, Matching.SHA2_256, hashlib.sha256(der).digest())
    whole, other = Tlsa(usage, selector, Matching.FULL, der), Tlsa(usage, 0, Matching.SHA2_256, bytes(32))
    dane = Dane(state=DaneState.USABLE, names=("mx.b.example",), records=(other, own, whole))
    with no_warnings():
        found = match_chain(dane, (der, ANCHOR) if choice & 4 else (der,), now=NOW)
        key_only = match_chain(replace(dane, records=(Tlsa(2, 1, Matching.FULL, KEY),)), (der,), now=NOW)
    assert found is not other
    assert found is None or usage is Usage.DANE_EE or found is whole
    assert found is not None or usage is Usage.DANE_TA or selector is Selector.SPKI
    assert key_only is None or key_only.usage == Usage.DANE_TA


@contextmanager
def no_warnings() -> Iterator[None]:
    """The library says of some faults that a later release will not take them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def make_certificate(*names: x509.GeneralName, common: str, end: int = 2036) -> bytes:
    """The same octets each time: Ed25519 signs without chance."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(end, 12, 31, tzinfo=UTC)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, None).public_bytes(Encoding.DER)


NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
ANCHOR: Final = make_certificate(common="CA")
KEY: Final = (
    ec.derive_private_key(1, ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
POLICY: Final = b"version: STSv1\nmode: enforce\nmx: mx1.b.example\nmx: *.b.example\nmax_age: 604800\n"
TARGETS: Final[Mapping[str, Target]] = {
    "sts": Target(
        run=sts,
        words=(
            b"version: STSv1\n",
            b"mode: ",
            b"enforce",
            b"none",
            b"mx: *.",
            b"max_age: ",
            b"v=STSv1;",
            b"id=",
            b"\r\n",
        ),
        seeds=(POLICY, POLICY.replace(b"\n", b"\r\n"), b"v=STSv1; id=20260101T000000;", b"x\nv=STSv1; a=b; id=1"),
    ),
    "rpt": Target(
        run=rpt,
        words=(b"v=TLSRPTv1;", b"rua=", b"mailto:", b"https://", b",", b"%20", b"%0d%0a", b"@", b"?to=", b":0", b"["),
        seeds=(
            b"v=TLSRPTv1; rua=mailto:tls@b.example,https://b.example/v1?x=1",
            b"v=TLSRPTv1;rua=mailto:a%2Bb@b.example;",
        ),
    ),
    "tlsa": Target(
        run=tlsa,
        words=(b"\3\1\1", b"\2\0\1", b"\3\1\2", b"\3\0\0", bytes(32)),
        seeds=(
            b"\3\1\1" + bytes(32),
            b"\3\1\1" + bytes(range(32)) + b"\2\0\1" + bytes(32),
            b"\3\1\2" + bytes(64),
            b"\3\0\0" + make_certificate(common="mx.b.example"),
        ),
    ),
    "chain": Target(
        run=chain,
        words=(b"\x30\x82", b"\x06\x03\x55\x1d\x11", b"\x82\x0b", b"\x18\x0f99991231235959Z", b"\xa0\x03\x02\x01\x02"),
        seeds=tuple(
            bytes([choice]) + make_certificate(x509.DNSName("mx.b.example"), common="mx", end=end)
            for choice, end in ((0, 2036), (1, 2036), (3, 9999), (4, 2036), (7, 2036))
        ),
    ),
    "certificate": Target(
        run=certificate,
        words=(b"\x30\x82", b"\x06\x03\x55\x1d\x11", b"\x81\x0d", b"\x82\x0b", b"\x0c\x01", b"\xff\xff"),
        seeds=(
            make_certificate(common="Joe"),
            make_certificate(x509.RFC822Name("joe@clinic.example"), x509.DNSName("ehr.clinic.example"), common="EHR"),
            make_certificate(x509.RFC822Name("J.Oe+x@clinic.example"), common="\u00f6"),
        ),
    ),
}
