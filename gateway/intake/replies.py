"""Every fixed reply of the intake. None holds anything that the client sent (SM-12); verdicts on whole messages are in
`gateway.message.verdict`. Codes: RFC 5321 section 4.2, RFC 3463, and for AUTH and STARTTLS RFC 4954 and RFC 3207.
"""

from typing import Final

from gateway.message.verdict import Reply

# --- going well ---
OK: Final = Reply(250, "0.0", "OK")
SENDER_OK: Final = Reply(250, "1.0", "Sender OK")
RECIPIENT_OK: Final = Reply(250, "1.5", "Recipient OK")
READY_FOR_TLS: Final = Reply(220, "0.0", "Ready to start TLS")
AUTHENTICATED: Final = Reply(235, "7.0", "Authentication successful")
WILL_NOT_VERIFY: Final = Reply(252, "5.0", "Cannot VRFY, send mail to find out")  # RFC 5321 section 7.3
HELP: Final = Reply(214, "0.0", "See RFC 5321")
GOODBYE: Final = Reply(221, "0.0", "Goodbye")
START_INPUT: Final = b"354 End data with <CR><LF>.<CR><LF>"  # RFC 2034: 3xx replies carry no enhanced code

# --- syntax and order ---
UNKNOWN_COMMAND: Final = Reply(500, "5.1", "Command not recognized")
NOT_IMPLEMENTED: Final = Reply(502, "5.1", "Command not implemented")
LINE_TOO_LONG: Final = Reply(500, "5.2", "Line too long")
NOT_ASCII: Final = Reply(500, "5.2", "Commands are US-ASCII, addresses UTF-8")
BAD_CHARACTER: Final = Reply(501, "5.2", "Control character in command")
NO_ARGUMENT_ALLOWED: Final = Reply(501, "5.4", "No argument allowed")
ARGUMENT_NEEDED: Final = Reply(501, "5.4", "Argument needed")
BAD_HELLO: Final = Reply(501, "5.4", "Host name or address literal needed")
BAD_MAIL: Final = Reply(501, "5.4", "Syntax: MAIL FROM:<address> [parameters]")
BAD_RCPT: Final = Reply(501, "5.4", "Syntax: RCPT TO:<address> [parameters]")
BAD_PARAMETER: Final = Reply(501, "5.4", "Parameter has a wrong value or stands twice")
UNKNOWN_PARAMETER: Final = Reply(555, "5.4", "Parameter not recognized")
BAD_SENDER: Final = Reply(553, "1.7", "Sender address is not valid")
BAD_RECIPIENT: Final = Reply(553, "1.3", "Recipient address is not valid")
NEEDS_SMTPUTF8: Final = Reply(553, "6.7", "Addresses outside US-ASCII need SMTPUTF8")
HELLO_FIRST: Final = Reply(503, "5.1", "EHLO or HELO first")
MAIL_FIRST: Final = Reply(503, "5.1", "MAIL first")
RCPT_FIRST: Final = Reply(503, "5.1", "RCPT first")
NESTED_MAIL: Final = Reply(503, "5.1", "Sender already given")
BARE_LINE_END: Final = Reply(554, "5.2", "Lines must end with CR LF")
TALKED_TOO_EARLY: Final = Reply(554, "5.0", "Sent before it was asked for")
NOT_SMTP: Final = Reply(554, "5.0", "This is not SMTP")

# --- TLS and AUTH ---
TLS_FIRST: Final = Reply(530, "7.0", "Must issue a STARTTLS command first")
NO_TLS_HERE: Final = Reply(502, "5.1", "STARTTLS is not offered here")
ALREADY_TLS: Final = Reply(503, "5.1", "TLS is already in use")
AUTH_NEEDS_TLS: Final = Reply(538, "7.11", "Encryption required for authentication")
AUTH_FIRST: Final = Reply(530, "7.0", "Authentication required")
NO_AUTH_HERE: Final = Reply(502, "5.1", "AUTH is not offered here")
ALREADY_AUTHENTICATED: Final = Reply(503, "5.1", "Already authenticated")
AUTH_IN_TRANSACTION: Final = Reply(503, "5.1", "AUTH is not allowed during a mail transaction")
UNKNOWN_MECHANISM: Final = Reply(504, "5.4", "Authentication mechanism not offered")
BAD_BASE64: Final = Reply(501, "5.2", "Response is not valid base64")
AUTH_CANCELLED: Final = Reply(501, "7.0", "Authentication cancelled")
AUTH_TOO_LONG: Final = Reply(500, "5.6", "Authentication exchange line is too long")
AUTH_FAILED: Final = Reply(535, "7.8", "Authentication credentials invalid")
LOGIN_WITHDRAWN: Final = Reply(535, "7.8", "Authentication credentials no longer valid")
AUTH_BUSY: Final = Reply(454, "7.0", "Temporary authentication failure, try later")

# --- who may send ---
RELAYING_DENIED: Final = Reply(550, "7.1", "Relaying denied")
NAME_NOT_LISTED: Final = Reply(550, "7.1", "Relaying denied, this certificate's name is not listed")
NO_TENANT_PROOF: Final = Reply(550, "7.1", "Relaying denied, nothing proves whose mail this is")
SENDER_NOT_YOURS: Final = Reply(553, "7.1", "You may not send as this address")
DOMAIN_NOT_OURS: Final = Reply(550, "7.1", "Mail from this domain is not sent from here")
NULL_SENDER_REFUSED: Final = Reply(550, "7.1", "Users send with their own address")

# --- bounds ---
TOO_BIG: Final = Reply(552, "3.4", "Message exceeds the size limit")
NO_ROOM: Final = Reply(452, "3.1", "Too many messages at once, try later")  # RFC 3463 section 3.4: storage of ours
TOO_MANY_RECIPIENTS: Final = Reply(452, "5.3", "Too many recipients")
LINES_TOO_LONG: Final = Reply(
    500, "6.0", "A line has more than 998 octets (RFC 5322 2.1.1); use quoted-printable or base64"
)
BAD_LINE_ENDS: Final = Reply(554, "6.0", "Bare CR, bare LF or NUL in message (RFC 5321 2.3.8)")
BUSY: Final = Reply(421, "3.2", "Too many connections, try later")
BUSY_FOR_YOU: Final = Reply(421, "7.0", "Too many connections from your address, try later")
TOO_MANY_ERRORS: Final = Reply(421, "7.0", "Too many errors, goodbye")
TOO_MANY_COMMANDS: Final = Reply(421, "7.0", "Too many commands without a message, goodbye")
TIMED_OUT: Final = Reply(421, "4.2", "Timed out, goodbye")
TOO_SLOW: Final = Reply(421, "4.2", "Message arrives too slowly, goodbye")
CLOSING_DOWN: Final = Reply(421, "3.2", "Service shutting down, try later")
