"""What the page of a link asks for, and the sentences that it says when something is wrong. Pure."""

from datetime import datetime
from enum import StrEnum

from gateway.store.rows import PortalMessage


class Stage(StrEnum):
    """Which form stands on the page."""

    ASK = "ask"  # a button: send me a code
    CODE = "code"  # a field for the code that was mailed
    PIN = "pin"  # a field for the PIN that the sender tells
    LOCKED = "locked"  # a button: the sender gets a new PIN


def stage_of(message: PortalMessage, now: datetime) -> Stage:
    """The stage follows from the stored row alone, so it survives restarts and holds on every node."""
    if message.secret == "pin":  # noqa: S105  # the kind of secret, not one
        return Stage.PIN if message.tries_left > 0 and message.secret_hash else Stage.LOCKED
    is_current = message.secret_expires_at is not None and message.secret_expires_at > now
    return Stage.CODE if message.secret_hash and message.tries_left > 0 and is_current else Stage.ASK


class Trouble(StrEnum):
    """One sentence of what happened, one of what to do; `{...}` are filled in."""

    MISTYPED_CODE = "A code has 6 digits. Type the 6 digits from the mail."
    MISTYPED_PIN = "A PIN has 8 digits, like 4817-2290. Type all 8."
    WRONG_CODE = "This code is not right. Check the mail and try again; {tries} left."
    WRONG_PIN = "This PIN is not right. Check it and try again; {tries} left."
    NO_CODE = "This code has expired. Ask for a new one."
    CODE_USED_UP = "That was the fifth wrong code, so it no longer works. Ask for a new one."
    PIN_USED_UP = "That was the fifth wrong PIN, so it no longer works. You need a new one from {sender}."
    TOO_FAST = "You have tried often in a short time. Wait {wait}, then try again."
    STALE = "This page was open for too long. Try once more."

    def text(self, **words: str) -> str:
        """The sentences with their words."""
        return self.value.format(**words)


def count(number: int, one: str, many: str) -> str:
    """ "1 try", "3 tries"."""
    return f"{number} {one if number == 1 else many}"


def wait_words(seconds: float) -> str:
    """How long to wait, rounded up so that it is long enough."""
    if seconds <= 60:
        return count(int(seconds) + 1, "second", "seconds")
    return count(int(seconds // 60) + 1, "minute", "minutes")
