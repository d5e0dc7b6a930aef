"""What fuzzers begin with and splice in, shared by several targets."""

import base64
from typing import Final

from tests.gateway.intake.harness import PASSWORD, USER

FALSE_ENDS: Final = (
    *(b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r"),  # SM-01
    *(b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"),  # SM-02, SM-03
)
LINE_ENDS: Final = (b"\r\n", b"\r", b"\n", b"\0", b".", b"\r\n.\r\n")
LOGIN: Final = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
LETTER: Final = (
    b"From: Joe <joe@clinic.example>\r\nTo: b@x.example\r\nSubject: x\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@clinic.example>\r\nBcc: c@x.example\r\nX-Mailward-Method: portal\r\n\r\nhello\r\n"
)
FIELD_WORDS: Final = (
    *(b"From: ", b"Sender: ", b"Resent-From: ", b"Received: by gw.clinic.example;", b"Bcc: ", b"\r\n ", b"\r\n\r\n"),
    *(
        b"X-Mailward-Priority: urgent\r\n",
        b"Authentication-Results: gw.clinic.example;",
        b"<a@b.example>",
        b"=?utf-8?q?",
    ),
)
VERBS: Final = (
    *(b"EHLO c.example\r\n", b"HELO c\r\n", b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA\r\n"),
    *(b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"AUTH PLAIN ", b"AUTH LOGIN\r\n", b"VRFY x\r\n"),
    *(
        b"BDAT 5 LAST\r\n",
        b"POST / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b" SMTPUTF8",
        b" SIZE=",
        b" BODY=8BITMIME",
        *LINE_ENDS,
    ),
)
PARAMETERS: Final = (
    *(b" SIZE=", b" BODY=8BITMIME", b" AUTH=<>", b" RET=HDRS", b" ENVID=", b" SMTPUTF8", b" REQUIRETLS", b" NOTIFY="),
    *(
        b"NEVER",
        b"SUCCESS,FAILURE",
        b" ORCPT=rfc822;",
        b" ORCPT=utf-8;",
        b"+2B",
        b"<",
        b">",
        b'"',
        b"\\",
        b"@",
        b"\xc3\xb6",
    ),
)
REPLIES: Final = (
    *(
        b"220 mx.example ESMTP\r\n",
        b"250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
        b"220 go\r\n",
        b"354 go\r\n",
    ),
    *(b"250 2.0.0 ok\r\n", b"421 bye\r\n", b"550 5.1.1 no\r\n", b"452 4.5.3 many\r\n", b"502 no\r\n", b"250-", b"250 "),
)
MAIL_AT_ONCE: Final = b"EHLO c\r\nMAIL FROM:<a@clinic.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"
