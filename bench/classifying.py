"""`python -m bench.classifying`: how fast mail is classified, against Presidio and rspamd's regexp module.

The messages are the project's own labelled ones, and letters of 1 MB made of them. Each contender gets them one after
the other; what counts is processor time, so that other work on the machine hardly shows. rspamd has the patterns of our
detectors and neither vocabulary nor names nor the tie, and is asked over HTTP; Presidio has no tables but those of
`bench.presidio`. One that is not installed has a row that says so. A second table is of Mailward alone, with 1 MB of
that letter, of the same as a web page, and of prose (Python's own documentation).
"""

import argparse
import html
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from pydoc_data.topics import topics
from typing import Final

from bench.presidio import presidio
from bench.processes import cpu_s
from bench.rspamd import running_rspamd
from policy.phi.classify import classify_message
from tests.policy.phi.labelled.write import messages
from tests.policy.phi.messages import mail

LARGE: Final = 1_000_000  # bytes of a large letter
ROUNDS: Final = 3


def small() -> list[bytes]:
    """The labelled messages that are text alone."""
    return [message.data for message in messages() if b"multipart/" not in message.data]


def large(pieces: Sequence[bytes]) -> bytes:
    """One letter of 1 MB made of the texts of small ones."""
    return mail(_filled("\r\n".join(_texts(pieces))), subject="all of them")


def kinds(pieces: Sequence[bytes]) -> dict[str, bytes]:
    """Messages of 1 MB by what is in them."""
    page = "".join(f"<div><p>{html.escape(text)}</p></div>\r\n" for text in _texts(pieces))
    prose = "\r\n".join("\r\n".join(text.splitlines()) for text in topics.values())
    return {
        "a letter full of names, numbers and terms": large(pieces),
        "the same as a web page": mail(_filled(page), content_type="text/html; charset=utf-8"),
        "prose": mail(_filled(prose)),
    }


def _texts(pieces: Sequence[bytes]) -> list[str]:
    return [piece.partition(b"\r\n\r\n")[2].decode() for piece in pieces]


def _filled(text: str) -> str:
    """Return lines of a text, again and again, up to the first line end past the size."""
    whole = f"{text}\r\n" * (LARGE // len(text) + 2)
    return whole[: whole.index("\r\n", LARGE)]


def measure(title: str, judge: Callable[[bytes], object], spent: Callable[[], float], rounds: int) -> str:
    """Classify everything; return a row. spent: processor seconds so far."""
    pieces = small()
    letter = large(pieces)
    judge(pieces[0])
    best, best_large = float("inf"), float("inf")
    for _ in range(rounds):
        started = spent()
        for piece in pieces:
            judge(piece)
        best = min(best, spent() - started)
        started = spent()
        judge(letter)
        best_large = min(best_large, spent() - started)
    each_s = max(best, 1e-9) / len(pieces)
    return f"| {title} | {1 / each_s:,.0f} | {each_s * 1000:.2f} | {len(letter) / 1e6 / max(best_large, 0.01):.2g} |"


def measure_kinds(rounds: int) -> str:
    """Classify 1 MB of each kind; return the rows."""
    rows = []
    for title, message in kinds(small()).items():
        best = float("inf")
        for _ in range(rounds):
            started = time.process_time()
            classify_message(message)
            best = min(best, time.process_time() - started)
        rows.append(f"| {title} | {best:.2f} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print("|  | messages/s of processor time | ms a message | 1 MB, MB/s |\n|---|---|---|---|")
    print(measure("Mailward", classify_message, time.process_time, rounds))
    judge = presidio()
    print(
        f"| Presidio | {judge} | | |"
        if isinstance(judge, str)
        else measure("Presidio", judge, time.process_time, 1)  # it takes a hundred times as long
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server below runs as nobody
        with running_rspamd(Path(folder, "rspamd")) as server:
            if isinstance(server, str):
                print(f"| rspamd | {server} | | |")
            else:
                title = f"rspamd, {server.rules} patterns"
                print(measure(title, server.check, lambda: cpu_s(server.root), rounds))

    print(f"\n| 1 MB of | s |\n|---|---|\n{measure_kinds(rounds)}")


if __name__ == "__main__":
    main()
