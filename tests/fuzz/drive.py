"""Drive targets by atheris, which watches the branches that each input takes: `python -m tests.fuzz.drive NAMES ...`.

Without names all targets, one after the other, each in a process of its own. Options are libFuzzer's, such as
-max_total_time=60, -runs=1000, -seed=1; besides, `--keep=FOLDER` keeps the inputs that were worth it, and goes on from
them the next time. A finding ends its target and leaves its input in that folder. `make fuzz` installs atheris and runs
this.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris

from gateway.log import configure

if TYPE_CHECKING:
    from tests.fuzz.target import Target

LONGEST: Final = 4096  # octets of input
WORD: Final = 64  # octets of a dictionary's entry, a limit of libFuzzer
WATCHED: Final = ["gateway", "policy.phi", "tls"]


def write_inputs(folder: Path, inputs: Iterable[bytes]) -> Path:
    """A folder of files, one an input, as libFuzzer reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"seed-{number:03d}").write_bytes(data)
    return folder


def dictionary(words: Iterable[bytes]) -> str:
    """libFuzzer's dictionary file: one quoted word a line."""
    return "".join(
        '"' + "".join(f"\\x{octet:02X}" for octet in word) + '"\n' for word in words if 0 < len(word) <= WORD
    )


def fuzz(name: str, target: "Target", options: Sequence[str], folder: Path) -> None:
    """Run one target until an option ends it. Does not return: libFuzzer ends the process."""
    words = folder / f"{name}.words"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text(dictionary(target.words))
    found = write_inputs(folder / name, ())
    seeds = write_inputs(folder / f"{name}.seeds", target.seeds)
    fixed = [f"-dict={words}", f"-max_len={LONGEST}", f"-artifact_prefix={folder}/{name}-"]
    atheris.Setup([sys.argv[0], *fixed, *options, str(found), str(seeds)], target.run)
    atheris.Fuzz()


def main(arguments: Sequence[str]) -> int:
    """Run the targets named. Returns: how many ended with a finding."""
    with atheris.instrument_imports(include=WATCHED):
        from tests.fuzz.targets import TARGETS

    configure(level="error", stream=io.StringIO())
    keep = next((Path(word.removeprefix("--keep=")) for word in arguments if word.startswith("--keep=")), None)
    options = [word for word in arguments if word.startswith("-") and not word.startswith("--")]
    names = [word for word in arguments if not word.startswith("-")] or list(TARGETS)
    findings = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        for name in names:
            print(f"== {name}", flush=True)  # noqa: T201  # beside what libFuzzer writes
            child = os.fork()  # what is imported and instrumented serves all; libFuzzer ends its process
            if child == 0:
                fuzz(name, TARGETS[name], options, keep or Path(scratch))
            findings += os.waitpid(child, 0)[1] != 0
    return findings


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
