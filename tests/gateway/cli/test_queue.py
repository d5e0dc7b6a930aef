"""`mailward queue`: what an operator types and sees, on a queue that a gateway left."""

import asyncio
import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import queue as queue_lines
from gateway.cli import queue_changes
from gateway.cli.context import Status
from gateway.cli.main import main
from gateway.config import load
from gateway.store.file import database_path
from gateway.store.opening import open_store
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import RECIPIENT, SENDER, Counter, letter

pytestmark = pytest.mark.slow

HEAVY = {"sqlalchemy", "aiosqlite", "alembic", "structlog", "rich", "cryptography", "pgpy", "dns", "jinja2"}
ONLY_OPENPGP = '[delivery]\nmethods = ["openpgp"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ONLY_OPENPGP), encoding="utf-8")
    return path


@pytest.fixture
def held(config: Path) -> str:
    """A message of which nothing can leave. Gives: its queue id."""

    async def accept() -> str:
        settings = load(config)
        store = await open_store(settings, node="test")
        try:
            return await Counter(store, settings=settings).accept(letter())
        finally:
            await store.close()

    return asyncio.run(accept())


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["queue", *arguments, "--config", str(config)])


def rows(config: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """The list by recipient, as machines read it."""
    lines = run(config, "list", "--json", *arguments).stdout.splitlines()
    return {row["recipient"]: row for row in map(json.loads, lines)}


def test_release_takes_an_id_or_a_login(config: Path, held: str) -> None:
    for arguments in ((), (held, "--login", SENDER)):
        result = run(config, "release", *arguments, "--reason", "x")
        assert result.exit_code == 2
        assert "--login" in result.stderr
    result = run(config, "release", "--login", SENDER, "--reason", "x")
    assert result.exit_code == 1
    assert "no brake is on" in result.stderr


def test_list(config: Path, held: str) -> None:
    found = rows(config)
    assert found[RECIPIENT]["queue_name"] == "held"
    assert found[RECIPIENT]["queue_id"] == held
    assert found[SENDER]["kind"] == "sender-notice"
    table = run(config, "list").stdout.splitlines()
    assert table[0].split()[:3] == ["id", "state", "method"]
    assert any(held in line and RECIPIENT in line for line in table[1:])


def test_show_explains(config: Path, held: str) -> None:
    """Invariant 6: which finding, which rule, which method, in words."""
    result = run(config, "show", held)
    assert result.exit_code == 0
    assert "held, methods: none" in result.stdout
    assert "No usable OpenPGP key of this recipient is on file" in result.stdout
    assert json.loads(run(config, "show", held, "--json").stdout)["queue_id"] == held


def test_an_attempt_says_what_it_went_by() -> None:
    """Who asked for what TLS, and what is published, beside what was had."""
    tried = {
        "at": "2026-01-02T03:04:05+00:00", "method": "tls", "host": "mx.b.example", "ip": "192.0.2.1", "port": 25,
        "seen": "tls-mismatch", "reply": "451 4.7.5 no", "required": ["DANE: TLSA records of _25._tcp.mx.b.example"],
        "dnssec": "MX signed, TLSA usable", "mta_sts": "testing", "unmet_wish": "wrong-name",
    }  # fmt: skip
    assert queue_lines._attempt(tried).endswith(
        "451 4.7.5 no; no TLS; DANE: TLSA records of _25._tcp.mx.b.example; DNSSEC: MX signed, TLSA usable;"
        " MTA-STS: testing; failed its MTA-STS test: wrong-name"
    )


def test_release_and_reject(config: Path, held: str) -> None:
    """Invariant 1: no safe way, no release; the reason why is what the operator reads."""
    refused = run(config, "release", held, "--reason", "please")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "No usable OpenPGP key" in refused.stderr
    rejected = run(config, "reject", held, "--reason", "wrong patient")
    assert (rejected.exit_code, rejected.stdout) == (0, "1 recipients are refused\n")
    assert rows(config, "--all")[RECIPIENT]["queue_name"] == "rejected"
    assert run(config, "reject", held, "--reason", "again").exit_code == 1


def test_flush(config: Path, held: str) -> None:
    assert run(config, "flush").stdout == "0 recipients are tried now\n"


@pytest.mark.parametrize(
    "arguments", [("show",), ("show", "x", "y"), ("release", "x"), ("reject", "x"), ("nonsense",)], ids=" ".join
)
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    """interface.md: status 2; a reason is not optional, it lands in the audit log."""
    result = run(config, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_no_such_message(config: Path) -> None:
    result = run(config, "show", "nonsense")
    assert (result.exit_code, result.stderr) == (1, "mailward: there is no message nonsense\n")


# --- by filter, and with a question ---


@pytest.fixture
def several(config: Path) -> list[str]:
    """Three messages for one domain and one for another, all held. Gives: their queue ids."""

    async def accept() -> list[str]:
        settings = load(config)
        store = await open_store(settings, node="test")
        try:
            counter = Counter(store, settings=settings)
            people = ("a@b.example", "c@b.example", "e@b.example", "f@d.example")
            return [await counter.accept(letter(), one) for one in people]
        finally:
            await store.close()

    return asyncio.run(accept())


def states(config: Path) -> dict[str, str]:
    """Of mail of people, by recipient."""
    return {address: row["queue_name"] for address, row in rows(config, "--all").items() if row["kind"] == "mail"}


def test_list_by_filter(config: Path, several: list[str]) -> None:
    assert set(rows(config, "--domain", "b.example")) == {"a@b.example", "c@b.example", "e@b.example"}
    assert set(rows(config, several[3].lower())) == {"f@d.example"}
    assert set(rows(config, f"{several[3]}-1")) == {"f@d.example"}
    assert set(rows(config, f"{several[3]}-2")) == set()
    assert set(rows(config, "--sender", "*@clinic.example", "--to", "A@b.example")) == {"a@b.example"}
    assert set(rows(config, "--state", "queued")) == {SENDER}
    assert rows(config, "--older-than", "1h") == {}
    assert len(rows(config, "--younger-than", "1h")) == 5
    result = run(config, "list", "--older-than", "soon")
    assert (result.exit_code, result.stdout) == (2, "")


def test_delete_prints_the_count_and_asks(config: Path, several: list[str]) -> None:
    """Without a terminal nobody can answer, so nothing is done but by --yes."""
    result = run(config, "delete", "--domain", "b.example", "--why", "mistake")
    assert (result.exit_code, result.stdout) == (2, "3 recipients of 3 messages\n")
    assert "--yes" in result.stderr
    assert set(states(config).values()) == {"held"}
    result = run(config, "delete", "--domain", "b.example", "--why", "mistake", "--yes")
    assert (result.exit_code, result.stdout) == (0, "3 recipients of 3 messages\n3 recipients deleted\n")
    assert states(config) == {
        "a@b.example": "rejected",
        "c@b.example": "rejected",
        "e@b.example": "rejected",
        "f@d.example": "held",
    }


@pytest.mark.parametrize(("answer", "state"), [("y", "bounced"), ("n", "held")])
def test_bounce_on_a_terminal(
    config: Path, several: list[str], monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    monkeypatch.setattr(queue_changes, "has_terminal", lambda: True)
    arguments = ["queue", "bounce", several[0], "--why", "moved", "--config", str(config)]
    result = CliRunner().invoke(main, arguments, input=f"{answer}\n")
    assert "1 recipient of 1 message" in result.stdout
    assert "moved" in result.stdout
    assert states(config)["a@b.example"] == state


@pytest.mark.parametrize("command", ["hold", "delete", "bounce", "release"])
def test_no_filter_means_nothing(config: Path, several: list[str], command: str) -> None:
    """Nobody means everything by saying nothing."""
    result = run(config, command, "--why", "x", *(["--yes"] if command in ("delete", "bounce") else []))
    assert result.exit_code == 2
    assert "--all" in result.stderr
    assert set(states(config).values()) == {"held"}


@pytest.mark.parametrize("command", ["hold", "delete", "bounce"])
def test_a_reason_must_be_given(config: Path, several: list[str], command: str) -> None:
    result = run(config, command, several[0])
    assert result.exit_code == 2
    assert "--why" in result.stderr


def test_nothing_matches(config: Path, several: list[str]) -> None:
    result = run(config, "delete", "--domain", "nowhere.example", "--why", "x", "--yes")
    assert (result.exit_code, result.stderr) == (1, "mailward: nothing that waits matches\n")
    result = run(config, "hold", "--domain", "b.example", "--why", "x")
    assert result.exit_code == 1, "it is held already"


def test_release_by_filter_says_what_stays(config: Path, several: list[str]) -> None:
    """No key is on file, so no way is safe, whoever asks (invariant 1)."""
    result = run(config, "release", "--domain", "b.example", "--why", "x")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "0 recipients go on, 3 messages stay held")


def test_hold_and_flush(config: Path, several: list[str]) -> None:
    """What is queued here is our own mail to the sender, which is never held."""
    result = run(config, "hold", "--to", SENDER, "--why", "x")
    assert (result.exit_code, result.stderr) == (1, "mailward: nothing that waits matches\n")
    assert run(config, "flush", "--domain", "b.example").stdout == "0 recipients are tried now\n"


def test_the_list_leaves_the_collector_as_it_was(config: Path, several: list[str]) -> None:
    assert run(config, "list").exit_code == 0
    assert gc.isenabled()


def test_a_file_is_listed_without_the_heavy_libraries(config: Path, held: str) -> None:
    """A hundred thousand entries in a second from the shell: loading these takes as long as reading the queue does."""
    command = ["queue", "list", "--config", str(config)]
    code = (
        f"import sys; from gateway.cli.main import main; main({command!r}, standalone_mode=False);"
        f"print(*{HEAVY!r} & set(sys.modules), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert held in shown.stdout
    assert shown.stderr.split() == []


def test_a_damaged_file_is_one_line(config: Path, held: str) -> None:
    database = database_path(config.parent / "data")
    database.write_bytes(b"not a database, for certain" * 1000)
    result = run(config, "list")
    assert result.exit_code == Status.PROBLEM
    assert result.stderr.startswith(f"mailward: {database}: cannot be read: ")
    assert result.stderr.count("\n") == 1


def test_quarantine_reviews_what_is_held(config: Path, held: str) -> None:
    """interface.md: `quarantine list`, `show`, `approve`, `reject`; the same refusals as `queue release`."""

    def review(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["quarantine", *arguments, "--config", str(config)])

    def waiting() -> list[str]:
        return [json.loads(line)["recipient"] for line in review("list", "--json").stdout.splitlines()]

    assert waiting() == [RECIPIENT]  # and not the notice to the sender, which is queued
    assert held in review("list").stdout
    assert review("list", "--state", "queued").exit_code == 2
    assert "held, methods: none" in review("show", held).stdout
    refused = review("approve", held, "--why", "please")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "No usable OpenPGP key" in refused.stderr
    assert review("reject", held).exit_code == 2  # without a reason
    assert review("reject", held, "--why", "wrong patient").stdout == "1 recipients are refused\n"
    assert waiting() == []
