"""What the classifier found in the labelled messages when it was last agreed on, by kind."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from bench.crossed import Crossed
from bench.wilson import wilson
from policy.phi.classify import classify_message
from tests.policy.phi.labelled.write import Labelled

UNSEEN: Final = {
    "phi": "phi: short mail",
    "hard": "near: short mail",
    "ordinary": "harmless: short mail",
}
BASELINE: Final = Path(__file__).with_name("baseline.json")

Counts = Mapping[str, tuple[int, int]]  # by kind and label, or detector: how many were called so, of how many


def counted(samples: Iterable[Labelled]) -> Counts:
    """Classify the messages and count, by kind and label, those called PHI; by detector, the patients' values named."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for sample in samples:
        report = classify_message(sample.data)
        seen = {finding.kind for finding in report.findings}
        entries = [(f"{sample.label}: {sample.kind}", report.phi)]
        if sample.is_phi:
            entries += [(f"detector: {kind}", kind in seen) for kind in sample.planted]
        for name, is_hit in entries:
            counts[name][0] += is_hit
            counts[name][1] += 1
    return {name: (hits, of) for name, (hits, of) in sorted(counts.items())}


def counted_unseen(judged: Iterable[Crossed]) -> Counts:
    """Count in the short mail, every file judged by a model that has not seen it, what is called PHI."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for item in judged:
        row = counts[UNSEEN[item.mail.group]]
        row[0] += item.by_both
        row[1] += 1
    return {name: (hits, of) for name, (hits, of) in sorted(counts.items())}


def read() -> Counts:
    """Read what is expected."""
    rows: dict[str, list[int]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return {name: (hits, of) for name, (hits, of) in rows.items()}


def write(counts: Counts) -> None:
    """Expect this from now on."""
    rows = ",\n".join(f"  {json.dumps(name)}: [{hits}, {of}]" for name, (hits, of) in counts.items())
    BASELINE.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


def losses(expected: Counts, now: Counts) -> Iterator[str]:
    """Yield what left its interval of 95 %: recall below it, false positives above; and kinds that are gone."""
    for name, (hits, of) in expected.items():
        low, high = wilson(hits, of)
        if name not in now:
            yield f"{name}: no message of this kind is left"
            continue
        share = now[name][0] / now[name][1]
        if name.startswith(("phi: ", "detector: ")) and share < low:
            yield f"{name}: recall {share:.3f} is below {low:.3f}, of {hits} in {of}"
        elif name.startswith(("near: ", "harmless: ")) and share > high:
            yield f"{name}: false positives {share:.3f} are above {high:.3f}, of {hits} in {of}"
