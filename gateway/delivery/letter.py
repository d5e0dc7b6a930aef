"""A message on its way: what all its copies share, in memory for as long as one of them is worked on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.message.address import AddressError, domain_of, parse_from
from gateway.message.entry import MessageKind, QueueEntry
from gateway.message.fields import HeaderError, split_message
from gateway.store.rows import NewMessage
from policy.decision import Method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Letter:
    """One message of the queue. about_id: for mail of our own, the message that it is about.

    message_id, date: values of those header fields, for delivery status notices; empty when the header has none.
    """

    id: str
    kind: MessageKind
    sender: str
    received_at: datetime
    body: bytes = field(repr=False)
    login: str = ""
    envid: str = ""
    ret: str = ""
    about_id: str = ""

    @property
    def message_id(self) -> str:
        return self._header("message-id")

    @property
    def date(self) -> str:
        return self._header("date")

    @property
    def home(self) -> str:
        """The domain that sends it: of the envelope sender, else (mail of our own, reports) of the author."""
        if self.sender:
            return domain_of(self.sender)
        try:
            (author,) = split_message(self.body).all("from")
            return domain_of(parse_from(author.value, allows_utf8=True))
        except (HeaderError, AddressError, ValueError):
            return ""

    def _header(self, name: str) -> str:
        try:
            fields = split_message(self.body).all(name)
        except (
            HeaderError
        ):  # a message of ours that we cannot read is a bug elsewhere; its notice goes out all the same
            return ""
        return fields[0].text if fields else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Recipients that one SMTP transaction can carry: same message, domain, rung and needs. Never empty."""

    letter: Letter
    entries: tuple[QueueEntry, ...]

    @property
    def domain(self) -> str:
        return self.entries[0].recipient.rpartition("@")[2]

    @property
    def method(self) -> Method:
        return self.entries[0].method


TOGETHER: Final = frozenset({Method.TLS})  # ciphertext and portal copies are made for one reader each


def make_batches(letter: Letter, entries: tuple[QueueEntry, ...], *, most: int) -> tuple[Batch, ...]:
    """Group the entries of one message, in their order, by what one transaction can carry; at most `most` in each."""
    groups: dict[tuple[object, ...], list[QueueEntry]] = {}
    for entry in entries:
        alone = "" if entry.method in TOGETHER else entry.id
        utf8 = not entry.recipient.isascii()  # asks for SMTPUTF8, whose lack must not bounce the others
        needs = (entry.protected, entry.requiretls, entry.sensitive)
        key = (entry.recipient.rpartition("@")[2], entry.method, *needs, utf8, alone)
        groups.setdefault(key, []).append(entry)
    return tuple(
        Batch(letter=letter, entries=tuple(group[start : start + most]))
        for group in groups.values()
        for start in range(0, len(group), most)
    )


def letter_of(message: NewMessage) -> Letter:
    """A message that was just stored, as delivery works on it."""
    return Letter(
        id=message.id,
        kind=message.kind,
        sender=message.sender,
        login=message.login,
        envid=message.envid,
        ret=message.ret,
        about_id=message.about_id,
        received_at=message.received_at,
        body=message.body,
    )
