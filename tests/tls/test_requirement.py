"""One requirement per host, merged from everything that has a say."""

import itertools
from dataclasses import replace

import pytest

from tests.tls.pki import LEAF, ROOT
from tls.dane.verify import NO_DANE, Dane, DaneState
from tls.failures import MEANINGS, MISMATCHES, OF_CERTIFICATE, STRIPPABLE, TlsFailure
from tls.levels import Proof, TlsLevel
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import NO_STS, Sts
from tls.published import Published
from tls.requirement import REFUSALS, HopTls, Needs, Requirement, requirement

NONE, ENCRYPTED, VERIFIED = TlsLevel


@pytest.mark.parametrize(("asked", "route"), list(itertools.product(TlsLevel, TlsLevel)))
def test_the_higher_level_counts(asked: TlsLevel, route: TlsLevel) -> None:
    """A route may raise what a message asks, never lower it."""
    assert requirement(Needs(level=asked), HopTls(route_level=route)).level is max(asked, route)


@pytest.mark.parametrize("level", list(TlsLevel))
def test_content_free_mail_may_go_past_the_route_only(level: TlsLevel) -> None:
    """RFC 8689 section 3: notices and DSNs; never below what they ask themselves."""
    needs = Needs(level=level, is_content_free=True)
    assert requirement(needs, HopTls(route_level=VERIFIED)).level is level


@pytest.mark.parametrize("level", list(TlsLevel))
def test_requiretls_needs_verified_tls(level: TlsLevel) -> None:
    """RFC 8689 section 4.2.1."""
    found = requirement(Needs(level=level, requiretls=True), HopTls())
    assert (found.level, found.requiretls) == (VERIFIED, True)


@pytest.mark.parametrize(
    ("hop", "requiretls"),
    [
        (HopTls(), False),
        (HopTls(is_smart_host=True), True),
        (HopTls(is_smart_host=True, is_attested=True), False),
    ],
)
def test_smart_host_proves_one_hop(hop: HopTls, requiretls: bool) -> None:
    """The ladder: attested, or REQUIRETLS carries the duty on."""
    assert requirement(Needs(level=VERIFIED, is_onward=True), hop).requiretls is requiretls
    assert not requirement(Needs(level=NONE), hop).requiretls


@pytest.mark.parametrize(
    ("needed", "vouched", "refusal"),
    [(True, False, TlsFailure.UNVOUCHED_MX), (True, True, None), (False, False, None)],
)
def test_unsigned_mx(needed: bool, vouched: bool, refusal: TlsFailure | None) -> None:
    """`tls.unsigned_mx = "climb"`."""
    assert requirement(Needs(level=VERIFIED, is_vouched=needed), HopTls(is_vouched=vouched)).refusal is refusal


def test_every_part_says_why() -> None:
    """Invariant 6: who asked for what, in words."""
    needs = Needs(level=VERIFIED, is_onward=True, is_vouched=True, requiretls=True)
    assert requirement(needs, HopTls(route_level=VERIFIED, is_smart_host=True)).reasons == (
        "message needs verified TLS",
        "sender asked for REQUIRETLS",
        "route asks for verified TLS",
        "host name must be vouched for",
        "smart host is not attested, so it must honour REQUIRETLS",
    )
    assert requirement(Needs(level=NONE), HopTls()) == Requirement()


def test_merging_does_not_depend_on_the_order() -> None:
    """Max and union: a later policy cannot undo an earlier one."""
    parts = [
        Requirement(level=ENCRYPTED),
        Requirement(level=VERIFIED, requiretls=True),
        Requirement(refusal=TlsFailure.UNVOUCHED_MX),
    ]
    merged = {part_a | part_b | part_c for part_a, part_b, part_c in itertools.permutations(parts)}
    assert merged == {Requirement(level=VERIFIED, requiretls=True, refusal=TlsFailure.UNVOUCHED_MX)}


@pytest.mark.parametrize("pair", list(itertools.combinations(REFUSALS, 2)))
def test_the_heavier_refusal_counts(pair: tuple[TlsFailure | None, TlsFailure]) -> None:
    """A retry must not be cut short by what sends a message on at once."""
    light, heavy = (Requirement(refusal=refusal) for refusal in pair)
    assert (light | heavy).refusal is (heavy | light).refusal is pair[1]


def test_every_failure_has_words() -> None:
    assert set(MEANINGS) == set(TlsFailure)
    assert all(failure.is_definitive for failure in STRIPPABLE | OF_CERTIFICATE)
    assert not any(failure.is_definitive for failure in MISMATCHES)


HOST = "mx.b.example"
USABLE = Dane(state=DaneState.USABLE, base=HOST, names=(HOST,), records=(LEAF.tlsa(3, 1, 1),), why="TLSA records")
UNUSABLE = Dane(state=DaneState.UNUSABLE, base=HOST, why="none is usable")
FAILED = Dane(state=DaneState.FAILED, why="SERVFAIL")


def sts(mode: Mode = Mode.ENFORCE, *hosts: str) -> Sts:
    return Sts(policy=StsPolicy(mode=mode, max_age_s=86_400, mx=hosts or (HOST,)))


ENFORCED, ELSEWHERE, TESTING = sts(), sts(Mode.ENFORCE, "mx.c.example"), sts(Mode.TESTING, "mx.c.example")
UNKNOWN = Sts(trouble=Trouble.FETCH)
MAIL, PROTECTED = Needs(level=NONE), Needs(level=VERIFIED, is_onward=True)
DANE, WEBPKI, PIN = frozenset({Proof.DANE}), frozenset({Proof.WEBPKI}), frozenset({Proof.PIN})
NO_PROOF: frozenset[Proof] = frozenset()
KEY = "ab" * 32


def hop(dane: Dane = NO_DANE, policy: Sts = NO_STS, *, is_signed: bool = False) -> HopTls:
    """An MX host whose domain and zone publish this."""
    return HopTls(published=Published(host=HOST, is_mx_signed=is_signed, dane=dane, sts=policy))


TABLE = [  # what is published, and then level, proofs and refusal for unprotected and for protected mail
    (hop(), (NONE, NO_PROOF, None), (VERIFIED, WEBPKI, None)),
    (hop(USABLE, is_signed=True), (VERIFIED, DANE, None), (VERIFIED, DANE, None)),
    (hop(USABLE), (VERIFIED, DANE, None), (VERIFIED, DANE, None)),  # TL-24
    (hop(UNUSABLE, is_signed=True), (ENCRYPTED, NO_PROOF, None), (VERIFIED, WEBPKI, None)),  # TL-22
    (hop(FAILED), (NONE, NO_PROOF, TlsFailure.TLSA_UNKNOWN), (VERIFIED, WEBPKI, TlsFailure.TLSA_UNKNOWN)),  # TL-23
    (hop(NO_DANE, ENFORCED), (VERIFIED, WEBPKI, None), (VERIFIED, WEBPKI, None)),
    (hop(NO_DANE, ELSEWHERE), (VERIFIED, WEBPKI, TlsFailure.STS_UNLISTED), (VERIFIED, WEBPKI, TlsFailure.STS_UNLISTED)),
    (hop(NO_DANE, TESTING), (NONE, NO_PROOF, None), (VERIFIED, WEBPKI, None)),  # TL-12
    (hop(NO_DANE, UNKNOWN), (NONE, NO_PROOF, None), (VERIFIED, WEBPKI, TlsFailure.STS_UNKNOWN)),
    (hop(NO_DANE, UNKNOWN, is_signed=True), (NONE, NO_PROOF, None), (VERIFIED, WEBPKI, None)),
    (hop(USABLE, ENFORCED, is_signed=True), (VERIFIED, DANE, None), (VERIFIED, DANE, None)),  # TL-26
    (hop(USABLE, ELSEWHERE, is_signed=True), (VERIFIED, DANE, None), (VERIFIED, DANE, None)),
    (hop(USABLE, ENFORCED), (VERIFIED, DANE, None), (VERIFIED, DANE, None)),
    (hop(USABLE, ELSEWHERE), (VERIFIED, DANE, TlsFailure.STS_UNLISTED), (VERIFIED, DANE, TlsFailure.STS_UNLISTED)),
    (hop(USABLE, UNKNOWN), (VERIFIED, DANE, None), (VERIFIED, DANE, TlsFailure.STS_UNKNOWN)),
    (hop(UNUSABLE, ENFORCED), (VERIFIED, WEBPKI, None), (VERIFIED, WEBPKI, None)),
    (hop(FAILED, ENFORCED), (VERIFIED, WEBPKI, TlsFailure.TLSA_UNKNOWN), (VERIFIED, WEBPKI, TlsFailure.TLSA_UNKNOWN)),
]


@pytest.mark.parametrize(("next_hop", "unprotected", "protected"), TABLE)
def test_what_is_published_binds_all_mail(
    next_hop: HopTls,
    unprotected: tuple[TlsLevel, frozenset[Proof], TlsFailure | None],
    protected: tuple[TlsLevel, frozenset[Proof], TlsFailure | None],
) -> None:
    """TL-10, TL-11, TL-12, TL-22, TL-23, TL-24, TL-26: the table of docs/transport.md."""
    for needs, expected in ((MAIL, unprotected), (PROTECTED, protected)):
        found = requirement(needs, next_hop)
        assert (found.level, found.proofs, found.refusal) == expected


@pytest.mark.parametrize("next_hop", [next_hop for next_hop, _, _ in TABLE])
@pytest.mark.parametrize("extra", [HopTls(), HopTls(pin=KEY), HopTls(route_level=VERIFIED, is_dane_required=True)])
def test_content_free_mail_goes_past_everything(next_hop: HopTls, extra: HopTls) -> None:
    """TL-10, TL-21, RFC 8689 section 3: a bounce or a notice must be able to say what went wrong."""
    needs = Needs(level=NONE, is_content_free=True)
    assert requirement(needs, replace(extra, published=next_hop.published)) == Requirement()


ROUTES = [HopTls(), HopTls(pin=KEY), HopTls(route_level=VERIFIED), HopTls(route_level=VERIFIED, is_dane_required=True)]
SMART = [replace(route, is_smart_host=True, is_vouched=True) for route in ROUTES]


@pytest.mark.parametrize("next_hop", [next_hop for next_hop, _, _ in TABLE])
@pytest.mark.parametrize("route", [*ROUTES, *SMART])
def test_nothing_published_lowers_anything(route: HopTls, next_hop: HopTls) -> None:
    """Invariant: more facts, never less safety; verified TLS always has a proof; and what is bound is required."""
    for level, vouched, requiretls in itertools.product(TlsLevel, (False, True), (False, True)):
        needs = Needs(level=level, is_vouched=vouched, requiretls=requiretls, is_onward=level is VERIFIED)
        without, found = requirement(needs, route), requirement(needs, replace(route, published=next_hop.published))
        assert found.level >= without.level >= level
        assert found.requiretls == without.requiretls
        assert without.proofs - WEBPKI <= found.proofs
        assert bool(found.proofs) is (found.level is VERIFIED)
        assert found.bound <= found.level


def test_testing_is_tried_and_reported() -> None:
    """TL-12: the proof is wished for, not asked for; a host that DANE proves needs no other."""
    assert requirement(MAIL, hop(NO_DANE, TESTING)).wished == WEBPKI
    assert requirement(MAIL, hop(USABLE, TESTING)).wished == NO_PROOF
    assert requirement(MAIL, hop(NO_DANE, ENFORCED)).wished == NO_PROOF


@pytest.mark.parametrize(
    ("next_hop", "proofs", "refusal"),
    [
        (HopTls(pin=KEY), PIN, None),
        (replace(hop(USABLE), pin=KEY), PIN | DANE, None),
        (replace(hop(NO_DANE, ENFORCED), pin=KEY), PIN | WEBPKI, None),
        (HopTls(route_level=VERIFIED), WEBPKI, None),
        (replace(hop(USABLE), route_level=VERIFIED), DANE, None),
        (replace(hop(USABLE), route_level=VERIFIED, is_dane_required=True), DANE, None),
        (replace(hop(UNUSABLE), route_level=VERIFIED, is_dane_required=True), WEBPKI, TlsFailure.DANE_MISSING),
        (replace(hop(), route_level=VERIFIED, is_dane_required=True), WEBPKI, TlsFailure.DANE_MISSING),
        (HopTls(route_level=VERIFIED, is_dane_required=True), WEBPKI, TlsFailure.DANE_MISSING),
        (replace(hop(FAILED), route_level=VERIFIED, is_dane_required=True), WEBPKI, TlsFailure.TLSA_UNKNOWN),
    ],
)
@pytest.mark.parametrize("needs", [MAIL, PROTECTED])
def test_routes(needs: Needs, next_hop: HopTls, proofs: frozenset[Proof], refusal: TlsFailure | None) -> None:
    """`verified`, `pinned:`, `dane`: a pin and what is published both hold; mandatory DANE is RFC 7672 section 6."""
    found = requirement(needs, next_hop)
    assert (found.level, found.proofs, found.refusal) == (VERIFIED, proofs, refusal)


@pytest.mark.parametrize(
    ("next_hop", "naming", "is_vouched"),
    [
        (HopTls(is_vouched=True), "host configured", True),
        (HopTls(), "MX unsigned", False),
        (hop(), "MX unsigned", False),
        (hop(USABLE), "MX unsigned", False),  # TL-24
        (hop(is_signed=True), "MX signed", True),
        (hop(NO_DANE, ENFORCED), "MX listed by MTA-STS", True),
        (hop(NO_DANE, TESTING), "MX unsigned", False),
        (hop(NO_DANE, sts(Mode.TESTING)), "MX unsigned", False),
        (hop(NO_DANE, ENFORCED, is_signed=True), "MX signed", True),
    ],
)
def test_who_vouches_for_a_host(next_hop: HopTls, naming: str, is_vouched: bool) -> None:
    """`tls.unsigned_mx = "climb"`: DNSSEC, an enforced policy or the configuration, and nothing else."""
    assert next_hop.naming == naming
    climb = requirement(replace(PROTECTED, is_vouched=True), next_hop)
    assert climb.refusal is (None if is_vouched else TlsFailure.UNVOUCHED_MX)
    assert requirement(PROTECTED, next_hop).refusal is None


@pytest.mark.parametrize(
    ("next_hop", "refusal"),
    [
        (HopTls(), None),
        (hop(), TlsFailure.UNVOUCHED_MX),
        (hop(NO_DANE, UNKNOWN), TlsFailure.STS_UNKNOWN),
        (hop(USABLE), TlsFailure.UNVOUCHED_MX),
        (hop(USABLE, is_signed=True), None),
        (hop(NO_DANE, ENFORCED), None),
        (HopTls(is_vouched=True, published=Published(host=HOST)), None),
    ],
)
def test_requiretls_needs_a_validated_mx(next_hop: HopTls, refusal: TlsFailure | None) -> None:
    """TL-27, RFC 8689 section 8.2: by DNSSEC or MTA-STS; where nobody has looked, the certificate alone counts."""
    assert requirement(Needs(level=NONE, requiretls=True), next_hop).refusal is refusal


def test_sni() -> None:
    """RFC 7672 section 8.1: the TLSA base domain, which an alias may lead to."""
    pooled = replace(USABLE, base="pool.c.example")
    assert requirement(MAIL, hop(pooled)).server_name == "pool.c.example"
    assert requirement(MAIL, hop(NO_DANE, ENFORCED)).server_name == ""


def test_connections_are_not_shared_between_requirements() -> None:
    """What was proved for one message must be what the next one needs."""
    hops = [next_hop for next_hop, _, _ in TABLE] + [HopTls(pin=KEY), HopTls(pin="cd" * 32)]
    kept = {requirement(needs, next_hop).kept_for for next_hop in hops for needs in (MAIL, PROTECTED)}
    assert len(kept) == len({(one[0], one[1], one[2]) for one in kept}) == 6
    newer = replace(USABLE, records=(LEAF.tlsa(3, 0, 1),))
    assert requirement(MAIL, hop(USABLE)).kept_for != requirement(MAIL, hop(newer)).kept_for
    assert requirement(MAIL, hop(USABLE)).kept_for == requirement(PROTECTED, hop(USABLE, ENFORCED)).kept_for


def test_an_anchor_is_kept_for_the_names_it_was_accepted_with() -> None:
    """TL-20: a certificate of usage 2 that names one domain is no proof for another one behind the same host."""
    anchored = replace(USABLE, records=(ROOT.tlsa(2, 0, 1),), names=("mx.c.example", "c.example"))
    other = replace(anchored, names=("mx.c.example", "d.example"))
    assert requirement(MAIL, hop(anchored)).kept_for != requirement(MAIL, hop(other)).kept_for
    pinned = replace(anchored, records=USABLE.records), replace(other, records=USABLE.records)
    assert len({requirement(MAIL, hop(dane)).kept_for for dane in pinned}) == 1  # usage 3 looks at no name


def test_reasons_of_what_is_published() -> None:
    """Invariant 6."""
    found = requirement(MAIL, replace(hop(USABLE, ENFORCED), pin=KEY))
    assert found.reasons == ("route pins the host's key", "DANE: TLSA records", "domain enforces MTA-STS")
    assert requirement(MAIL, hop(UNUSABLE)).reasons == ("DANE: none is usable",)


def test_a_password_goes_past_nothing() -> None:
    """RFC 4954 section 4: a notice without content may go past pin and DANE, what we sign in with must not."""
    needs = Needs(level=NONE, is_content_free=True)
    dane = Dane(state=DaneState.USABLE, base="mx.b.example", records=(LEAF.tlsa(3, 1, 1),))
    hop = HopTls(is_vouched=True, pin="ab" * 32, published=Published(host="mx.b.example", dane=dane))
    assert requirement(needs, hop).proofs == frozenset()
    assert requirement(needs, replace(hop, is_known=True)).proofs == {Proof.PIN, Proof.DANE}
    missing = HopTls(is_vouched=True, is_dane_required=True, is_known=True)
    assert requirement(needs, missing).refusal is TlsFailure.DANE_MISSING
