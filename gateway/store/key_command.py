"""A command that prints the master key: KMS, TPM, a vault of the operator's (`seal.master_key_command`).

It is run without a shell, by itself: nothing of our environment, files or input reaches it but a path to find programs
in. What it prints is read to a limit and within a deadline, and goes nowhere else: no error text holds any of it, and
what it says on standard error, which may hold the key too, is thrown away (KY-07).

It prints a line of base64 for each key, or 32 raw bytes. The first key seals; the others only open, until nothing bears
them any more (`gateway.store.rotation`).
"""

import base64
import binascii
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from gateway.config.model import Seal
from gateway.store.errors import KeyUnusable
from gateway.store.vault import KEY_BYTES, Vault

DEADLINE_S: Final = 30.0  # a service manager gives a start 90 s and more; a KMS far away answers within seconds
MOST_OCTETS: Final = 1024
MOST_KEYS: Final = 4
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED_ON: Final = ("CREDENTIALS_DIRECTORY",)  # names a folder of systemd's, where what signs in to a KMS may lie
SETTING: Final = "seal.master_key_command"


def open_vault_of(seal: Seal, *, may_create: bool) -> Vault:
    """The vault of a configuration. Blocks for as long as the command takes. Raises: KeyMismatch, KeyUnusable."""
    if not seal.master_key_command:
        return Vault.open(seal.master_key, may_create=may_create)
    return Vault(*read_keys(seal.master_key_command), command=seal.master_key_command)


def read_keys(command: Sequence[str]) -> tuple[bytes, ...]:
    """What the command prints, 32 bytes each, at least one. Raises: KeyUnusable, without a word of what was printed."""
    keys = _parse(_printed(command))
    if not keys:
        raise KeyUnusable(
            f"{SETTING}: {command[0]} did not print 1 to {MOST_KEYS} different keys, a line of base64 of 32 bytes each"
        )
    return keys


def _parse(printed: bytes) -> tuple[bytes, ...]:
    """Nothing when any of it is wrong."""
    if len(printed) == KEY_BYTES:
        return (printed,)
    try:
        keys = tuple(base64.b64decode(line, validate=True) for line in printed.split())
    except binascii.Error:
        return ()
    is_right = all(len(key) == KEY_BYTES for key in keys) and len(set(keys)) == len(keys) <= MOST_KEYS
    return keys if is_right else ()


def _printed(command: Sequence[str]) -> bytes:
    environment = {"PATH": PATH, "LC_ALL": "C"} | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own words, without a shell
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd="/", env=environment, close_fds=True, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a command"
        raise KeyUnusable(f"{SETTING}: {command[0]} cannot be run: {why}") from None
    try:
        return _read(process, command[0])
    finally:
        _end(process)


def _read(process: subprocess.Popen[bytes], name: str) -> bytes:
    deadline = time.monotonic() + DEADLINE_S
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    printed = bytearray()
    descriptor = process.stdout.fileno()
    waiting = select.poll()  # not select(2), which knows descriptors below 1024 alone
    waiting.register(descriptor, select.POLLIN)
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not waiting.poll(left_s * 1000):
            raise KeyUnusable(f"{SETTING}: {name} took more than {DEADLINE_S:g} s")
        more = os.read(descriptor, MOST_OCTETS + 1 - len(printed))
        if not more:
            break
        printed += more
        if len(printed) > MOST_OCTETS:
            raise KeyUnusable(f"{SETTING}: {name} printed more than {MOST_OCTETS} bytes")
    try:
        status = process.wait(max(deadline - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        raise KeyUnusable(f"{SETTING}: {name} took more than {DEADLINE_S:g} s") from None
    if status:
        how = f"ended with status {status}" if status > 0 else f"was ended by {signal.Signals(-status).name}"
        raise KeyUnusable(f"{SETTING}: {name} {how}; run it as the service user to see why")
    return bytes(printed)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started: its session is its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
