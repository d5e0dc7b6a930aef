"""gateway.protect.dkim, with dkimpy as the verifier."""

import base64
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.message.fields import split_message
from gateway.protect.dkim import Signer, self_test
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.errors import DkimKeyError, SignError

RSA_PEM = generate_key("rsa")
KEYS = (
    DkimKey.load("clinic.example", "r", RSA_PEM),
    DkimKey.load("clinic.example", "e", generate_key("ed25519")),
)
NOW = 1_795_492_353
HEADER = b"From: Joe <joe@clinic.example>\r\nTo: b@example.org\r\nSubject: s\r\nDate: d\r\nContent-Type: text/plain\r\n"

AWKWARD = {
    "plain": HEADER + b"\r\nHello\r\n",
    "8-bit": HEADER + b"\r\n\xff\xc3\xbc\r\n",
    "long lines": HEADER + b"\r\n" + b"x" * 20_000 + b"\r\n",
    "trailing blanks": HEADER + b"\r\nHello \t \r\n \t\r\n\r\n\r\n",
    "empty body": HEADER + b"\r\n",
    "body of line ends": HEADER + b"\r\n\r\n\r\n",
    "no body at all": HEADER,
    "no final CRLF": HEADER + b"\r\nHello",
    "folded header": HEADER + b"References: <1@x>\r\n\t<2@x>   \r\n \t <3@x>\r\nIn-Reply-To:\r\n <1@x>\r\n\r\nHi\r\n",
    "empty fields": HEADER + b"Cc:\r\nReply-To: \r\n\r\nHi\r\n",
    "repeated fields": HEADER + b"To: c@example.org\r\nCc: 1@x\r\nCc: 2@x\r\n\r\nHi\r\n",
    "8-bit header": HEADER + "Sender: Zoë <z@x>\r\n\r\nHi\r\n".encode(),
    "another's signature": b"DKIM-Signature: v=1; a=x; b=zzz\r\n" + HEADER + b"\r\nHi\r\n",
    "over a slice": HEADER + b"\r\n" + b"a \t b\r\n" * 40_000,
}


def records(keys: tuple[DkimKey, ...] = KEYS) -> Callable[..., bytes]:
    table = {f"{key.selector}._domainkey.{key.domain}.".encode(): key.dns_record().encode() for key in keys}
    return lambda name, **_options: table[name]


def verifies(data: bytes, index: int = 0) -> bool:
    result: bool = dkim.DKIM(data).verify(idx=index, dnsfunc=records())
    return result


@pytest.mark.parametrize("name", AWKWARD)
def test_dkimpy_verifies(name: str) -> None:
    """CR-09, CR-12: both signatures, over messages that trip canonicalisers up."""
    signed = Signer(KEYS).sign(AWKWARD[name], now=NOW)
    assert signed.endswith(AWKWARD[name])
    assert [verifies(signed, index) for index in (0, 1)] == [True, True]


async def test_async_signs_the_same() -> None:
    """PKCS #1 v1.5 and Ed25519 are deterministic, so both ways give the same octets."""
    message = AWKWARD["over a slice"]
    assert await Signer(KEYS).sign_async(message, now=NOW) == Signer(KEYS).sign(message, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"Hello", b"Hallo"),
        lambda data: data + b"more\r\n",
        lambda data: data.replace(b"Subject: s", b"Subject: t"),
        lambda data: b"Subject: added\r\n" + data,
        lambda data: b"From: boss@clinic.example\r\n" + data,
        lambda data: b"Content-Type: text/html\r\n" + data,
        lambda data: b"Cc: added@example.org\r\n" + data,
    ],
)
def test_changes_show(change: Callable[[bytes], bytes]) -> None:
    """CR-10: no l=, and no field that a reader sees can be added."""
    signed = change(Signer(KEYS).sign(AWKWARD["plain"], now=NOW))
    for index in (0, 1):
        try:
            assert not verifies(signed, index)
        except dkim.DKIMException:
            continue


def test_form_of_the_field() -> None:
    """RFC 6376 3.5: tags; every line short."""
    (field,) = split_message(Signer(KEYS[:1]).sign(AWKWARD["plain"], now=NOW)).all("dkim-signature")
    tags = dict(tag.strip().split("=", 1) for tag in field.text.split(";"))
    assert list(tags) == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]
    assert (tags["a"], tags["c"], tags["d"], tags["s"]) == ("rsa-sha256", "relaxed/relaxed", "clinic.example", "r")
    assert tags["t"] == str(NOW)
    names = [name.strip() for name in tags["h"].split(":")]
    assert {name: names.count(name) for name in ("from", "to", "subject", "date", "content-type", "cc")} == {
        "from": 2,
        "to": 2,
        "subject": 2,
        "date": 2,
        "content-type": 2,
        "cc": 1,
    }
    assert all(len(line) <= 78 for line in field.raw.split(b"\r\n"))


NEVER = [
    (b"From: a@clinic.example\r\nFrom: b@clinic.example\r\n\r\n", "exactly one"),
    (b"To: a@clinic.example\r\n\r\n", "exactly one"),
    (b"From: a@clinic.example, b@clinic.example\r\n\r\n", "From"),
    (b"From: a@clinic.example\r\n\r\na\rb\r\n", "bare"),
    (b"From: a@clinic.example\r\n\r\na\nb\r\n", "bare"),
    (b"From: a@clinic.example\rX: y\r\n\r\n", "malformed"),
]


@pytest.mark.parametrize(("message", "why"), NEVER)
async def test_never_signed(message: bytes, why: str) -> None:
    """CR-10."""
    with pytest.raises(SignError, match=why):
        Signer(KEYS).sign(message, now=NOW)
    with pytest.raises(SignError, match=why):
        await Signer(KEYS).sign_async(message, now=NOW)


def test_domain_chooses_the_keys() -> None:
    """Its own, then the nearest parent's (relaxed alignment); another domain's never."""
    other = DkimKey.load("other.example", "o", RSA_PEM)
    signer = Signer((*KEYS, other))
    assert [key.selector for key in signer.keys_for("clinic.example")] == ["r", "e"]
    assert [key.selector for key in signer.keys_for("lab.clinic.example")] == ["r", "e"]
    assert signer.keys_for("notclinic.example") == ()
    assert signer.keys_for("example") == ()
    message = b"From: a@nobody.example\r\n\r\n"
    assert signer.sign(message, now=NOW) == message


def weak_key() -> bytes:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - to see it refused


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (weak_key(), "1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "unencrypted"),
        (b"", "PEM"),
    ],
)
def test_unfit_keys_are_refused(data: bytes, why: str) -> None:
    """CR-12, and RFC 8301 for the length."""
    with pytest.raises(DkimKeyError, match=why):
        DkimKey.load("clinic.example", "s", data)


@pytest.mark.parametrize("key", KEYS, ids=["rsa", "ed25519"])
def test_self_test_and_secrecy(key: DkimKey) -> None:
    """The start-up check passes for good keys; a key never shows in a repr."""
    self_test(key)
    assert "private_key" not in repr(key)


def test_ed25519_record_is_the_raw_key() -> None:
    """RFC 8463 section 4.2: 32 octets, not SubjectPublicKeyInfo."""
    assert len(base64.b64decode(KEYS[1].dns_record().rpartition("p=")[2])) == 32
