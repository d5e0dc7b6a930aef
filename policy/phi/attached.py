"""What is attached: declared type, known file extension, size, and whether it runs or carries macros. No names.

It looks at the first bytes, at the names inside a ZIP by whatever header gives them, and at the parts of an office
file; it does not unpack an archive in an archive, and what is encrypted or too large is uninspectable anyway.
"""

import re
from collections.abc import Iterator
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final

from policy.phi import headers
from policy.phi.files.zip import END, spoken_names
from policy.phi.report import Attached
from policy.phi.told import told_type

_FORMAT: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x1f]")  # seen by no one in a name
EXECUTABLE: Final = frozenset(  # what a double click runs, after the lists of common mail programs
    (
        "ade adp apk app appinstaller application appref-ms appx appxbundle bat cmd com cpl dll dmg exe gadget hta inf"
        " ins iso isp jar js jse jnlp lnk mde msc msi msix msixbundle msp mst mui ocx pif ps1 ps1xml ps2 psc1 psm1 py"
        " pyc reg rpm run scf scr settingcontent-ms sh shb sys vb vbe vbs vhd vhdx vxd wsc wsf wsh xll"
    ).split()
)
MACRO: Final = frozenset("docm dotm xlsm xltm xlam xlsb pptm potm ppam ppsm sldm".split())
KNOWN: Final = (
    frozenset(
        (
            "7z bmp bz2 csv dcm doc docx dot dotx eml gif gz hl7 htm html ics jpeg jpg json key log md mdb accdb mp3"
            " mp4 msg numbers odp ods odt p7m pages pdf pgp asc png ppt pptx pst rar rtf svg tar tgz tif tiff tsv txt"
            " vcf wav webp xls xlsx xml xz zip"
        ).split()
    )
    | EXECUTABLE
    | MACRO
)
_RUNS: Final = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # [MS-SHLLINK] section 2.1
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_MACROS: Final = "_VBA_PROJECT".encode("utf-16-le")  # [MS-OVBA] section 2.2.1, a directory entry
_ZIP_MACROS: Final = re.compile(r".*vbaproject\.bin|.*xl/macrosheets/.*", re.DOTALL)  # [MS-OFFMACRO2] section 2.2.1


def attached(message: Message) -> tuple[Attached, ...]:
    """List the attachments of a parsed message, before its walk takes fields off. Never opens what is inside a file."""
    return tuple(_look(part, names) for part, names in _attachments(message))


def _attachments(message: Message) -> Iterator[tuple[Message, list[str]]]:
    for part in message.walk():
        if part.is_multipart():
            continue
        names = _names(part)
        is_text = part.get_content_maintype() == "text"
        if names or not is_text or part.get_content_disposition() == "attachment":
            yield part, names


def _names(part: Message) -> list[str]:
    found = (
        part.get_param("filename", "", header="content-disposition"),
        part.get_param("name", "", header="content-type"),
    )
    return [headers.decoded(collapse_rfc2231_value(name)) for name in found if name]


def _look(part: Message, names: list[str]) -> Attached:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    kind = part.get_content_type().lower()
    extensions = [extension for name in names if (extension := extension_of(name))]
    inside = frozenset(name.lower() for name in spoken_names(data)) if END in data else frozenset()
    return Attached(
        type=told_type(kind),
        extension=extensions[0] if extensions else "",
        size=len(data),
        is_executable=data.startswith(_RUNS)
        or not EXECUTABLE.isdisjoint(extensions)
        or any(extension_of(name) in EXECUTABLE for name in inside),
        has_macros=not MACRO.isdisjoint(extensions)
        or any(_ZIP_MACROS.fullmatch(name) or extension_of(name) in MACRO for name in inside)
        or (data.startswith(_OLE) and _OLE_MACROS in data),
    )


def extension_of(name: str) -> str:
    """The last suffix of a file name when it is a known one, else empty: an unknown one may be anybody's name."""
    suffix = _FORMAT.sub("", name).lower().rstrip(" .").rpartition(".")[2]
    return suffix if suffix in KNOWN else ""
