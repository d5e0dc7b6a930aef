"""Measure the classifier on labelled mail: `python bench/eval_phi.py CORPUS [--misses KIND…]`.

CORPUS holds `labels.jsonl`, one message a line with `path`, `label` ("phi" or "not_phi") and `kind`. Prints recall and
false positives for each kind, by the verdict itself (`phi`) and by what policy acts on (`protected`), and the CPU time.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from policy.phi.classify import classify_message
from policy.phi.data.load import vocabulary


@dataclass(slots=True)
class Tally:
    """Counts of one kind of message."""

    messages: int = 0
    phi: int = 0
    protected: int = 0
    wrong: list[tuple[str, float, str]] = field(default_factory=list)


def main() -> int:
    """Run the measurement; exit status 2 when the corpus is not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--misses", nargs="*", default=[], help="list the wrong verdicts of these kinds")
    arguments = parser.parse_args()
    labels = arguments.corpus / "labels.jsonl"
    if not labels.exists():
        sys.stderr.write(f"{labels} is not there\n")
        return 2
    vocabulary()
    tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    seconds = []
    for row in map(json.loads, labels.read_text(encoding="utf-8").splitlines()):
        data = (arguments.corpus / row["path"]).read_bytes()
        started = time.process_time()
        report = classify_message(data)
        seconds.append(time.process_time() - started)
        tally = tallies[row["label"], row["kind"]]
        tally.messages += 1
        tally.phi += report.phi
        tally.protected += report.protected
        if report.phi != (row["label"] == "phi"):
            tally.wrong.append((row["path"], report.score, (report.reasons or ("",))[0]))
    _print(tallies, arguments.misses)
    quantiles = statistics.quantiles(seconds, n=100)
    print(
        f"\n{len(seconds)} messages, median {quantiles[49] * 1000:.1f} ms, p99 {quantiles[98] * 1000:.1f} ms,"
        f" worst {max(seconds) * 1000:.0f} ms"
    )
    return 0


def _print(tallies: dict[tuple[str, str], Tally], misses: list[str]) -> None:
    print(f"{'label':8} {'kind':22} {'n':>5} {'phi':>7} {'protected':>9}")
    for label in ("phi", "not_phi"):
        chosen = {kind: tally for (name, kind), tally in sorted(tallies.items()) if name == label}
        for kind, tally in chosen.items():
            print(
                f"{label:8} {kind:22} {tally.messages:5} {tally.phi / tally.messages:7.2f}"
                f" {tally.protected / tally.messages:9.2f}"
            )
            if kind in misses:
                for path, score, reason in tally.wrong:
                    print(f"    {path} {score:.2f} {reason}")
        total = sum(tally.messages for tally in chosen.values()) or 1
        print(
            f"{label:8} {'ALL':22} {total:5} {sum(tally.phi for tally in chosen.values()) / total:7.3f}"
            f" {sum(tally.protected for tally in chosen.values()) / total:9.3f}\n"
        )


if __name__ == "__main__":
    sys.exit(main())
