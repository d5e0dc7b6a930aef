"""What can go wrong while a message is protected. No text here quotes a message.

ProtectError
├── DkimKeyError
├── SignError
├── CertificateError
├── NoUsableCertificate
└── SealError
"""


class ProtectError(Exception):
    """Base, never raised itself."""


class DkimKeyError(ProtectError):
    """The key cannot be used; the text says why. Defer mail of its domain rather than send it unsigned (CR-12)."""


class SignError(ProtectError):
    """The message cannot be signed as it is; the text says why. Do not send it."""


class CertificateError(ProtectError):
    """The file holds no OpenPGP or X.509 certificate that can be read; the text says why and what would be right."""


class NoUsableCertificate(ProtectError):
    """None of the recipient's certificates may be used; the text says why, in words. Climb to the next rung (CR-01)."""


class SealError(ProtectError):
    """The message could not be encrypted. Keep it as it is and try again later (CR-13)."""
