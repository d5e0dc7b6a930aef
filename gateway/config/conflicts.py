"""Settings that are right one by one and wrong together."""

from collections.abc import Callable, Hashable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from gateway.config.fields import UNSET
from gateway.config.model import Settings
from gateway.config.modes import ListenerMode, RouteTlsKind
from gateway.config.policies import Policy
from gateway.config.problems import Key, dotted
from gateway.config.smart_hosts import Identity, placed_identities
from gateway.config.smime_places import placed_smime_identities
from gateway.config.values import HostPort
from policy.decision import Action
from policy.rules.condition import Condition
from policy.rules.labels import unaskable
from policy.rules.packs import Pack
from policy.sensitivity import Sensitivity

MOST_APPROVERS: Final = 2

ANY_V4, ANY_V6 = "0.0.0.0", "::"  # noqa: S104 - compared with, not bound to


class Conflict(NamedTuple):
    """What does not fit together; the first key is the one to mend, the others take part in it."""

    keys: tuple[Key, ...]
    text: str


def find_conflicts(settings: Settings) -> Iterator[Conflict]:
    """Yield everything that does not fit together."""
    for find in FINDERS:
        yield from find(settings)


def _listeners(settings: Settings) -> Iterator[Conflict]:
    """A relay trusts somebody, but not everybody; other modes trust passwords and always want TLS."""
    for number, listener in enumerate(settings.listener):
        here = ("listener", number)
        networks, mode = (*here, "trusted_networks"), (*here, "mode")
        if listener.mode is ListenerMode.RELAY:
            if not listener.trusted_networks and listener.client_ca is None:
                yield Conflict((networks, mode), 'is missing; a relay needs it or client_ca, such as ["10.0.0.0/8"]')
            if listener.client_ca is not None and not listener.require_tls:
                text = "cannot be false with client_ca: certificates are shown under TLS; remove it"
                yield Conflict(((*here, "require_tls"), (*here, "client_ca")), text)
            if any(network.prefixlen == 0 for network in listener.trusted_networks):
                yield Conflict((networks,), "trusts the whole Internet; list only networks of your own")
            continue
        if listener.trusted_networks:
            text = f'has no effect with mode "{listener.mode}"; remove it, or write mode = "relay"'
            yield Conflict((networks, mode), text)
        if listener.tenant_header:
            text = f'has no effect with mode "{listener.mode}": users sign in; remove it, or write mode = "relay"'
            yield Conflict(((*here, "tenant_header"), mode), text)
        if not listener.require_tls:
            text = f'cannot be false with mode "{listener.mode}": passwords need TLS; remove it'
            yield Conflict(((*here, "require_tls"), mode), text)


def _client_names(settings: Settings) -> Iterator[Conflict]:
    """A list that nobody is held against would be believed in."""
    for number, listener in enumerate(settings.listener):
        names, mode = (("listener", number, name) for name in ("client_names", "mode"))
        if listener.client_names and listener.mode is not ListenerMode.RELAY:
            text = f'has no effect with mode "{listener.mode}": a certificate signs in whom it names; remove it'
            yield Conflict((names, mode), text)
        elif listener.client_names and listener.client_ca is None:
            yield Conflict((names,), "has no effect without client_ca; add it, or remove this")


def _proxies(settings: Settings) -> Iterator[Conflict]:
    """Who believes a PROXY header says whose; a peer that may write one may come from any address it likes."""
    for number, listener in enumerate(settings.listener):
        proxies, protocol = (("listener", number, name) for name in ("trusted_proxies", "proxy_protocol"))
        if listener.proxy_protocol and not listener.trusted_proxies:
            yield Conflict((proxies, protocol), 'is missing; proxy_protocol needs it, such as ["10.0.0.2/32"]')
        if listener.trusted_proxies and not listener.proxy_protocol:
            yield Conflict((proxies, protocol), "has no effect without proxy_protocol = true")
        if any(network.prefixlen == 0 for network in listener.trusted_proxies):
            yield Conflict((proxies,), "trusts the whole Internet; list only the load balancers")


def _binds(settings: Settings) -> Iterator[Conflict]:
    """No two services listen on the same address; a wildcard takes a port on every address of its family."""
    places: list[tuple[Key, HostPort]] = [
        (("portal", "bind"), settings.portal.bind),
        (("console", "bind"), settings.console.bind),
        (("metrics", "bind"), settings.metrics.bind),
    ]
    places += [(("listener", number, "bind"), listener.bind) for number, listener in enumerate(settings.listener)]
    for number, (key, bind) in enumerate(places):
        for other_key, other in places[:number]:
            if _overlap(bind, other):
                text = f'"{bind}" is taken by {dotted(other_key)} = "{other}"; choose another port'
                yield Conflict((key, other_key), text)
                break


def _overlap(one: HostPort, other: HostPort) -> bool:
    same_family = (":" in one.host) == (":" in other.host)
    wildcard = same_family and not {one.host, other.host}.isdisjoint({ANY_V4, ANY_V6})
    return one.port == other.port != 0 and (one.host == other.host or wildcard)


def _twins(settings: Settings) -> Iterator[Conflict]:
    """Names that must be unique."""
    yield from _twice([(("domain", n, "name"), d.name) for n, d in enumerate(settings.domain)])
    yield from _twice([(("delivery", "route", n, "domain"), r.domain) for n, r in enumerate(settings.delivery.route)])
    yield from _twice([(("policy", "rule", n, "name"), rule.name) for n, rule in enumerate(settings.policy.rule)])
    yield from _twice([(("policy", "label", n, "name"), one.name) for n, one in enumerate(settings.policy.label)])
    yield from _twice([(("policy", "state_rule", n, "name"), r.name) for n, r in enumerate(settings.policy.state_rule)])
    for number, domain in enumerate(settings.domain):
        yield from _twice(
            [(("domain", number, "dkim", n, "selector"), signature.selector) for n, signature in enumerate(domain.dkim)]
        )


def _twice(named: list[tuple[Key, Hashable]]) -> Iterator[Conflict]:
    first: dict[Hashable, Key] = {}
    for key, name in named:
        if first.setdefault(name, key) != key:
            yield Conflict((key, first[name]), f'"{name}" is there twice; remove one')


def _delays(settings: Settings) -> Iterator[Conflict]:
    """Waiting ends before the message does, and urgent mail does not wait longer than other mail."""
    delivery = settings.delivery
    tls, urgent, notice, expire = (
        ("delivery", name) for name in ("tls_deadline", "urgent_tls_deadline", "delay_notice", "expire_after")
    )
    if delivery.tls_deadline >= delivery.expire_after:
        yield Conflict((tls, expire), "must be below delivery.expire_after, or no other rung is ever tried")
    if delivery.urgent_tls_deadline > delivery.tls_deadline:
        yield Conflict((urgent, tls), "must not be above delivery.tls_deadline")
    if delivery.delay_notice >= delivery.expire_after:
        yield Conflict((notice, expire), "must be below delivery.expire_after, or no sender hears of a delay")


def _smart_host(settings: Settings) -> Iterator[Conflict]:
    sections: list[tuple[Key, bool, HostPort | None]] = [
        (("delivery",), settings.delivery.smart_host_attested, settings.delivery.smart_host)
    ]
    sections += [(("domain", n), one.smart_host_attested, one.smart_host) for n, one in enumerate(settings.domain)]
    for section, is_attested, host in sections:
        if is_attested and host is None:
            keys = ((*section, "smart_host_attested"), (*section, "smart_host"))
            yield Conflict(keys, f"vouches for a smart host, but {dotted(keys[1])} is not set")


def _identities(settings: Settings) -> Iterator[Conflict]:
    """A login needs its password, a certificate its key, and both somebody to show them to, whose name is proved."""
    for placed in placed_identities(settings):
        identity = placed.identity
        host, login, password, certificate, private_key = (placed.key(number) for number in range(5))
        if bool(identity.login) != (identity.password_file is not None):
            keys = (login, password) if identity.login else (password, login)
            yield Conflict(keys, f"needs {dotted(keys[1])} beside it")
        if (identity.certificate is None) != (identity.private_key is None):
            keys = (certificate, private_key) if identity.certificate else (private_key, certificate)
            yield Conflict(keys, f"needs {dotted(keys[1])} beside it")
        if identity != Identity() and not placed.host:
            first = login if identity.login or identity.password_file else certificate
            yield Conflict((first, host), f"has nobody to be shown to, since {dotted(host)} is not set")
        if any(ord(letter) < ord(" ") for letter in identity.login):
            yield Conflict((login,), "holds a control character")
    for number, route in enumerate(settings.delivery.route):
        if route.tls.kind is RouteTlsKind.OPPORTUNISTIC and route.login:
            keys = (("delivery", "route", number, "tls"), ("delivery", "route", number, "login"))
            yield Conflict(
                keys, "cannot be opportunistic with login: a password is never sent to who did not prove its name"
            )


def _resolvers(settings: Settings) -> Iterator[Conflict]:
    """Nobody is there to look the resolver's own name up."""
    for number, resolver in enumerate(settings.dns.resolvers):
        try:
            ip_address(resolver.host)
        except ValueError:
            yield Conflict((("dns", "resolvers", number),), f'"{resolver}" is a name; write its IP address')


def _trust(settings: Settings) -> Iterator[Conflict]:
    """AD is believed only from resolvers that somebody chose, and DANE is worth nothing without it (TL-25)."""
    trust_ad, resolvers = ("dns", "trust_ad"), ("dns", "resolvers")
    if settings.dns.trust_ad and not settings.dns.resolvers:
        yield Conflict((resolvers, trust_ad), 'is missing; trust_ad believes named resolvers only: ["127.0.0.1:53"]')
    for number, route in enumerate(settings.delivery.route):
        if route.tls.kind is RouteTlsKind.DANE and not settings.dns.trust_ad:
            text = '"dane" needs dns.trust_ad = true and a validating resolver, or nothing is ever delivered there'
            yield Conflict((("delivery", "route", number, "tls"), trust_ad), text)


def _discovery(settings: Settings) -> Iterator[Conflict]:
    """Keys from DNS count with DNSSEC alone (RFC 7929 section 5, RFC 8162 section 5)."""
    for key, sources in (("openpgp", settings.discovery.openpgp), ("smime", settings.discovery.smime)):
        if "dns" in sources and not settings.dns.trust_ad:
            text = '"dns" needs dns.trust_ad = true and a validating resolver, or nothing is ever found there'
            yield Conflict((("discovery", key), ("dns", "trust_ad")), text)


def _smime(settings: Settings) -> Iterator[Conflict]:
    """A signature needs the certificate and its key."""
    for one in placed_smime_identities(settings):
        keys = (one.certificate_key, one.private_key_key)
        if one.certificate is None:
            yield Conflict(keys, f"is missing; {dotted(keys[1])} signs nothing without it")
        if one.private_key is None:
            yield Conflict((keys[1], keys[0]), f"is missing; {dotted(keys[0])} signs nothing without it")


def _neutral(settings: Settings) -> Iterator[Conflict]:
    """What it writes is signed by its domain, so that has to be one of ours."""
    domain = settings.portal.neutral_domain
    if domain not in {one.name for one in settings.domain}:
        yield Conflict((("portal", "neutral_domain"),), f'"{domain}" is no [[domain]] here; use the name of one')


def _seal(settings: Settings) -> Iterator[Conflict]:
    """One place for the master key: nobody shall believe in the other."""
    if settings.seal.master_key_command and settings.seal.master_key != UNSET:
        keys = (("seal", "master_key"), ("seal", "master_key_command"))
        yield Conflict(keys, "is not read where seal.master_key_command prints the key; remove one of them")


def _rules(settings: Settings) -> Iterator[Conflict]:
    """Only what is held is released."""
    for number, rule in enumerate(settings.policy.rule):
        here = ("policy", "rule", number)
        if rule.approvers > MOST_APPROVERS:
            yield Conflict(((*here, "approvers"),), "is 1 or 2")
        elif rule.approvers > 1 and rule.action is not Action.HOLD:
            yield Conflict(((*here, "approvers"), (*here, "action")), 'is for rules with action = "hold"')


def _labels(settings: Settings) -> Iterator[Conflict]:
    """Labels come before what is said of recipients, and before each other."""
    for number, label in enumerate(settings.policy.label):
        if late := unaskable(label.when):
            text = f"asks for {late[0]}, which is known only after labels; ask for the message, its sender or its login"
            yield Conflict((("policy", "label", number, "when"),), text)
        if label.sensitivity and not _asks_for(settings.policy, label.sensitivity):
            pack = CLASSES[label.sensitivity]
            text = f'"{label.sensitivity}" is a class that no rule asks for; add "{pack}" to policy.packs'
            yield Conflict((("policy", "label", number, "sensitivity"), ("policy", "packs")), text)


def _asks_for(policy: Policy, sensitivity: Sensitivity) -> bool:
    """Whether a class has rules: of its pack, of a state, or of the organisation's own."""
    return (
        CLASSES[sensitivity] in policy.packs
        or any(row.sensitivity is sensitivity for row in policy.state_rule)
        or any(_may_stop(rule.when, sensitivity) for rule in policy.rule if rule.action is not Action.ALLOW)
    )


def _may_stop(when: Condition, sensitivity: Sensitivity) -> bool:
    """Whether a condition asks for this class: by its word, or by a pattern."""
    return "sensitivity" in when.facts and (f'"{sensitivity}"' in when.text or "matches" in when.text)


def _reporter(settings: Settings) -> Iterator[Conflict]:
    """Reports are signed by the domain of their author, so that has to be one of ours."""
    contact = settings.tls_reports.contact
    domain = contact.rpartition("@")[2]
    if domain not in {domain.name for domain in settings.domain}:
        yield Conflict((("tls_reports", "contact"),), f'"{domain}" is no [[domain]] here; use an address of one')


CLASSES: Final = {  # the pack that has the rules of a class
    Sensitivity.PART2: Pack.PART2,
    Sensitivity.PSYCHOTHERAPY: Pack.PSYCHOTHERAPY,
    Sensitivity.HIV: Pack.STATE_LAW,
    Sensitivity.REPRODUCTIVE: Pack.STATE_LAW,
}
FINDERS: Final[tuple[Callable[[Settings], Iterator[Conflict]], ...]] = (
    _listeners,
    _client_names,
    _proxies,
    _binds,
    _twins,
    _delays,
    _smart_host,
    _identities,
    _neutral,
    _resolvers,
    _trust,
    _seal,
    _smime,
    _discovery,
    _reporter,
    _rules,
    _labels,
)
