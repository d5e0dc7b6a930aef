"""The model's share, measured on mail that it has not been trained on: each file is judged by weights of the others.

    python -m bench.crossed [MAIL] [--wrong]

MAIL is a file or a folder in the form of `policy/phi/data/mail`, of messages that nothing was trained on: they are
judged by the model as it is. Without it, the repository's own are, fold by fold. `--wrong` lists the wrong verdicts.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.wilson import share
from policy.phi.data.learn import Example, texts_of, train
from policy.phi.data.mail import LabelledMail, labelled_mail
from policy.phi.examine import Examined, examine
from policy.phi.learned.features import features
from policy.phi.learned.opinion import Opinion, joined, weigh
from policy.phi.learned.weights import Model, model
from policy.phi.tie import THRESHOLD

FOLDS: Final = 8
GROUPS: Final = {"phi": "recall", "hard": "false: near misses", "ordinary": "false: ordinary mail"}


@dataclass(frozen=True, slots=True)
class Crossed:
    """One message, and whether it is PHI for the rules alone and with a model that does not know its file."""

    mail: LabelledMail
    by_rules: bool
    by_both: bool
    margin: float


def crossed(mails: Sequence[LabelledMail], folds: Sequence[int] = range(FOLDS)) -> Iterator[Crossed]:
    """Judge the messages of some folds, each by weights of all other folds; a file is in one fold."""
    files = {file: number % FOLDS for number, file in enumerate(sorted({mail.file for mail in mails}))}
    examined = [(mail, examine(*texts_of(mail))) for mail in mails]
    examples = [(files[mail.file], Example(features(found), mail.is_phi)) for mail, found in examined]
    for fold in folds:
        fitted = train([item for place, item in examples if place != fold])
        for (mail, found), (place, item) in zip(examined, examples, strict=True):
            if place == fold:
                yield _judged(mail, found, weigh(item.features, fitted))


def shares(judged: Sequence[Crossed]) -> Iterator[str]:
    """Yield lines: recall, and false positives of near misses and ordinary mail, by the rules and with the model."""
    yield f"{'':24} {'n':>5} {'rules alone':>20} {'with the model':>20}"
    for group, title in GROUPS.items():
        of = [item for item in judged if item.mail.group == group]
        if of:
            hits = [sum(item.by_rules for item in of), sum(item.by_both for item in of)]
            yield f"{title:24} {len(of):5} " + " ".join(share(count, len(of)) for count in hits)


def wrong(judged: Sequence[Crossed]) -> Iterator[str]:
    """Yield a line for each wrong verdict: name, kind, margin, subject."""
    for item in judged:
        if item.by_both != item.mail.is_phi:
            what = "missed" if item.mail.is_phi else "false alarm"
            yield f"{what:12} {item.mail.name:16} {item.mail.kind:24} {item.margin:6.2f}  {item.mail.subject[:60]}"


def known(mails: Sequence[LabelledMail], weights: Model) -> Iterator[Crossed]:
    """Judge messages that no training has seen by the model as it is."""
    for mail in mails:
        found = examine(*texts_of(mail))
        yield _judged(mail, found, weigh(features(found), weights))


def _judged(mail: LabelledMail, found: Examined, said: Opinion) -> Crossed:
    both = joined(found, said)
    return Crossed(mail, found.link.score >= THRESHOLD, both.score >= THRESHOLD, said.margin)


def main() -> int:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mail", type=Path, nargs="?")
    parser.add_argument("--wrong", action="store_true")
    arguments = parser.parse_args()
    if arguments.mail:
        judged = list(known(list(labelled_mail(arguments.mail)), model()))
    else:
        judged = list(crossed(list(labelled_mail())))
    print("\n".join([*shares(judged), *(wrong(judged) if arguments.wrong else ())]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
