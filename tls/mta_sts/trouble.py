"""Why an announced policy is not at hand; each is a result type of TLS-RPT."""

from enum import Enum


class Trouble(Enum):
    """RFC 8460 section 4.3.2.2 has the last three; a record that DNS could not tell is reported to nobody."""

    RECORD = "record"  # no answer about the TXT record
    FETCH = "sts-policy-fetch-error"
    INVALID = "sts-policy-invalid"
    WEBPKI = "sts-webpki-invalid"
