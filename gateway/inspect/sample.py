"""One message with every kind of part that is read: an inspector classifies it before it closes its doors.

Libraries import and open things at first use; behind Landlock that would fail in the middle of somebody's mail.
"""

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Final


def _pdf() -> bytes:
    """The smallest PDF with a line of text."""
    text = b"BT /F1 12 Tf 10 10 Td (Sample page) Tj ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def _zip(files: Mapping[str, str]) -> bytes:
    """An archive of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


_SPREADSHEET: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOCX: Final = {
    "[Content_Types].xml": "<Types/>",
    "word/document.xml": '<w:document xmlns:w="w"><w:p><w:t>Sample note</w:t></w:p></w:document>',
}
_XLSX: Final = {
    "[Content_Types].xml": "<Types/>",
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}">'
    f'<Relationship Id="r1" Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATED}"><sheets>'
    '<sheet name="Sample" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
    f'<Relationship Id="r1" Type="{_RELATED}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SPREADSHEET}"><sheetData><row r="1">'
    '<c r="A1" t="inlineStr"><is><t>Sample cell</t></is></c></row></sheetData></worksheet>',
}


def _part(content_type: str, body: bytes) -> bytes:
    encoded = base64.encodebytes(body).replace(b"\n", b"\r\n")
    return b"--b\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n%s" % (content_type.encode(), encoded)


SAMPLE: Final = b"".join(
    (
        b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?[sample]_caf=C3=A9?=\r\n",
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        _part("text/plain; charset=utf-8", b"Jane Roe, MRN 00123456, has diabetes and takes metformin."),
        _part("text/html; charset=iso-8859-1", b"<p>Born <b>1 May 1980</b>, SSN 078-05-1120</p>"),
        _part("text/csv; charset=utf-16", "name,mrn\nJane Roe,00123456\n".encode("utf-16")),
        _part("application/pdf", _pdf()),
        _part("application/zip", _zip({"note.txt": "Sample file"})),
        _part("application/octet-stream", _zip(_DOCX)),
        _part("application/octet-stream", _zip(_XLSX)),
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n",
        b"Subject: inner\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n",
        b"--b--\r\n",
    )
)
