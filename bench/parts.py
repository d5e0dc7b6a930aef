"""`python -m bench.parts`: processor time of the expensive steps for one message of 5 kB, ours and what one would take.

Processor time, best of some repetitions, so that other work on the machine hardly shows.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import dkim

from bench.letters import letters
from gateway.inspect.wire import pack_report
from gateway.message.fields import split_message
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.store.content import BODY, Part, seal_part
from gateway.store.vault import new_data_key
from policy.phi.classify import classify_message

MESSAGES: Final = 30
REPETITIONS: Final = 7


def measure(step: Callable[[bytes], object], messages: Sequence[bytes]) -> float:
    """Milliseconds of processor time for one message."""
    step(messages[0])  # warm
    best = float("inf")
    for _ in range(REPETITIONS):
        started = time.process_time()
        for message in messages:
            step(message)
        best = min(best, time.process_time() - started)
    return 1000 * best / len(messages)


def main() -> None:
    messages = list(letters(MESSAGES))
    pem = {name: generate_key(name) for name in ("rsa", "ed25519")}
    signers = {name: Signer((DkimKey.load("clinic.example", name, key),)) for name, key in pem.items()}
    data_key = new_data_key()
    steps: dict[str, Callable[[bytes], object]] = {
        "read the header": split_message,
        "classify": lambda message: pack_report(classify_message(message)),
        "seal (AES-256-GCM)": lambda message: list(
            seal_part(Part(message_id="0" * 26, name=BODY, data=message), data_key, "bench")
        ),
        "DKIM, Ed25519": lambda message: signers["ed25519"].sign(message, now=0),
        "DKIM, RSA-2048": lambda message: signers["rsa"].sign(message, now=0),
        "DKIM, RSA-2048, dkimpy": lambda message: dkim.sign(message, b"rsa", b"clinic.example", pem["rsa"]),
    }
    for name, step in steps.items():
        print(f"{name:26}{measure(step, messages):8.2f} ms")


if __name__ == "__main__":
    main()
