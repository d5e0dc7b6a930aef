"""Who asks, as the kernel knows."""

import os
import pwd
from pathlib import Path

import pytest

from gateway.control.asker import NO_SESSION, Asker, asker_here, asker_of

ME = pwd.getpwuid(os.geteuid()).pw_name


def process(folder: Path, text: str | None) -> Path:
    (folder / "7").mkdir()
    if text is not None:
        (folder / "7" / "loginuid").write_text(text, encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (str(os.geteuid()), Asker(ME, is_shared=False)),  # under sudo still who logged in
        ("4294967200", Asker("uid 4294967200", is_shared=False)),  # nobody has that number
        (str(NO_SESSION), Asker("root", is_shared=True)),
        ("-1", Asker("root", is_shared=True)),
        ("", Asker("root", is_shared=True)),
        (None, Asker("root", is_shared=True)),
    ],
)
def test_the_session_counts_before_the_user(tmp_path: Path, text: str | None, expected: Asker) -> None:
    """proc_pid_loginuid(5); without a session there is only the account."""
    assert asker_of(7, 0, proc=process(tmp_path, text)) == expected


def test_a_process_that_cannot_be_seen_says_it_itself(tmp_path: Path) -> None:
    """ProtectProc=invisible hides other users' processes from the gateway; what it sees counts before what is said."""
    assert asker_of(7, 0, said=os.geteuid(), proc=process(tmp_path, None)) == Asker(ME, is_shared=False)
    (tmp_path / "7" / "loginuid").write_text(str(NO_SESSION), encoding="ascii")
    assert asker_of(7, 0, said=os.geteuid(), proc=tmp_path) == Asker("root", is_shared=True)


def test_this_process_is_somebody() -> None:
    assert asker_here().login
