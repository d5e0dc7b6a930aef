"""Through whom mail leaves that does not go to MX, and who we are to them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.config.model import Domain, Settings
from gateway.config.problems import Key
from gateway.config.sending import Delivery, Route
from gateway.config.values import HostPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What proves to a next hop who we are: a login with its password, a certificate with its key, or both."""

    login: str = ""
    password_file: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartHost:
    """identity: None where nobody has to sign in."""

    address: HostPort
    is_attested: bool
    identity: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An identity, complete or not, and the keys that it stands under."""

    identity: Identity
    host: HostPort | str | None
    section: Key
    names: tuple[str, str, str, str, str]  # of host, login, password file, certificate, private key

    def key(self, number: int) -> Key:
        return (*self.section, self.names[number])


SMART_HOST_NAMES = (
    "smart_host",
    "smart_host_login",
    "smart_host_password_file",
    "smart_host_certificate",
    "smart_host_private_key",
)
ROUTE_NAMES = ("host", "login", "password_file", "client_certificate", "client_private_key")


def smart_host_for(sender: str, delivery: Delivery, domains: Sequence[Domain]) -> SmartHost | None:
    """The smart host for mail of a sender: that of the sender's domain before that of all.

    sender: an address or its domain, or empty for the null reverse path.
    """
    home = sender.rpartition("@")[2].lower()
    own = next((domain for domain in domains if domain.name == home and domain.smart_host is not None), None)
    section = own or delivery
    if section.smart_host is None:
        return None
    return SmartHost(
        address=section.smart_host,
        is_attested=section.smart_host_attested,
        identity=_identity_or_none(_of_smart_host(section)),
    )


def identity_at(route: Route) -> Identity | None:
    """Who we are to the host of a route; None: nobody in particular."""
    return _identity_or_none(_of_route(route))


def placed_identities(settings: Settings) -> Iterator[Placed]:
    """Every place of the file where an identity may stand."""
    delivery = settings.delivery
    sections: list[tuple[Delivery | Domain, Key]] = [(delivery, ("delivery",))]
    sections += [(domain, ("domain", number)) for number, domain in enumerate(settings.domain)]
    for section, key in sections:
        yield Placed(identity=_of_smart_host(section), host=section.smart_host, section=key, names=SMART_HOST_NAMES)
    for number, route in enumerate(delivery.route):
        key = ("delivery", "route", number)
        yield Placed(identity=_of_route(route), host=route.host, section=key, names=ROUTE_NAMES)


def _of_smart_host(section: Delivery | Domain) -> Identity:
    return Identity(
        login=section.smart_host_login,
        password_file=section.smart_host_password_file,
        certificate=section.smart_host_certificate,
        private_key=section.smart_host_private_key,
    )


def _of_route(route: Route) -> Identity:
    return Identity(
        login=route.login,
        password_file=route.password_file,
        certificate=route.client_certificate,
        private_key=route.client_private_key,
    )


def _identity_or_none(identity: Identity) -> Identity | None:
    return None if identity == Identity() else identity
