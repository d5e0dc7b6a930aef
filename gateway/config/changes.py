"""What a reload takes up of a changed file, the policy part, and the names of what waits for a restart."""

from collections.abc import Iterator
from typing import Final, TypeGuard

from gateway.config.fields import Section
from gateway.config.model import Domain, Settings
from gateway.config.problems import Key, dotted

SECTIONS: Final = ("policy", "commercial")  # what decisions are made of, and what policy writes into a message
OF_DOMAIN: Final = ("policy_default", "state")  # and, of a domain that we send for already


def taken_up(running: Settings, read: Settings) -> Settings:
    """What is in force after a reload: the policy part of the file that was read, and the rest of what runs."""
    domains = {domain.name: domain for domain in read.domain}
    mixed = tuple(_with_policy(domain, domains.get(domain.name, domain)) for domain in running.domain)
    return running.model_copy(update={"domain": mixed, **{name: getattr(read, name) for name in SECTIONS}})


def changed(one: Settings, other: Settings) -> tuple[str, ...]:
    """Dotted names of the keys that differ, each once, and no values. A list that is longer or shorter is one key."""
    return tuple(dict.fromkeys(dotted(key) for key in _changed(one, other, ())))


def _with_policy(domain: Domain, read: Domain) -> Domain:
    return domain.model_copy(update={name: getattr(read, name) for name in OF_DOMAIN})


def _changed(one: object, other: object, key: Key) -> Iterator[Key]:
    if isinstance(one, Section) and isinstance(other, Section):
        for name in type(one).model_fields:
            yield from _changed(getattr(one, name), getattr(other, name), (*key, name))
    elif one == other:
        return
    elif _is_tables(one) and _is_tables(other) and len(one) == len(other):
        for number, (mine, yours) in enumerate(zip(one, other, strict=True)):
            yield from _changed(mine, yours, (*key, number))
    else:
        yield key


def _is_tables(value: object) -> TypeGuard[tuple[Section, ...]]:
    return isinstance(value, tuple) and all(isinstance(one, Section) for one in value)
