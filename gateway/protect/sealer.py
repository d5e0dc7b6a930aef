"""Encryption away from the gateway process: the parent's side (`Sealer`) and the child's (`python -m`).

A child gets certificates and a message and gives back a message; it keeps nothing. One that dies has changed nothing:
the caller still has the message and tries again later (CR-13).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from gateway.message.fields import HeaderError, split_message
from gateway.protect.errors import CertificateError, NoUsableCertificate, SealError
from gateway.protect.found import Found, openpgp_in, smime_in
from gateway.protect.openpgp import NEUTRAL_SUBJECT, Ciphertext, encrypt
from gateway.protect.smime import mail as smime
from gateway.protect.smime.mail import Candidate, Identity
from gateway.protect.smime.ocsp import Answer, NoAnswer, read_answer
from gateway.workers.child import serve
from gateway.workers.frames import HEADER_MAX
from gateway.workers.limits import MIB, Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.protect.sealer"
LIMITS: Final = Limits(wall_s=120, cpu_s=120, answer_bytes=160 * MIB, memory_bytes=3072 * MIB, jobs=5000)


class Recipe(msgspec.Struct, frozen=True, tag="openpgp"):
    """OpenPGP for the message in the blob, as `openpgp.encrypt` has the fields."""

    certificates: tuple[bytes, ...]
    neutral_subject: str
    signer: bytes | None = None
    address: str = ""

    def __repr__(self) -> str:
        return f"Recipe({len(self.certificates)} certificates)"  # the signer is a private key


class SmimeRecipe(msgspec.Struct, frozen=True, tag="smime"):
    """S/MIME for the message in the blob, as `mail.encrypt` has the fields."""

    candidates: tuple[Candidate, ...]
    address: str
    identity: Identity | None
    neutral_subject: str

    def __repr__(self) -> str:
        return f"SmimeRecipe({len(self.candidates)} candidates)"  # the identity holds a private key


class OpenpgpSearch(msgspec.Struct, frozen=True, tag="openpgp-search"):
    """Which OpenPGP keys in the blob, the answer to a look-up, are of an address, all in lower case.

    on_file: fingerprint to the copy that it has.
    """

    address: str
    on_file: dict[str, bytes] = {}


class SmimeSearch(msgspec.Struct, frozen=True, tag="smime-search"):
    """The same of an S/MIME certificate, DER."""

    address: str


class OcspReading(msgspec.Struct, frozen=True, tag="ocsp"):
    """The answer of a responder in the blob, as `ocsp.read_answer` has the fields."""

    certificate: bytes
    issuer: bytes


Work = Recipe | SmimeRecipe | OpenpgpSearch | SmimeSearch | OcspReading


class Long(msgspec.Struct, frozen=True, tag="long"):
    """Any of these that a header does not take, as with many keys on file: the first octets of the blob are it."""

    octets: int


class Said(msgspec.Struct, frozen=True):
    """`ocsp.Answer` on the wire; answer None: why there is none that counts."""

    answer: Answer | None
    why: str = ""


class Hits(msgspec.Struct, frozen=True):
    """What was found."""

    found: tuple[Found, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """`openpgp.Ciphertext` on the wire."""

    message: bytes
    fingerprints: tuple[str, ...]


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """Why there is no message: `reason` is words; no_certificate tells the two kinds apart."""

    reason: str
    no_certificate: bool


CIPHERTEXTS: Final[Mapping[type, tuple[str, ...]]] = {  # how the content type of what comes back must begin
    Recipe: ('multipart/encrypted; protocol="application/pgp-encrypted"',),
    SmimeRecipe: tuple(f"application/pkcs7-mime; smime-type={kind};" for kind in smime.KINDS.values()),
}


class Sealer:
    """Encrypts in the children of a pool that runs `MODULE` within `LIMITS`."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool
        self._answers = msgspec.msgpack.Decoder(Done | Refusal)
        self._hits = msgspec.msgpack.Decoder(Hits)
        self._said = msgspec.msgpack.Decoder(Said)

    async def encrypt(
        self,
        message: bytes,
        certificates: Sequence[bytes],
        *,
        address: str = "",
        signer: bytes | None = None,
        neutral_subject: str = NEUTRAL_SUBJECT,
    ) -> Ciphertext:
        """As `openpgp.encrypt`.

        Raises: NoUsableCertificate, SealError; WorkerError when the pool or a child fails (try again later).
        """
        return await self._ask(Recipe(tuple(certificates), neutral_subject, signer, address), message)

    async def encrypt_smime(
        self, message: bytes, candidates: Sequence[Candidate], *, address: str, identity: Identity | None
    ) -> Ciphertext:
        """As `smime.mail.encrypt`. Raises: as `encrypt`."""
        return await self._ask(SmimeRecipe(tuple(candidates), address, identity, NEUTRAL_SUBJECT), message)

    async def openpgp_in(
        self, answer: bytes, *, address: str, on_file: Mapping[str, bytes] | None = None
    ) -> tuple[Found, ...]:
        """As `found.openpgp_in`. Raises: SealError, WorkerError."""
        return await self._search(OpenpgpSearch(address, dict(on_file or {})), answer)

    async def smime_in(self, answer: bytes, *, address: str) -> tuple[Found, ...]:
        """As `found.smime_in`. Raises: SealError, WorkerError."""
        return await self._search(SmimeSearch(address), answer)

    async def ocsp_answer(self, answer: bytes, *, certificate: bytes, issuer: bytes) -> Answer:
        """As `ocsp.read_answer`. Raises: NoAnswer, SealError, WorkerError."""
        try:
            said = self._said.decode(await self._call(OcspReading(certificate, issuer), answer))
        except msgspec.DecodeError:
            raise SealError("the sealer's answer has no proper form") from None
        if said.answer is None:
            raise NoAnswer(said.why)
        return said.answer

    async def _search(self, search: OpenpgpSearch | SmimeSearch, answer: bytes) -> tuple[Found, ...]:
        try:
            return self._hits.decode(await self._call(search, answer)).found
        except msgspec.DecodeError:
            raise SealError("the sealer's answer has no proper form") from None

    async def _ask(self, recipe: Recipe | SmimeRecipe, message: bytes) -> Ciphertext:
        try:
            answer = self._answers.decode(await self._call(recipe, message))
        except msgspec.DecodeError:
            raise SealError("the sealer's answer has no proper form") from None
        if isinstance(answer, Refusal):
            raise (NoUsableCertificate if answer.no_certificate else SealError)(answer.reason)
        if not _is_ciphertext(answer.message, CIPHERTEXTS[type(recipe)]):
            raise SealError("the sealer gave no ciphertext")
        return Ciphertext(answer.message, answer.fingerprints)

    async def _call(self, work: Work, blob: bytes) -> bytes:
        """Raises: WorkerError."""
        header = msgspec.msgpack.encode(work)
        if len(header) > HEADER_MAX:
            blob = await asyncio.to_thread(b"".join, (header, blob))
            header = msgspec.msgpack.encode(Long(len(header)))
        return await self._pool.call(header, blob)


def handle(header: bytes, blob: memoryview) -> bytes:
    """One job in the child."""
    recipe = msgspec.msgpack.decode(header, type=Work | Long)
    if isinstance(recipe, Long):
        return handle(bytes(blob[: recipe.octets]), blob[recipe.octets :])
    if isinstance(recipe, OcspReading):
        return msgspec.msgpack.encode(_said(recipe, bytes(blob)))
    if isinstance(recipe, OpenpgpSearch):
        return msgspec.msgpack.encode(Hits(_openpgp_in(recipe, bytes(blob))))
    if isinstance(recipe, SmimeSearch):
        return msgspec.msgpack.encode(Hits(smime_in(bytes(blob), address=recipe.address, now=datetime.now(UTC))))
    return msgspec.msgpack.encode(_seal(recipe, bytes(blob)))


def _openpgp_in(search: OpenpgpSearch, answer: bytes) -> tuple[Found, ...]:
    return openpgp_in(answer, address=search.address, now=datetime.now(UTC), on_file=search.on_file)


def _said(reading: OcspReading, answer: bytes) -> Said:
    try:
        now = datetime.now(UTC)
        return Said(read_answer(answer, certificate=reading.certificate, issuer=reading.issuer, now=now))
    except CertificateError as why:
        return Said(None, str(why))


def _seal(recipe: Recipe | SmimeRecipe, message: bytes) -> Done | Refusal:
    now = datetime.now(UTC)
    try:
        if isinstance(recipe, SmimeRecipe):
            sealed = smime.encrypt(
                message, recipe.candidates, address=recipe.address, now=now, identity=recipe.identity,
                neutral_subject=recipe.neutral_subject,
            )  # fmt: skip
        else:
            sealed = encrypt(
                message, recipe.certificates, address=recipe.address, now=now, signer=recipe.signer,
                neutral_subject=recipe.neutral_subject,
            )  # fmt: skip
    except NoUsableCertificate as why:
        return Refusal(str(why), no_certificate=True)
    except SealError as why:
        return Refusal(str(why), no_certificate=False)
    return Done(sealed.message, sealed.fingerprints)


def _is_ciphertext(message: bytes, beginnings: tuple[str, ...]) -> bool:
    """A last look before it leaves: clear text must not pass for ciphertext whatever a child does."""
    try:
        kinds = split_message(message).all("content-type")
    except HeaderError:
        return False
    return len(kinds) == 1 and kinds[0].text.startswith(beginnings)


if __name__ == "__main__":
    serve(handle)
