"""The master key from a command: what is taken from it, and what never gets out (KY-05, KY-07)."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from gateway.config.model import Seal
from gateway.store import key_command
from gateway.store.errors import KeyMismatch, KeyUnusable
from gateway.store.key_command import open_vault_of, read_keys
from gateway.store.opening import open_store
from gateway.store.vault import Vault
from tests.gateway.config.samples import settings_in
from tests.tools import need

pytestmark = pytest.mark.slow

KEY: Final = bytes(range(1, 33))
OTHER: Final = bytes(range(101, 133))
LINE: Final = base64.b64encode(KEY).decode()
LINE_2: Final = base64.b64encode(OTHER).decode()


Write = Callable[[str], tuple[str, ...]]


@pytest.fixture
def program(tmp_path: Path) -> Write:
    """Writes a program and gives the command for it; its body is Python."""

    def write(body: str) -> tuple[str, ...]:
        file = tmp_path / "print-key"
        file.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\n{body}\n")
        file.chmod(0o700)
        return (str(file),)

    return write


@pytest.mark.parametrize(
    ("printed", "keys"),
    [
        (f"{LINE}\\n", (KEY,)),
        (LINE, (KEY,)),
        (f"{LINE_2}\\r\\n{LINE}\\n\\n", (OTHER, KEY)),
    ],
    ids=["a line", "no end of line", "two"],
)
def test_what_it_prints(program: Write, printed: str, keys: tuple[bytes, ...]) -> None:
    """KY-07: the first seals, the others open."""
    command = program(f"sys.stdout.write('{printed}')")
    assert read_keys(command) == keys
    vault = open_vault_of(Seal(master_key_command=command), may_create=False)
    assert vault.ids == tuple(Vault(key).key_id for key in keys)
    assert (vault.path, vault.command) == (None, command)


def test_a_key_that_openssl_unwraps(tmp_path: Path) -> None:
    """KY-07: as a KMS or TPM does it: what lies on disk is wrapped by a key that is elsewhere; 32 raw bytes come."""
    openssl = need("openssl")

    def run(*arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run([openssl, *arguments], input=data, capture_output=True, check=True, cwd=tmp_path).stdout

    run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "kms.pem")
    options = ("-inkey", str(tmp_path / "kms.pem"), "-pkeyopt", "rsa_padding_mode:oaep")
    (tmp_path / "wrapped").write_bytes(run("pkeyutl", "-encrypt", *options, data=KEY))
    command = (openssl, "pkeyutl", "-decrypt", *options, "-in", str(tmp_path / "wrapped"))
    assert read_keys(command) == (KEY,)
    (tmp_path / "kms.pem").unlink()
    with pytest.raises(KeyUnusable, match=f"{openssl} ended with status 1; run it as the service user"):
        read_keys(command)


WRONG: Final = {
    "nothing": ("", "did not print"),
    "no key": ("print('hello world')", "did not print"),
    "a short one": (f"print('{LINE[:-8]}')", "did not print"),
    "a key and rubbish": (f"print('{LINE} error:0')", "did not print"),
    "the same twice": (f"print('{LINE}\\n{LINE}')", "did not print"),
    "five": ("import base64\nfor n in range(5): print(base64.b64encode(bytes([n]) * 32).decode())", "did not print"),
    "a key and a failure": (f"print('{LINE}')\nsys.exit(3)", "ended with status 3"),
    "a key and a signal": (f"print('{LINE}', flush=True)\nos.kill(os.getpid(), 9)", "ended by SIGKILL"),
    "too much": (f"sys.stdout.write('{LINE}\\n' * 100)", "more than 1024 bytes"),
    "without end": (f"while True: sys.stdout.write('{LINE}\\n')", "more than 1024 bytes"),
    "too slow": (f"print('{LINE}', flush=True)\ntime.sleep(60)", r"took more than 0\.3 s"),
    "too slow to end": (
        f"print('{LINE}', flush=True)\nos.close(1)\ntime.sleep(60)", r"took more than 0\.3 s",
    ),
    "a child that holds on": (
        f"print('{LINE}', flush=True)\nif os.fork() == 0: time.sleep(60)", r"took more than 0\.3 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_taken(program: Write, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """KY-05, KY-07: one line that names the program and what it did; of the key and what else it printed nothing."""
    body, why = WRONG[name]
    is_slow = name.startswith("too slow") or "holds on" in name
    monkeypatch.setattr(key_command, "DEADLINE_S", 0.3 if is_slow else 20.0)
    command = program(f"sys.stderr.write('debug: {LINE}')\n{body}")
    began = time.monotonic()
    with pytest.raises(KeyUnusable, match=why) as found:
        read_keys(command)
    assert time.monotonic() - began < 15
    text = f"{found.value!r} {found.value.__cause__!r}"
    assert "seal.master_key_command" in text
    assert LINE[:8] not in text
    assert "debug" not in text
    assert found.value.__suppress_context__ or found.value.__context__ is None


def test_nothing_is_left_running(program: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that hangs goes with all that it started."""
    monkeypatch.setattr(key_command, "DEADLINE_S", 5.0)
    file = tmp_path / "pid"
    body = (
        f"child = os.fork()\n"
        f"if child == 0: time.sleep(60)\n"
        f"open('{file}', 'w').write(str(child))\n"
        f"sys.stdout.write('x' * 2000)"
    )
    with pytest.raises(KeyUnusable, match="more than"):
        read_keys(program(body))
    child = int(file.read_text())
    deadline = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < deadline


def _runs(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_of_ours_reaches_it(program: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KY-07: neither environment nor descriptors, input or working folder; and no shell reads the arguments."""
    for name, value in {"MAILWARD_SECRET": "s3cret", "LD_PRELOAD": "", "PATH": "/evil", "HOME": "/root"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    seen = tmp_path / "seen"
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        body = (
            f"print('{LINE}')\n"
            f"open('{seen}', 'w').write(repr((dict(os.environ), sys.argv[1:], os.getcwd(), sys.stdin.read(), "
            f"sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.exists('/proc/self/fd/' + n)"
            f" and 'pipe' in os.readlink('/proc/self/fd/' + n)))))"
        )
        assert read_keys((*program(body), "$(id)", "a b; c")) == (KEY,)
    finally:
        os.close(reading)
        os.close(writing)
    environment, arguments, folder, given, pipes = eval(seen.read_text())  # noqa: S307 - what we have just written
    environment.pop("LC_CTYPE", None)  # Python's own, of its child
    assert environment == {
        "PATH": key_command.PATH, "LC_ALL": "C", "CREDENTIALS_DIRECTORY": "/run/credentials/x",
    }  # fmt: skip
    assert (arguments, folder, given, pipes) == (["$(id)", "a b; c"], "/", "", [])


@pytest.mark.parametrize("command", [("/nonexistent/x",), ("/etc/passwd",), ("/",)])
def test_what_cannot_be_run(command: tuple[str, ...]) -> None:
    """KY-05."""
    with pytest.raises(KeyUnusable, match=f"{command[0]} cannot be run"):
        read_keys(command)


async def test_a_store_with_it(program: Write, tmp_path: Path) -> None:
    """KY-05: the first start takes the key and makes no file; a later one with another key is refused."""
    command = program(f"print('{LINE}')")
    settings = settings_in(tmp_path / "data", f'[seal]\nmaster_key_command = ["{command[0]}"]\n')
    for _ in range(2):
        store = await open_store(settings, node="n")
        assert store.vault.ids == (Vault(KEY).key_id,)
        await store.close()
    assert not (tmp_path / "data" / "master.key").exists()
    program(f"print('{LINE_2}')")
    with pytest.raises(KeyMismatch, match="did not seal this database"):
        await open_store(settings, node="n")
