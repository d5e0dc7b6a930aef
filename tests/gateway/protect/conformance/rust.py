"""Sequoia and rPGP as libraries: they make keys by RFC 9580, and open and verify what any engine made.

The programs of a system are years behind: Debian 12's sq and gpg know no version 6.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import pysequoia
from openpgp.composed import (
    EncryptionCaps,
    KeyType,
    Message,
    SecretKeyParamsBuilder,
    SignedPublicKey,
    SignedSecretKey,
    SubkeyParamsBuilder,
)
from openpgp.errors import Error

from tests.gateway.protect.conformance.programs import Failed

ADDRESS: Final = "b@example.org"
USER_ID: Final = f"B <{ADDRESS}>"


@dataclass(frozen=True)
class Pair:
    """A key as its owner has it, binary. certificate: what he gives away."""

    private: bytes
    certificate: bytes


class Library(Protocol):
    """As `programs.Program`."""

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes: ...


class Sequoia:
    """Sequoia 2, by pysequoia."""

    @staticmethod
    def make(
        suite: pysequoia.CipherSuite, profile: pysequoia.Profile, *user_ids: str, validity_s: int | None = None
    ) -> Pair:
        names = list(user_ids or (USER_ID,))
        key = pysequoia.Tsk.generate(user_ids=names, profile=profile, cipher_suite=suite, validity_seconds=validity_s)
        return Pair(bytes(key), bytes(key.extract_certificate()))

    @staticmethod
    def revoked(pair: Pair) -> bytes:
        """The certificate, revoked by its owner."""
        certificate = pysequoia.Cert.from_bytes(pair.certificate)
        certifier = pysequoia.Tsk.from_bytes(pair.private).certifier()
        return bytes(pysequoia.Cert.from_bytes(pair.certificate + bytes(certificate.revoke(certifier))))

    @staticmethod
    def without_user_id(pair: Pair) -> bytes:
        """The certificate, its user id taken back."""
        certificate = pysequoia.Cert.from_bytes(pair.certificate)
        certifier = pysequoia.Tsk.from_bytes(pair.private).certifier()
        taken = certificate.revoke_user_id(certificate.user_ids[0], certifier)
        return bytes(pysequoia.Cert.from_bytes(pair.certificate + bytes(taken)))

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        known = [] if signer is None else [pysequoia.Cert.from_bytes(signer)]
        store = (lambda _: known) if known else None  # with one it insists on a signature
        try:
            opened = pysequoia.decrypt(message, pysequoia.Tsk.from_bytes(recipient).decryptor(), store=store)
        except Exception as why:  # what it raises is anyhow's
            raise Failed(str(why)) from None
        if known and [one.certificate for one in opened.valid_sigs] != [known[0].fingerprint]:
            raise Failed("no good signature")
        assert opened.bytes is not None
        return opened.bytes


class Rpgp:
    """rPGP, by rpgp-py."""

    @staticmethod
    def make(version: Literal[4, 6], primary: KeyType, subkey: KeyType | None, *, reads_seipd_2: bool = True) -> Pair:
        builder = (
            SecretKeyParamsBuilder()
            .version(version)
            .key_type(primary)
            .can_certify(True)
            .can_sign(True)
            .feature_seipd_v2(reads_seipd_2)
            .primary_user_id(USER_ID)
        )
        if subkey is not None:
            wanted = SubkeyParamsBuilder().version(version).key_type(subkey).can_encrypt(EncryptionCaps.all())
            builder = builder.subkey(wanted.build())
        key = builder.generate()
        return Pair(key.to_bytes(), key.to_public_key().to_bytes())

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        try:
            opened = Message.from_bytes(message).decrypt(None, SignedSecretKey.from_bytes(recipient))
            if signer is not None:
                opened.verify(SignedPublicKey.from_bytes(signer))
            return opened.as_data_vec()
        except Error as why:
            raise Failed(str(why)) from None
