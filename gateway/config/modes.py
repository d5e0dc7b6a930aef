"""The words that a key of the configuration may take, where no other room owns them."""

import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ListenerMode(StrEnum):
    """What a listener is for (`listener.mode`)."""

    SUBMISSION = "submission"  # STARTTLS before AUTH, AUTH before MAIL (RFC 6409)
    SUBMISSIONS = "submissions"  # implicit TLS (RFC 8314 section 3.3)
    RELAY = "relay"  # peers of trusted_networks or with a certificate, without AUTH


class LineEndings(StrEnum):
    """What happens to a message with bare CR or bare LF (`listener.line_endings`)."""

    STRICT = "strict"  # refused, RFC 5321 section 2.3.8
    REPAIR = "repair"  # made CRLF before anything looks at it


class TlsVersion(StrEnum):
    """The oldest protocol version that our own listeners speak (`server.tls.minimum_version`, RFC 8996)."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"

    @property
    def protocol(self) -> ssl.TLSVersion:
        """The same for `ssl.SSLContext.minimum_version`."""
        return ssl.TLSVersion.TLSv1_3 if self is TlsVersion.TLS_1_3 else ssl.TLSVersion.TLSv1_2


class CodeChannel(StrEnum):
    """What a mailed one-time code must leave over to open a message (`portal.code_channel`)."""

    VERIFIED = "verified"
    ENCRYPTED = "encrypted"


class OcspFailure(StrEnum):
    """What becomes of a certificate whose issuer gives no answer that counts (`smime.ocsp_failure`)."""

    HARD = "hard"
    SOFT = "soft"


class LogLevel(StrEnum):
    """The least severe event that is logged (`log.level`)."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks (`log.format`)."""

    TEXT = "text"
    JSON = "json"
    POSTFIX = "postfix"


class RouteTlsKind(StrEnum):
    """What a route asks of TLS, without the pin (`delivery.route.tls`)."""

    VERIFIED = "verified"
    DANE = "dane"
    PINNED = "pinned"
    OPPORTUNISTIC = "opportunistic"  # unprotected mail only


PIN: Final = re.compile(r"pinned:([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class RouteTls:
    """What a route asks of TLS; pin is the SHA-256 of the peer's SubjectPublicKeyInfo in hex, else empty."""

    kind: RouteTlsKind
    pin: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.pin}" if self.pin else str(self.kind)


def parse_route_tls(value: object) -> RouteTls:
    """Read `delivery.route.tls`. Raises: ValueError that lists what it may be."""
    if isinstance(value, RouteTls):
        return value
    if isinstance(value, str):
        if match := PIN.fullmatch(value):
            return RouteTls(RouteTlsKind.PINNED, match[1].lower())
        if value != RouteTlsKind.PINNED and value in list(RouteTlsKind):
            return RouteTls(RouteTlsKind(value))
    raise ValueError(
        f'"{value}" is not known; write "verified", "dane", "pinned:" and 64 hex digits (SHA-256 of the public key),'
        ' or "opportunistic"'
    )
