"""What rules cost: `python -m bench.rules [--rules 200] [--recipients 100]`, µs of processor time a recipient.

Decisions with and without the rules on the same facts, the best of several rounds; half of the rules ask for the
recipient, a tenth apply.
"""

import argparse
import time
from collections.abc import Callable
from typing import Final

from policy.consent import Consents
from policy.decide import decide
from policy.decision import Action, Method
from policy.facts import Facts, RecipientFacts, Sent
from policy.phi.report import Finding, Kind, Place, Report
from policy.rules import Rule, RuleBook, parse_condition

ROUNDS: Final = 200
CHOSE: Final = Consents(unencrypted=True, opted_out=False, confidential=False)
FOUND: Final = Finding(kind=Kind.MRN, masked="…56", place=Place(part="1"), certainty=0.95, why="a label")


def make_rules(count: int) -> list[Rule]:
    """Rules as an organisation might have them."""
    conditions = (
        "findings.ssn.count >= {0} and not urgent",
        'recipient.domain within ["a{0}.example", "b{0}.example"] or recipient == "c@d{0}.example"',
        "phi and recipients.outside > {1} and score > 0.5",
        'recipient matches "*@*.c{0}.example" and not recipient.ours',
        "findings.mrn.sure > {1} or (bulk and tagged)",
        'sender.domain == recipient.domain and message.size > 10MiB',
        "time >= 08:00 and findings.identifiers >= {0}",
        'recipient.domain in ["x{0}.example", "y{0}.example", "z{0}.example"]',
        "attachments.executables > {1} and purpose != \"treatment\"",
        "recipient.has_openpgp_key or recipients.count >= 1",
        'protected and baa.relation == "business-associate" and not baa.permits',
        'topics contains "substance_use" and not consent.part2 and not consent.unencrypted',
    )  # fmt: skip
    return [
        Rule(
            name=f"rule-{number}",
            when=parse_condition(conditions[number % len(conditions)].format(number + 10, number + 1000)),
            action=Action.PROTECT,
        )
        for number in range(count)
    ]


def make_facts(recipients: int) -> Facts:
    """One message with some findings to many."""
    return Facts(
        report=Report(phi=True, score=0.9, findings=(FOUND,) * 20),
        recipients=tuple(
            RecipientFacts(
                address=f"p{number}@there{number % 7}.example", methods=(Method.TLS, Method.PORTAL), consents=CHOSE
            )
            for number in range(recipients)
        ),
        sent=Sent(sender="a@clinic.example", our_domains=frozenset({"clinic.example"})),
    )


def best(work: Callable[[], object]) -> float:
    """Seconds of the processor in the fastest round; what else the machine does counts little."""
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def main() -> None:
    """Print one line for each number of recipients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--recipients", type=int, nargs="*", default=[1, 10, 100])
    options = parser.parse_args()
    book = RuleBook(make_rules(options.rules))
    print(f"{options.rules} rules")
    for count in options.recipients:
        facts = make_facts(count)
        plain, ruled = best(lambda facts=facts: decide(facts)), best(lambda facts=facts: decide(facts, book))  # type: ignore[misc]
        print(f"{count:5} recipients: {1e6 * ruled / count:7.1f} µs each, without rules {1e6 * plain / count:5.1f}")


if __name__ == "__main__":
    main()
