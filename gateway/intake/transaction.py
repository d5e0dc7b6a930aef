"""One mail transaction as it grows, frozen into an Envelope after DATA."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.intake.params import Mail
from gateway.message.envelope import Client, Envelope, Recipient


@dataclass(slots=True)
class Transaction:
    """MAIL was accepted; recipients are added one by one."""

    mail: Mail
    recipients: list[Recipient] = field(default_factory=list)

    def envelope(self, client: Client, received_at: datetime) -> Envelope:
        """The complete transaction. A recipient given twice gets one copy, and has one entry and one ending."""
        once: dict[str, Recipient] = {}
        for recipient in self.recipients:
            once.setdefault(recipient.address, recipient)
        return Envelope(
            sender=self.mail.sender,
            recipients=tuple(once.values()),
            client=client,
            received_at=received_at,
            envid=self.mail.envid,
            ret=self.mail.ret,
            body_8bit=self.mail.body_8bit,
            smtputf8=self.mail.smtputf8,
            requiretls=self.mail.requiretls,
        )
