"""What can go wrong in this room, apart from the expected, which are values (`TlsFailure`, `Trouble`).

TlsPolicyError          never raised itself
├── StsSyntaxError      an MTA-STS record or policy is not one: keep what is cached, report `sts-policy-invalid`
├── RptSyntaxError      a TLS-RPT record is not one: the domain gets no reports
└── FetchError          no policy came over HTTPS: keep what is cached, try again later; `trouble` says what to report
    └── NotThere        the host answered, and has no such page
"""

from tls.mta_sts.trouble import Trouble


class TlsPolicyError(Exception):
    """The base."""


class StsSyntaxError(TlsPolicyError):
    """A policy or record that RFC 8461 does not allow. The text says where and why."""


class RptSyntaxError(TlsPolicyError):
    """A record that RFC 8460 does not allow."""


class TlsaSyntaxError(TlsPolicyError):
    """RDATA that RFC 6698 does not allow."""


class FetchError(TlsPolicyError):
    """A policy host gave no policy. The text names what it did, never what it sent."""

    def __init__(self, why: str, trouble: Trouble) -> None:
        super().__init__(why)
        self.trouble = trouble


class NotThere(FetchError):
    """The host has no such page (404, 410), and says so itself."""
