"""Verifiers that others wrote: libopendkim and Mail::DKIM, told the public keys without any DNS."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.tools import IN_CI, need

SCRIPT = Path(__file__).with_name("mail_dkim.pl")


def write_messages(folder: Path, messages: Sequence[bytes]) -> list[Path]:
    paths = [folder / f"{number:04d}.eml" for number in range(len(messages))]
    for path, message in zip(paths, messages, strict=True):
        path.write_bytes(message)
    return paths


def mail_dkim(folder: Path, messages: Sequence[bytes], records: Mapping[str, str]) -> list[list[str]]:
    """Of each message the results of its signatures, from the top. records: name to TXT record."""
    perl, table = need("perl"), folder / "records"
    if subprocess.run([perl, "-MMail::DKIM::Verifier", "-e1"], capture_output=True, check=False).returncode:
        missing = "Mail::DKIM is not installed; `make test SYSTEM=1` installs it"
        pytest.fail(missing) if IN_CI else pytest.skip(missing)
    table.write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    paths = write_messages(folder, messages)
    done = subprocess.run(
        [perl, SCRIPT, table, *paths], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def opendkim(folder: Path, messages: Sequence[bytes], records: Mapping[str, str]) -> list[list[str]]:
    """The same from libopendkim, of which opendkim-testmsg is made too; that one would ask the real DNS."""
    program, table, config = need("opendkim"), folder / "keys", folder / "opendkim.conf"
    table.write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    config.write_text(f"Mode v\nTestPublicKeys {table}\n")
    verdicts = []
    for path in write_messages(folder, messages):
        done = subprocess.run(
            [program, "-x", config, "-vvv", "-t", path], capture_output=True, text=True, check=False, timeout=60
        )
        verdicts.append(re.findall(r"\sdkim=(\w+)", done.stdout))
    return verdicts
