"""What policy has to know about a message and each recipient, and the rules that it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata

from gateway.config import Settings
from gateway.config.rules import label_book, rule_book
from gateway.config.ways import default_for, recipient_facts, states_of
from gateway.message.account import Account
from gateway.message.fields import split_message
from gateway.message.visible import count_visible
from gateway.pipeline.bindings import binding_of
from gateway.pipeline.registers import NOTHING_ASKED, Answers
from gateway.store.certificates import OnFile
from policy.binding import Binding
from policy.decide import Facts, RecipientFacts, decide
from policy.decision import Decision
from policy.facts import Sent
from policy.phi.report import Report
from policy.purpose import UNKNOWN, PurposeSource, judge_purpose
from policy.rules.labels import LabelBook
from policy.rules.version import version_of
from policy.sensitivity import judge_sensitivity


class FactFinder:
    """Turns a sender, recipients and a report into the facts of a decision, and decides by the configured rules."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.rules = rule_book(settings.policy)
        self._labels = label_book(settings.policy)
        self._domains = frozenset(domain.name for domain in settings.domain)
        self.version = version_of(
            self.rules,
            default=settings.policy.default,
            domains={domain.name: domain.policy_default for domain in settings.domain if domain.policy_default},
            program=program_version(),
            labels=self._labels,
            states={domain.name: domain.state for domain in settings.domain if domain.state},
        )

    def gather(
        self,
        holders: OnFile,
        *,
        sender: str,
        recipients: Sequence[str],
        report: Report,
        requiretls: bool,
        sent: Sent | None = None,
        everybody: Sequence[str] = (),
        is_released: bool = False,
        answers: Mapping[str, Answers] = NOTHING_ASKED,
        bindings: Mapping[str, Binding] | None = None,
    ) -> Facts:
        """Gather what a decision needs.

        holders: who has a key or a certificate. sender: the address in the From field, which is ours.
        sent: what else is known of the message; its sender and our domains are filled in here. everybody,
        is_released: see `Facts`. answers, bindings: of the registers, by recipient in lower case.
        """
        found = [
            replace(self._recipient(sender, address, holders, answers), binding=binding_of(bindings or {}, address))
            for address in recipients
        ]
        return Facts(
            report=report,
            recipients=tuple(found),
            default=default_for(self._settings.policy, self._settings.domain, sender=sender),
            requiretls=requiretls,
            sent=replace(sent or Sent(), sender=sender, our_domains=self._domains),
            everybody=tuple(everybody),
            is_released=is_released,
        )

    def sent(self, account: Account | None, about: Sent, data: bytes) -> Sent:
        """What rules ask of a message besides, whether one does or not: another policy may, of the record of this one.

        account: of the login, None without. data: the message as it came.
        """
        return replace(
            about,
            is_program=account is not None and account.is_program,
            role="" if account is None else account.role,
            visible=count_visible(split_message(data)),
            at=about.at and about.at.astimezone(),
        )

    def settle(self, sent: Sent, report: Report, *, sender: str, everybody: Sequence[str]) -> Sent:
        """What the message is for, by all that is known of it before registers are asked."""
        about = Facts(
            report=report,
            recipients=(),
            default=default_for(self._settings.policy, self._settings.domain, sender=sender),
            sent=replace(sent, sender=sender, our_domains=self._domains),
            everybody=tuple(everybody),
        )
        return settled(self._labels, about, states=states_of(self._settings.domain, sender=sender))

    def decide(self, facts: Facts) -> tuple[Decision, ...]:
        """Decide for each recipient, in the order of the facts."""
        return decide(facts, self.rules)

    def _recipient(self, sender: str, address: str, holders: OnFile, answers: Mapping[str, Answers]) -> RecipientFacts:
        found = recipient_facts(
            self._settings.delivery,
            self._settings.domain,
            sender=sender,
            address=address,
            has_openpgp_key=address.lower() in holders.openpgp,
            has_smime_certificate=address.lower() in holders.smime,
        )
        found = self._settings.discovery.may_find(found)
        said = answers.get(address.lower(), Answers())
        return replace(
            found, consents=said.consents, agreement=said.agreement, campaign=said.campaign, standing=said.standing
        )


def settled(labels: LabelBook, about: Facts, *, states: tuple[str, ...] = ()) -> Sent:
    """What is known of a message, with what it is for, of which legal classes, and under the law of which states.

    about: all that is known before registers are asked. states: those of the sender's domain.
    """
    report, fitting = about.report, labels.fitting(about)
    purpose = judge_purpose(report.said.purpose, [one.purpose for one in fitting if one.purpose], report.signs)
    classed = [one.sensitivity for one in fitting if one.sensitivity]
    sensitivity = judge_sensitivity(report.said.sensitivity, classed, report)
    return replace(
        about.sent,
        purpose="" if purpose.word == UNKNOWN else purpose.word,
        purpose_source=purpose.source,
        purpose_why=purpose.why if purpose.source is PurposeSource.CONTENT else "",
        contradiction=purpose.contradiction,
        sensitivity=sensitivity.classes,
        sensitivity_why=sensitivity.why,
        states=tuple(sorted({one.state for one in fitting if one.state})) or states,
    )


def program_version() -> str:
    """Of the installed Mailward."""
    try:
        return metadata.version("mailward")
    except metadata.PackageNotFoundError:
        return "from sources"
