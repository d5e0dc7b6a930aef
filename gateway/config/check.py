"""What the settings name on this machine: do the files exist, belong together, hold, and hide what is secret.

Done by `check-config`, and by `serve` before it opens a socket. Nothing is changed.
"""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.config.custom import CustomError, read_custom
from gateway.config.model import Settings
from gateway.config.problems import Fault, Key, Problem
from gateway.config.smart_hosts import Placed, placed_identities
from gateway.config.smime_identity import signer_fault, validity_fault
from gateway.config.smime_places import placed_smime_identities

SMALLEST_RSA: Final = 2048  # RFC 8301 section 3.2: what signers should use; `protect.dkim` loads nothing shorter
DATABASE: Final = "mailward.db"  # in data_dir, with store.url = "sqlite"
OTHERS: Final = stat.S_IRWXO


def check(settings: Settings, *, now: datetime | None = None) -> tuple[Problem, ...]:
    """Every problem of what the settings name; empty when a start will not fail on them.

    now: for the validity of certificates; an aware time, by default the present.
    """
    now = now or datetime.now(UTC)
    faults = [*_data_dir(settings), *_master_key(settings)]
    pairs: dict[tuple[Path, Path], Key] = {
        (settings.portal.certificate, settings.portal.private_key): ("portal",),
        (settings.server.tls.certificate, settings.server.tls.private_key): ("server", "tls"),
    }  # the portal's is most often the server's: then it is reported once, where it is set
    for (certificate, private_key), section in pairs.items():
        faults += _certified(certificate, private_key, section, now)
    for number, domain in enumerate(settings.domain):
        for place, signature in enumerate(domain.dkim):
            faults += _dkim(signature.private_key, ("domain", number, "dkim", place, "private_key"))
    for number, listener in enumerate(settings.listener):
        if listener.client_ca is not None:
            faults += _anchors(listener.client_ca, ("listener", number, "client_ca"))
        if listener.tenant_header is not None:
            faults += _secret_inside(settings, ("listener", number, "tenant_header"))
    for placed in placed_identities(settings):
        faults += _identity(placed, now)
    faults += _store_url(settings)
    faults += _patients(settings)
    if settings.delivery.ca_file is not None:
        faults += _anchors(settings.delivery.ca_file, ("delivery", "ca_file"))
    faults += _smime(settings, now)
    return tuple(settings.problem(key, text) for key, text in faults)


def _data_dir(settings: Settings) -> Iterator[Fault]:
    """It may be absent: the first start makes it."""
    key, path = ("server", "data_dir"), settings.server.data_dir
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            yield key, f"{path.parent} does not exist; create {path}, owned by the service user, mode 0700"
        return
    except OSError as error:
        yield key, f"{path} cannot be reached: {error.strerror}"
        return
    if not stat.S_ISDIR(mode):
        yield key, f"{path} is not a directory"
    elif not os.access(path, os.W_OK | os.X_OK):
        yield key, f"{path} cannot be written by this user; give it to the service user"
    elif mode & OTHERS:
        yield key, f"{path} is open to other users; chmod 0700 {path}"


def _master_key(settings: Settings) -> Iterator[Fault]:
    """It may be absent before the first start, which makes it. Whether it is the right one is for the store to say."""
    if settings.seal.master_key_command:
        yield from _command(Path(settings.seal.master_key_command[0]), ("seal", "master_key_command"))
        return
    key, path = ("seal", "master_key"), settings.seal.master_key
    try:
        with path.open("rb"):
            exposed = _exposed(path)
    except FileNotFoundError:
        if not settings.store.url.host and os.path.lexists(settings.server.data_dir / DATABASE):
            yield key, f"{path} does not exist, and stored mail cannot be read without it; bring it back from a backup"
        return
    except OSError as error:
        yield key, f"{path} cannot be read: {error.strerror}"
        return
    if exposed:
        yield key, exposed


def _command(program: Path, key: Key) -> Iterator[Fault]:
    """One that we may run and nobody else may change. It is not run: a KMS counts and answers for each time."""
    try:
        mode = program.stat().st_mode
    except OSError as error:
        yield key, f"{program} cannot be run: {error.strerror}"
        return
    if not stat.S_ISREG(mode) or not os.access(program, os.X_OK):
        yield key, f"{program} is not a program that this user may run"
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield key, f"{program} can be changed by other users; chmod go-w {program}"


def _patients(settings: Settings) -> Iterator[Fault]:
    """The list of patients and its key, where there is to be one."""
    added = settings.classification
    try:
        read_custom(added)
    except CustomError as error:
        yield error.fault
    else:
        if added.patients_file is not None and (exposed := _exposed(added.patients_key)):
            yield ("classification", "patients_key"), exposed


def _certified(certificate: Path, private_key: Path, section: Key, now: datetime) -> Iterator[Fault]:
    """A chain whose first certificate is valid now, and the private key that belongs to it."""
    chain = _certificates(certificate)
    secret = _private_key(private_key)
    if isinstance(chain, str):
        yield (*section, "certificate"), chain
    elif fault := validity_fault(chain[0], now):
        yield (*section, "certificate"), f"{certificate} {fault}"
    if isinstance(secret, str):
        yield (*section, "private_key"), secret
        return
    if exposed := _exposed(private_key):
        yield (*section, "private_key"), exposed
    if not isinstance(chain, str) and chain[0].public_key() != secret.public_key():
        yield (
            (*section, "private_key"),
            f"{private_key} is not the key of {certificate}; name two that belong together",
        )


def _dkim(path: Path, key: Key) -> Iterator[Fault]:
    secret = _private_key(path)
    if isinstance(secret, str):
        yield key, secret
        return
    if not isinstance(secret, RSAPrivateKey | Ed25519PrivateKey):
        yield key, f"{path} is neither RSA nor Ed25519; DKIM knows no other (RFC 8301, RFC 8463)"
    elif isinstance(secret, RSAPrivateKey) and secret.key_size < SMALLEST_RSA:
        yield key, f"{path} is RSA with {secret.key_size} bits; use 2048"
    if exposed := _exposed(path):
        yield key, exposed


def _identity(placed: Placed, now: datetime) -> Iterator[Fault]:
    """What we show to a smart host: a password that is not empty, and a certificate with its own key."""
    identity = placed.identity
    if identity.password_file is not None:
        content = _content(identity.password_file)
        if isinstance(content, str):
            yield placed.key(2), content
        elif not content.strip():
            yield placed.key(2), f"{identity.password_file} is empty; write the password into it"
        elif exposed := _exposed(identity.password_file):
            yield placed.key(2), exposed
    if identity.certificate is not None and identity.private_key is not None:
        names = {"certificate": placed.key(3), "private_key": placed.key(4)}
        for key, text in _certified(identity.certificate, identity.private_key, (), now):
            yield names[str(key[-1])], text


def _anchors(path: Path, key: Key) -> Iterator[Fault]:
    found = _certificates(path)
    if isinstance(found, str):
        yield key, found


def _smime(settings: Settings, now: datetime) -> Iterator[Fault]:
    if settings.smime.ca_file is not None:
        yield from _anchors(settings.smime.ca_file, ("smime", "ca_file"))
    for one in placed_smime_identities(settings):
        if one.certificate is None or one.private_key is None:
            continue  # a conflict, told already
        names = {"certificate": one.certificate_key, "private_key": one.private_key_key}
        for key, text in _certified(one.certificate, one.private_key, (), now):
            yield names[str(key[-1])], text
        chain = _certificates(one.certificate)
        if not isinstance(chain, str) and (fault := signer_fault(chain[0], domain=one.domain)):
            yield one.certificate_key, f"{one.certificate} {fault}"


def _store_url(settings: Settings) -> Iterator[Fault]:
    """A password is kept from other users, and nothing of the store crosses a network that may read or change it."""
    key, url = ("store", "url"), settings.store.url
    if url.has_password:
        yield from _secret_inside(settings, key)
    if url.is_exposed:
        yield key, "leaves this machine without verified TLS; add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem"
    for name, text in url.files:
        path = Path(text)
        found = _content(path)
        if isinstance(found, str):
            yield key, f"{name}: {found}"
        elif name in {"passfile", "sslkey"} and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield key, f"{name}: {path} is open to other users, and then the driver ignores it; chmod 0600 {path}"


def _secret_inside(settings: Settings, key: Key) -> Iterator[Fault]:
    """A secret that stands in the file of the configuration itself."""
    file = settings.problem(key, "").file
    if file.is_file() and (exposed := _exposed(file)):
        yield key, f"is a secret, and {exposed}"


def _content(path: Path) -> bytes | str:
    """The bytes of a file, or why there are none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return f"{path} does not exist"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def _certificates(path: Path) -> list[x509.Certificate] | str:
    """The certificates of a PEM file, one or more, or what is wrong with it."""
    content = _content(path)
    if isinstance(content, str):
        return content
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        return f"{path} holds no PEM certificate"


def _private_key(path: Path) -> PrivateKeyTypes | str:
    """The private key of a PEM file, or what is wrong with it."""
    content = _content(path)
    if isinstance(content, str):
        return content
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        return f"{path} is locked with a passphrase; remove it, nobody is there to type it at start"
    except ValueError:
        return f"{path} holds no PEM private key"


def _exposed(path: Path) -> str:
    """What to do about a secret that every user of the machine can reach; empty when they cannot."""
    return f"{path} is open to other users; chmod 0640 {path} or stricter" if path.stat().st_mode & OTHERS else ""
