"""`make eval`: how well the classifier tells PHI from other mail, by kind of message and by detector.

    python -m bench.evaluate [CORPUS] [--misses KIND…] [--write-baseline]

Measured are the project's own labelled messages (tests/policy/phi/labelled), then the short mail that the model is
trained on, each file by a model that has not seen it (bench/crossed.py), then CORPUS when one is given: a folder
with `labels.jsonl`, one message a line with `path`, `label` ("phi" or "not_phi"), `kind`, and optionally `found`, the
kinds of findings that stand in it. Shares come with their interval of 95 %; beside them those of Presidio, where it is
installed. `--write-baseline` writes down what `make test` holds the classifier to from then on.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.crossed import crossed, shares
from bench.presidio import Judge, presidio
from bench.tallies import Sample, Tallies
from policy.phi.classify import classify_message
from policy.phi.data.load import vocabulary
from policy.phi.data.mail import labelled_mail
from policy.phi.report import Kind
from tests.policy.phi.labelled.baseline import BASELINE, counted, counted_unseen, write
from tests.policy.phi.labelled.write import messages


def main() -> int:
    """Run the measurement; exit status 2 when the corpus is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument(
        "--misses", nargs="*", default=[], metavar="KIND", help="list the wrong verdicts of these kinds"
    )
    parser.add_argument("--write-baseline", action="store_true", help="expect of `make test` what is found now")
    arguments = parser.parse_args()
    labels = arguments.corpus / "labels.jsonl" if arguments.corpus else None
    if labels is not None and not labels.exists():
        sys.stderr.write(f"{labels} is not there\n")
        return 2
    if arguments.write_baseline:
        write({**counted(messages()), **counted_unseen(crossed(list(labelled_mail())))})
        print(f"{BASELINE} is written")
        return 0
    vocabulary()
    anchor = presidio()
    if isinstance(anchor, str):
        print(f"without Presidio: {anchor}\n")
    judge = None if isinstance(anchor, str) else anchor
    print("Own labelled messages\n")
    _measure(own(), judge, arguments.misses)
    print("Short mail, each file of it unseen by the model that judges it\n")
    print("\n".join([*shares(list(crossed(list(labelled_mail())))), ""]))
    if labels is not None:
        print("Corpus\n")
        _measure(corpus(labels), judge, arguments.misses)
    return 0


def own() -> Iterator[Sample]:
    """Yield the project's own messages; near misses are a kind of their own."""
    for message in messages():
        yield Sample(
            name=message.name,
            kind=message.kind if message.is_phi else f"{message.kind} ({message.label})",
            is_phi=message.is_phi,
            data=message.data,
            found=message.planted,
        )


def corpus(labels: Path) -> Iterator[Sample]:
    """Yield the messages of a folder in the order of its labels."""
    for row in map(json.loads, labels.read_text(encoding="utf-8").splitlines()):
        yield Sample(
            name=row["path"],
            kind=row["kind"],
            is_phi=row["label"] == "phi",
            data=(labels.parent / row["path"]).read_bytes(),
            found=frozenset(map(Kind, row["found"])) if "found" in row else None,
        )


def _measure(samples: Iterable[Sample], judge: Judge | None, misses: list[str]) -> None:
    """Classify and print; times are the processor's."""
    tallies, seconds, theirs = Tallies(), [], 0.0
    for sample in samples:
        started = time.process_time()
        report = classify_message(sample.data)
        seconds.append(time.process_time() - started)
        started = time.process_time()
        by_anchor = judge is not None and judge(sample.data)
        theirs += time.process_time() - started
        tallies.count(sample, report, by_anchor=by_anchor)
    print("\n".join([*tallies.table(has_anchor=judge is not None, misses=misses), *tallies.detector_table()]))
    quantiles = statistics.quantiles(seconds, n=100)
    print(
        f"{len(seconds)} messages, median {quantiles[49] * 1000:.1f} ms, p99 {quantiles[98] * 1000:.1f} ms,"
        f" mean {statistics.mean(seconds) * 1000:.1f} ms, worst {max(seconds) * 1000:.0f} ms"
    )
    if judge is not None:
        print(f"Presidio: mean {theirs / len(seconds) * 1000:.1f} ms")
    print()


if __name__ == "__main__":
    sys.exit(main())
