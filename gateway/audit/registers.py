"""Events about the registers of campaigns and of people."""

from datetime import datetime

from gateway.audit.made import make, moment
from gateway.message.event import Event
from policy.campaign import Campaign
from policy.people import Link, Person


def campaign_recorded(one: Campaign, *, at: datetime) -> Event:
    """Somebody reviewed a campaign or a study; document: SHA-256 of what was reviewed."""
    return make(
        "campaign.recorded", at, name=one.name, purpose=one.purpose, about=one.about.value, payment=one.payment.value,
        audience=one.audience.value, basis=one.basis.value, recipients=list(one.recipients), reviewer=one.reviewer,
        reviewed_at=moment(one.reviewed_at), document=one.document, expires_at=_end(one.expires_at),
        by=one.recorded_by,
    )  # fmt: skip


def campaign_ended(*, at: datetime, name: str, by: str, why: str) -> Event:
    return make("campaign.ended", at, name=name, by=by, why=why)


def person_recorded(one: Person, *, at: datetime) -> Event:
    """A patient, as the registers name patients."""
    return make("person.recorded", at, id=one.id, majority_at=_end(one.majority_at), by=one.recorded_by)


def link_recorded(one: Link, *, at: datetime) -> Event:
    """Who is reached at an address, as what, and how that was verified."""
    return make(
        "person.linked", at, "", one.address, id=one.id, person=one.person, tie=one.tie.value,
        basis="" if one.basis is None else one.basis.value, verified=one.verified, from_at=moment(one.from_at),
        until_at=_end(one.until_at), by=one.recorded_by,
    )  # fmt: skip


def link_ended(*, at: datetime, link_id: str, by: str, why: str) -> Event:
    return make("person.unlinked", at, id=link_id, by=by, why=why)


def link_resumed(*, at: datetime, link_id: str, by: str, why: str) -> Event:
    """A link that a bounce had suspended counts again."""
    return make("person.resumed", at, id=link_id, by=by, why=why)


def _end(at: datetime | None) -> str:
    return "" if at is None else moment(at)
