"""Messages that wait in the portal of the tests."""

from email.message import EmailMessage
from typing import Final

PDF: Final = b"%PDF-1.7\r\n" + bytes(range(256)) * 40


def make_mail(
    text: str = "Your result is normal.\n", html: str = "", files: tuple[tuple[str, bytes], ...] = ()
) -> bytes:
    """A message from Dr. Bell, CRLF lines, with attachments by (name, octets)."""
    mail = EmailMessage()
    mail["From"] = "Dr. Bell <bell@clinic.example>"
    mail["To"] = "Ana <ana@mail.example>"
    mail["Date"] = "Tue, 24 Nov 2026 09:15:00 +0100"
    mail["Subject"] = "Your blood test"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, data in files:
        mail.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
