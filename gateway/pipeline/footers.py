"""What commercial mail shows below it and in its header (16 CFR part 316, RFC 8058)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.config import Settings
from gateway.message.fields import with_changes
from gateway.message.optout import UNSUBSCRIBE, OptOut, fields_for, make_token
from gateway.store.vault import Vault
from policy.commercial import FOOTER, SIGNED, footer
from policy.edits import Edits, marks_of
from policy.facts import Facts, RecipientFacts

FIELDS: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What commercial mail needs. key: of opt-out tokens. postal_address: empty, nothing is put below such mail."""

    base_url: str
    postal_address: str = ""
    organisations: Mapping[str, str] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, settings: Settings, vault: Vault) -> "Shop":
        """As it is configured."""
        return cls(
            base_url=settings.portal.base_url,
            postal_address=settings.commercial.postal_address,
            organisations={domain.name: domain.organisation for domain in settings.domain},
            key=vault.hash_key(UNSUBSCRIBE),
        )

    def footed(self, facts: Facts, to: RecipientFacts, wanted: Edits) -> tuple[Edits, tuple[bytes, ...]]:
        """What is done to one recipient's commercial copy, with the text below it; and the fields of its header."""
        if wanted.held:
            return wanted, ()
        if facts.report.signed_by_author or facts.report.encrypted:
            return replace(wanted, held=SIGNED), ()
        address, sender = to.address.lower(), facts.sent.sender.rpartition("@")[2].lower()
        token = make_token(self.key, OptOut(address, facts.sent.purpose.lower(), sender))
        url = f"{self.base_url}/unsubscribe/{token}"
        text = footer(
            organisation=self.organisations.get(sender, sender),
            url=url,
            postal_address=self.postal_address,
            is_advertisement=not to.consents.authorized,
        )
        below, marks = (*wanted.below, text), (*wanted.marks, *marks_of(FOOTER, self.postal_address))
        return replace(wanted, below=below, marks=marks, kept=""), fields_for(url)


def with_fields(data: bytes, fields: Sequence[bytes]) -> bytes:
    """A message with these opt-out fields in place of any that it came with; none: as it came."""
    return with_changes(data, remove=FIELDS, prepend=fields) if fields else data
