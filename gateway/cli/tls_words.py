"""What `mailward tls probe` found, in words for people and as facts for programs. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from gateway.delivery.probe import HostProbe, Session
from tls.dane.verify import DaneState
from tls.dnssec.verify import ResolverVerdict
from tls.evidence import TlsEvidence
from tls.mta_sts.verify import Sts
from tls.weight import Weight

LEVELS: Final = ("nothing: it goes in clear where there is no TLS", "TLS, by anybody's certificate", "verified TLS")
WEIGHTS: Final = {
    Weight.REFUSED: "refused: the next method is tried at once",
    Weight.UNCERTAIN: "uncertain: it is tried again until delivery.tls_deadline",
    Weight.MISMATCH: "mismatch: it is tried again, and an alarm is raised",
}
CONSEQUENCES: Final = {
    ResolverVerdict.VALIDATING: "",
    ResolverVerdict.UNREACHABLE: "; mail waits until it does",
    ResolverVerdict.NO_AD: "; DANE does not apply",
    ResolverVerdict.NOT_VALIDATING: "; DANE does not apply",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """verdict: of the resolver's self-test; None: AD does not count anyway."""

    domain: str
    verdict: ResolverVerdict | None
    hosts: tuple[HostProbe, ...]

    @property
    def is_good(self) -> bool:
        """Some host proved what protected mail needs."""
        return any(host.protected.is_ready for host in self.hosts)


def as_lines(found: Found) -> list[str]:
    """Three lines, and three for each host."""
    outcome = "can go over TLS that was proved" if found.is_good else "cannot go over TLS that is proved now"
    lines = [f"{found.domain}: protected mail {outcome}", f"DNSSEC: {_resolver(found.verdict)}"]
    lines.append(f"MTA-STS: {_policy(found.hosts[0].published.sts)}")
    for host in found.hosts:
        where = f"{host.host}:{host.port} [{', '.join(host.addresses) or 'no address'}]"
        lines.append(f"{where}, {host.naming}, {_dane(host)}")
        lines.append(f"  protected mail needs {_session(host.protected)}")
        lines.append(f"  other mail needs {_session(host.other)}")
    return lines


def as_facts(found: Found) -> dict[str, Any]:
    """The same for a program."""
    policy = found.hosts[0].published.sts
    return {
        "domain": found.domain,
        "is_good": found.is_good,
        "resolver": None if found.verdict is None else found.verdict.value,
        "mta_sts": {
            "mode": None if policy.policy is None else policy.policy.mode.value,
            "mx": [] if policy.policy is None else list(policy.policy.mx),
            "max_age_s": None if policy.policy is None else policy.policy.max_age_s,
            "trouble": None if policy.trouble is None else policy.trouble.value,
        },
        "hosts": [
            {
                "host": host.host,
                "port": host.port,
                "addresses": list(host.addresses),
                "named_by": host.naming,
                "is_mx_signed": host.published.is_mx_signed,
                "dane": host.published.dane.state.value,
                "tlsa": [record.kind for record in host.published.dane.records],
                "protected": _facts(host.protected),
                "other": _facts(host.other),
            }
            for host in found.hosts
        ],
    }


def _resolver(verdict: ResolverVerdict | None) -> str:
    if verdict is None:
        return "not used; dns.trust_ad is false, so DANE does not apply"
    return f"{verdict.words}{CONSEQUENCES[verdict]}"


def _policy(sts: Sts) -> str:
    trouble = "" if sts.trouble is None else f"; the live policy is not at hand ({sts.trouble.value})"
    if sts.policy is None:
        return f"no policy{trouble}"
    return f"{sts.policy.mode.value} {', '.join(sts.policy.mx)}, for {sts.policy.max_age_s} s{trouble}"


def _dane(host: HostProbe) -> str:
    dane = host.published.dane
    kinds = ", ".join(record.kind for record in dane.records)
    return f"TLSA {dane.state.value}{f': {kinds}' if kinds else ''}" if dane.state is not DaneState.NONE else "no TLSA"


def _session(session: Session) -> str:
    needed = session.needed
    why = f" ({'; '.join(needed.reasons)})" if needed.reasons else ""
    return f"{LEVELS[needed.level]}{why}. {_outcome(session)}"


def _outcome(session: Session) -> str:
    if session.is_ready:
        return _evidence(session.evidence) or f"No TLS: it {session.failure.words if session.failure else 'has none'}"
    weight = "" if session.weight is None else f", {WEIGHTS[session.weight]}"
    what = session.reply if session.failure is None else f"The host {session.failure.words}"
    return f"{what}{weight}"


def _evidence(proof: TlsEvidence | None) -> str:
    if proof is None:
        return ""
    return f"{proof.version} {proof.cipher}, {proof.verification}, certificate {proof.fingerprint[:16]}"


def _facts(session: Session) -> dict[str, Any]:
    proof = session.evidence
    return {
        "level": session.needed.level.name.lower(),
        "reasons": list(session.needed.reasons),
        "is_ready": session.is_ready,
        "ip": session.ip,
        "failure": None if session.failure is None else session.failure.value,
        "weight": None if session.weight is None else session.weight.value,
        "reply": session.reply,
        "tls_version": None if proof is None else proof.version,
        "tls_cipher": None if proof is None else proof.cipher,
        "certificate": None if proof is None else proof.fingerprint,
        "chain": [] if proof is None else list(proof.chain),
        "verification": None if proof is None else proof.verification,
    }
