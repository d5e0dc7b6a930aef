"""Counts of an evaluation: by kind of message, and by detector."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.wilson import share
from policy.phi.report import Kind, Report

WRONG: Final = 20  # wrong verdicts of a kind that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One labelled message. found: kinds that a detector must name in it; None where the labels do not say."""

    name: str
    kind: str
    is_phi: bool
    data: bytes
    found: frozenset[Kind] | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one kind of message."""

    messages: int = 0
    phi: int = 0
    protected: int = 0
    anchor: int = 0  # called PHI by Presidio
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Detector:
    """Counts of one kind of finding: in messages that hold a patient's value of the kind, and in those without PHI."""

    held: int = 0
    seen: int = 0
    harmless: int = 0
    alarms: int = 0


@dataclass(slots=True)
class Tallies:
    """Everything that is counted."""

    kinds: defaultdict[tuple[bool, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    detectors: defaultdict[Kind, Detector] = field(default_factory=lambda: defaultdict(Detector))

    def count(self, sample: Sample, report: Report, *, by_anchor: bool = False) -> None:
        """Count one verdict. by_anchor: Presidio called the message PHI."""
        tally = self.kinds[sample.is_phi, sample.kind]
        tally.messages += 1
        tally.phi += report.phi
        tally.protected += report.protected
        tally.anchor += by_anchor
        if report.phi != sample.is_phi and len(tally.wrong) < WRONG:
            tally.wrong.append(f"{sample.name} {report.score:.2f} {(report.reasons or ('',))[0]}")
        if sample.found is None:
            return
        seen = {finding.kind for finding in report.findings}
        for kind in Kind:
            detector = self.detectors[kind]
            if sample.is_phi:
                detector.held += kind in sample.found
                detector.seen += kind in sample.found and kind in seen
            elif kind not in sample.found:
                detector.harmless += 1
                detector.alarms += kind in seen

    def table(self, *, has_anchor: bool = False, misses: Iterable[str] = ()) -> Iterator[str]:
        """Yield lines: recall of every kind of PHI, false positives of every other, with intervals of 95 %.

        misses: kinds whose wrong verdicts are listed.
        """
        listed = frozenset(misses)
        for is_phi, title in ((True, "recall"), (False, "false positives")):
            chosen = {kind: tally for (label, kind), tally in sorted(self.kinds.items()) if label is is_phi}
            if not chosen:
                continue
            anchor = f" {'Presidio':>20}" if has_anchor else ""
            yield f"{title:24} {'n':>5} {'by verdict':>20} {'protected':>20}{anchor}"
            for kind, tally in (*chosen.items(), ("ALL", _sum(chosen))):
                shares = [tally.phi, tally.protected, *((tally.anchor,) if has_anchor else ())]
                yield f"{kind:24} {tally.messages:5} " + " ".join(share(hits, tally.messages) for hits in shares)
                if kind in listed:
                    yield from (f"    {line}" for line in tally.wrong)
            yield ""

    def detector_table(self) -> Iterator[str]:
        """Yield lines: how often a detector names a patient's value, and how often it speaks up where there is none.

        A drug or diagnosis in a leaflet is rightly named there: only the tie makes PHI of it.
        """
        rows = {kind: detector for kind, detector in self.detectors.items() if detector.held or detector.alarms}
        if not rows:
            return
        yield f"{'detector':24} {'n':>5} {'recall':>20} {'harmless n':>11} {'named there':>20}"
        for kind, row in rows.items():
            recall = share(row.seen, row.held) if row.held else f"{'-':>20}"
            yield f"{kind:24} {row.held:5} {recall} {row.harmless:11} {share(row.alarms, row.harmless)}"
        yield ""


def _sum(tallies: Mapping[str, Tally]) -> Tally:
    whole = Tally()
    for tally in tallies.values():
        whole.messages += tally.messages
        whole.phi += tally.phi
        whole.protected += tally.protected
        whole.anchor += tally.anchor
    return whole
