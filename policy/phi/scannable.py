"""Whether a mail program may see a file in a message that a virus scanner does not. Pure.

How this works: a scanner of mail reads what is declared, and looks for most of what is not. What ClamAV 1.4 was seen to
miss, and a mail program may open, are the few shapes here; `policy.phi.mime` doubts them all.
"""

from typing import Final

from policy.phi.report import Report

YENC: Final = "the text holds an encoded file (yEnc)"
_HIDING: Final = (
    "the base64 is malformed",
    "a multipart has a transfer encoding",
    "a fragment of a message",
    YENC,
)


def may_hide_a_file(report: Report) -> str:
    """Return why, in words without content; empty when it does not."""
    return next((one.reason for one in report.uninspectable if any(shape in one.reason for shape in _HIDING)), "")
