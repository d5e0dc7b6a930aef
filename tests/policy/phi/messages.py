"""Messages for the tests, written for this project; nobody in them exists."""

import base64
from collections.abc import Sequence

PHI_SENTENCE = "Mr. Delgado's potassium came back at 6.1 and he was started on furosemide 40 mg."


def mail(
    body: str, *, subject: str = "note", content_type: str = 'text/plain; charset="utf-8"', extra: str = ""
) -> bytes:
    """Return a one-part message. extra: header lines, each ended by CRLF."""
    return (
        f"From: Ann Weaver <ann@clinic.example>\r\nTo: Bo Stone <bo@partner.example>\r\nSubject: {subject}\r\n{extra}"
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n"
    ).encode("utf-8", errors="surrogateescape")


def multipart(
    parts: Sequence[str], *, subject: str = "note", subtype: str = "mixed", preamble: str = "", epilogue: str = ""
) -> bytes:
    """Return a multipart message. parts: each a header, an empty line and a body."""
    joined = "".join(f"--b1\r\n{part}\r\n" for part in parts)
    return mail(
        f"{preamble}\r\n{joined}--b1--\r\n{epilogue}",
        subject=subject,
        content_type=f'multipart/{subtype}; boundary="b1"',
    )


def text_part(text: str) -> str:
    """Return a plain text part for `multipart`."""
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}"


def attachment(data: bytes, *, kind: str, name: str = "file.bin") -> str:
    """Return a base64 attachment for `multipart`."""
    encoded = base64.encodebytes(data).decode().replace("\n", "\r\n")
    return (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{encoded}'
    )


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a minimal PDF 1.4: each page a list of lines; a page without lines has no text layer."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(f"1 0 0 1 40 {760 - 14 * row} Tm ({line}) Tj\n" for row, line in enumerate(lines))
        stream = f"BT /F1 11 Tf\n{shown}ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


HL7 = (
    "MSH|^~\\&|LAB|CLINIC|EHR|CLINIC|20260105||ORU^R01|77|P|2.5.1\r"
    "PID|1||00448812^^^CLINIC^MR||Ibarra^Luis^M||19610317|M\r"
    "OBR|1|||2951-2^Sodium^LN\rOBX|1|NM|2951-2^Sodium^LN||129|mmol/L|136-145|L\r"
)
X12_CLAIM = (
    "ISA*00*          *00*          *ZZ*SUBMITTER      *ZZ*RECEIVER       *260102*1200*^*00501*000000905*0*P*:~"
    "GS*HC*S*R*20260102*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~NM1*85*2*LAKE CLINIC*****XX*1234567893~"
    "NM1*IL*1*ACHEBE*GWEN****MI*W884120039~DMG*D8*19530611*F~CLM*26463774*100***11:B:1*Y*A*Y*I~HI*ABK:E119~"
    "SV1*HC:99213*40*UN*1***1~SE*9*0001~GE*1*1~IEA*1*000000905~"
)
X12_ORDER = (
    "ISA*00*          *00*          *ZZ*BUYER          *ZZ*SELLER         *260102*1200*^*00501*000000906*0*P*:~"
    "GS*PO*S*R*20260102*1200*1*X*005010~ST*850*0001~BEG*00*NE*PO881**20260102~PO1*1*5*EA*40*PE*VN*99~"
    "PID*F****LISINOPRIL 10 MG~CTT*1~SE*6*0001~GE*1*1~IEA*1*000000906~"
)
