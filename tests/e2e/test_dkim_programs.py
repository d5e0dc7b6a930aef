"""libopendkim and Mail::DKIM verify what we sign (CR-09)."""

from pathlib import Path

import pytest

from gateway.protect.dkim import Signer
from tests.e2e.dkim_programs import mail_dkim, opendkim
from tests.gateway.protect.corpus import SHAPES, as_transferred, corpus
from tests.gateway.protect.test_dkim import AWKWARD, KEYS, NOW

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECORDS = {key.name: key.dns_record() for key in KEYS}
AMBIGUOUS = "another's signature"  # what is no signature at all has no agreed verdict
SENT = [*(data for name, data in AWKWARD.items() if name != AMBIGUOUS), *corpus(5 * len(SHAPES))]
SIGNED = [as_transferred(Signer(KEYS).sign(message, now=NOW)) for message in SENT]
CHANGED = SIGNED[0].replace(b"Hello", b"Hallo")


def test_libopendkim(tmp_path: Path) -> None:
    """CR-09: RSA and Ed25519; and it tells a changed body from ours."""
    *good, bad = opendkim(tmp_path, [*SIGNED, CHANGED], RECORDS)
    assert good == [["pass", "pass"]] * len(SIGNED)
    assert bad == ["fail", "fail"]


def test_mail_dkim(tmp_path: Path) -> None:
    """CR-09: RSA; Debian's does not know Ed25519, and says so without harm to the other (RFC 8463 section 3.3)."""
    *good, bad = mail_dkim(tmp_path, [*SIGNED, CHANGED], RECORDS)
    assert [verdicts[0] for verdicts in good] == ["pass"] * len(SIGNED)
    assert {verdicts[1] for verdicts in good} <= {"pass", "invalid"}
    assert bad[0] == "fail"
