"""What an auditor's scanners say of a running gateway: testssl.sh, sslyze, nmap.

The gateway has an RSA certificate, since with an ECDSA one no server can be talked into RSA key exchange or ROBOT.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.installation import HOSTNAME, Installation, Ports
from tests.e2e.rsa_identity import issue_rsa
from tests.e2e.scanners import Finding, RelayScan, Sslyze, scan_open_relay, scan_testssl
from tests.e2e.world import World
from tests.tools import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# --- what testssl.sh may say -----------------------------------------------------------------------------------------

SECTIONS: Final = (  # each runs beside the others: it is mostly waiting
    ("--protocols", "--std"),
    ("--fs", "--server-preference"),
    ("--server-defaults", "--vulnerable"),
)
FINE: Final = frozenset({"OK", "INFO", "DEBUG"})  # DEBUG: that it is not HTTP
OF_THE_TEST: Final = {  # findings above that have nothing to do with us
    "cert_revocation": "the authority of a test publishes neither CRL nor OCSP",
    "engine_problem": "OpenSSL on the scanner's side has no GOST engine",
    "sessionresumption_ID": "a WARN: the scanner hung up before it knew",
}
MUST_BE_OK: Final = (  # and so was looked at
    "SSLv2 SSLv3 TLS1_2 TLS1_3 "
    "cipherlist_NULL cipherlist_aNULL cipherlist_EXPORT cipherlist_LOW "
    "cipher_order heartbleed CCS ROBOT secure_renego secure_client_renego CRIME_TLS POODLE_SSL fallback_SCSV "
    "SWEET32 FREAK DROWN LOGJAM BEAST LUCKY13 RC4 cert_chain_of_trust cert_trust"
).split()
MUST_BE_REFUSED: Final = ("TLS1", "TLS1_1", "cipherlist_3DES_IDEA")  # testssl.sh only mentions them

# --- what sslyze may say ---------------------------------------------------------------------------------------------

AEAD_1_2: Final = {
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}
AEAD_1_3: Final = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
SUITES: Final[Mapping[str, set[str]]] = {
    "ssl_2_0_cipher_suites": set(),
    "ssl_3_0_cipher_suites": set(),
    "tls_1_0_cipher_suites": set(),
    "tls_1_1_cipher_suites": set(),
    "tls_1_2_cipher_suites": AEAD_1_2,
    "tls_1_3_cipher_suites": AEAD_1_3,
}
CURVES: Final = {"X25519", "X448", "secp256r1", "secp384r1", "secp521r1"}  # RFC 8446 section 4.2.7
EXACTLY: Final[Mapping[str, Mapping[str, object]]] = {  # the whole result of each command
    "tls_compression": {"supports_compression": False},
    "tls_1_3_early_data": {"supports_early_data": False},
    "openssl_ccs_injection": {"is_vulnerable_to_ccs_injection": False},
    "tls_fallback_scsv": {"supports_fallback_scsv": True},
    "heartbleed": {"is_vulnerable_to_heartbleed": False},
    "robot": {"robot_result": "NOT_VULNERABLE_RSA_NOT_SUPPORTED"},
    "session_renegotiation": {
        "supports_secure_renegotiation": True,
        "is_vulnerable_to_client_renegotiation_dos": False,
        "client_renegotiations_success_count": 0,
    },
    "tls_extended_master_secret": {"supports_ems_extension": True},
}
TICKETS: Final = {  # none: RFC 9325 section 3.4
    "tls_ticket_resumption_result": "NOT_SUPPORTED",
    "tls_ticket_attempted_resumptions_count": 5,
    "tls_ticket_successful_resumptions_count": 0,
}
OPTIONS: Final = (
    "--sslv2 --sslv3 --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 --compression --early_data --openssl_ccs --fallback "
    "--heartbleed --robot --reneg --resum --ems --elliptic_curves"
).split()
NOT_ASKED: Final = {"http_headers"}
LOOKED_INTO: Final = {"session_resumption", "elliptic_curves", "certificate_info"}


@dataclass(frozen=True, slots=True)
class Target:
    """The gateway that is scanned. strangers: a relay listener that does not trust loopback; ports.relay does."""

    ports: Ports
    strangers: int
    authority: Path


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("scanned")
    identity = issue_rsa(world.authority, HOSTNAME, folder)
    gateway = Installation(folder / "installation", world)
    ports, strangers = gateway.ports, free_port()
    clear: dict[str, object] = {"mode": "relay", "require_tls": False}  # nmap's script does not speak STARTTLS
    gateway.write_config(
        {
            "server": {"tls": {"certificate": identity.certificate, "private_key": identity.private_key}},
            "listener": [
                {"bind": f"127.0.0.1:{ports.submission}", "mode": "submission"},
                {"bind": f"127.0.0.1:{ports.submissions}", "mode": "submissions"},
                {"bind": f"127.0.0.1:{ports.relay}", "trusted_networks": ["127.0.0.1/32"], **clear},
                {"bind": f"127.0.0.1:{strangers}", "trusted_networks": ["192.0.2.0/24"], **clear},
            ],
        }
    )
    try:
        gateway.start()
        yield Target(ports, strangers, world.authority.file)
    finally:
        gateway.close()


def test_testssl(target: Target, tmp_path: Path) -> None:
    """SA-08, SA-09: nothing above informational on implicit TLS, but for what the test's own certificate brings."""

    def scan(sections: tuple[str, ...]) -> list[Finding]:
        return scan_testssl(target.ports.submissions, target.authority, tmp_path / f"{sections[0]}.json", *sections)

    with ThreadPoolExecutor() as pool:
        findings = [found for part in pool.map(scan, SECTIONS) for found in part]
    worse = {found.id: found for found in findings if found.severity not in FINE}
    assert {name: found for name, found in worse.items() if name not in OF_THE_TEST} == {}
    severities = {found.id: found.severity for found in findings}
    assert {name: severities.get(name) for name in MUST_BE_OK} == dict.fromkeys(MUST_BE_OK, "OK")
    texts = {found.id: found.text for found in findings}
    assert {name: texts.get(name) for name in MUST_BE_REFUSED} == dict.fromkeys(MUST_BE_REFUSED, "not offered")


@pytest.fixture(scope="module")
def sslyze(pytestconfig: pytest.Config) -> Sslyze:
    return Sslyze.install(pytestconfig.cache.mkdir("scanners"))


@pytest.mark.parametrize("listener", ["submission", "submissions"])
def test_sslyze(target: Target, sslyze: Sslyze, listener: str, tmp_path: Path) -> None:
    """SA-08, SA-09: every field that sslyze reports is as it should be, after STARTTLS and on implicit TLS."""
    start = ("--starttls", "smtp") if listener == "submission" else ()
    port = getattr(target.ports, listener)
    result = sslyze.scan(port, target.authority, tmp_path / "sslyze.json", *OPTIONS, *start)

    assert set(result) == {*SUITES, *EXACTLY, *NOT_ASKED, *LOOKED_INTO}
    statuses = {name: command["status"] for name, command in result.items() if name not in NOT_ASKED}
    assert set(statuses.values()) == {"COMPLETED"}, statuses
    said = {name: result[name]["result"] for name in statuses}

    for name, suites in SUITES.items():
        assert said[name]["is_tls_version_supported"] is bool(suites), name
        accepted = {entry["cipher_suite"]["name"]: entry for entry in said[name]["accepted_cipher_suites"]}
        assert set(accepted) == suites, name
        assert {entry["ephemeral_key"]["type_name"] for entry in accepted.values()} <= {"ECDH"}, name
    assert {name: said[name] for name in EXACTLY} == EXACTLY
    # A session of TLS 1.2 may be resumed by its id, from memory, as long as OpenSSL has not dropped it.
    assert {name: said["session_resumption"][name] for name in TICKETS} == TICKETS
    assert said["elliptic_curves"]["supports_ecdh_key_exchange"] is True
    assert {curve["name"] for curve in said["elliptic_curves"]["supported_curves"]} == CURVES
    _check_certificate(said["certificate_info"])


def _check_certificate(info: dict[str, Any]) -> None:
    """The whole chain is sent, in order and without its root, and verifies."""
    (deployment,) = info["certificate_deployments"]
    assert deployment["received_chain_has_valid_order"] is True
    assert deployment["received_chain_contains_anchor_certificate"] is False
    assert deployment["verified_chain_has_sha1_signature"] is False
    paths = {path["trust_store"]["name"]: path for path in deployment["path_validation_results"]}
    assert paths["Supplied CA file"]["was_validation_successful"] is True


REFUSED: Final = "Server doesn't seem to be an open relay, all tests failed"
PATTERNS: Final = 16  # of nmap's script


def test_open_relay_for_strangers(target: Target, tmp_path: Path) -> None:
    """ID-01: a relay listener takes none of the patterns from who is not trusted, and outlasts them all."""
    assert scan_open_relay(target.strangers, tmp_path / "nmap.xml") == RelayScan(REFUSED, PATTERNS, ())


def test_open_relay_for_trusted_networks(target: Target, tmp_path: Path) -> None:
    """ID-01, ID-02: from a trusted network only a bounce passes; this shows also that the script tells what does."""
    bounce = "MAIL FROM:<> -> RCPT TO:<relaytest@nmap.scanme.org>"
    expected = RelayScan("Server is an open relay (1/16 tests)", PATTERNS, (bounce,))
    assert scan_open_relay(target.ports.relay, tmp_path / "nmap.xml") == expected


def test_open_relay_on_submission(target: Target, tmp_path: Path) -> None:
    """ID-01: without a login the first MAIL is refused with 530, where the script ends."""
    refused = RelayScan("Server isn't an open relay, authentication needed", 1, ())
    assert scan_open_relay(target.ports.submission, tmp_path / "nmap.xml") == refused
