"""Places as a report may show them: a part's type is a word of the sender's choice, so only well-known ones show."""

import mimetypes
from dataclasses import replace
from typing import Final

from policy.phi.containers import FORMATS
from policy.phi.files.office import TYPES
from policy.phi.report import Place

_TOP: Final = frozenset("application audio font image message model multipart text video".split())  # RFC 6838 4.2
_KNOWN: Final = frozenset(mimetypes.MimeTypes(filenames=()).types_map[True].values()) | frozenset(
    """
    application/octet-stream application/pdf application/xml application/fhir+json application/ms-tnef application/rtf
    application/pgp-encrypted application/pgp-signature application/pkcs7-mime application/pkcs7-signature
    application/x-pkcs7-mime application/x-pkcs7-signature application/x-zip-compressed application/gzip image/svg+xml
    message/rfc822 message/global message/partial message/external-body message/delivery-status text/calendar
    application/zip application/x-tar application/vnd.ms-outlook application/dicom
    text/rfc822-headers text/vcard text/x-vcard text/xml text/enriched text/rtf multipart/alternative multipart/digest
    multipart/encrypted multipart/mixed multipart/related multipart/report multipart/signed
    """.split()
).union(TYPES)


def told(place: Place) -> Place:
    """Return the place with its type as it is when that is well known, else the kind of type, or nothing."""
    kind, _, rest = place.name.partition(" ")
    if place.name in FORMATS:
        return place
    return replace(place, name=f"{told_type(kind)} {rest}".strip())


def told_type(kind: str) -> str:
    """Return a type as it is when it is well known, else its first half, or nothing. kind: anything, in lower case."""
    if kind in _KNOWN or kind in FORMATS:
        return kind
    top = kind.partition("/")[0]
    return top if top in _TOP else ""
