"""SA-12: certificates renewed on disk."""

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.daemon.renewal import Renewal
from gateway.web.serve import renew, server_context


class Gateway:
    """Counts reloads, and says what it is told to."""

    def __init__(self) -> None:
        self.reloads = 0
        self.is_good = True

    async def reload(self) -> bool:
        self.reloads += 1
        return self.is_good


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "key.pem"
    certificate.write_text("old certificate")
    key.write_text("old key")
    return certificate, key


async def test_what_did_not_change_is_left_alone(files: tuple[Path, Path]) -> None:
    gateway = Gateway()
    renewal = Renewal(files, gateway.reload)
    await renewal.look()
    assert gateway.reloads == 0


async def test_a_replaced_file_is_taken_up_once(files: tuple[Path, Path]) -> None:
    gateway = Gateway()
    renewal = Renewal(files, gateway.reload)
    new = files[0].with_suffix(".new")
    new.write_text("new certificate")
    new.replace(files[0])
    await renewal.look()
    await renewal.look()
    assert gateway.reloads == 1


async def test_a_half_written_pair_is_tried_again(files: tuple[Path, Path]) -> None:
    """The certificate is there before its key; or a file is gone for a moment."""
    gateway = Gateway()
    renewal = Renewal(files, gateway.reload)
    files[1].unlink()
    gateway.is_good = False
    await renewal.look()
    await renewal.look()
    files[1].write_text("new key")
    gateway.is_good = True
    await renewal.look()
    await renewal.look()
    assert gateway.reloads == 3


def test_a_bad_pair_leaves_the_portal_its_old_one(tmp_path: Path) -> None:
    """OpenSSL takes the certificate before it finds that the key is another's; then no handshake would work at all."""
    ca = trustme.CA()
    pairs = [ca.issue_cert("gw.clinic.example") for _ in range(2)]
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "key.pem"
    pairs[0].cert_chain_pems[0].write_to_path(certificate)
    pairs[0].private_key_pem.write_to_path(key)
    context = server_context(certificate, key)
    pairs[1].cert_chain_pems[0].write_to_path(certificate)
    with pytest.raises(ssl.SSLError):
        renew(context, certificate, key)
    assert _handshake(context, ca) == pairs[0].cert_chain_pems[0].bytes()
    pairs[1].private_key_pem.write_to_path(key)
    renew(context, certificate, key)
    assert _handshake(context, ca) == pairs[1].cert_chain_pems[0].bytes()


def _handshake(server_side: ssl.SSLContext, ca: trustme.CA) -> bytes:
    """Shake hands in memory. Returns: the server's certificate, PEM."""
    client_side = ssl.create_default_context()
    ca.configure_trust(client_side)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname="gw.clinic.example")
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return ssl.DER_cert_to_PEM_cert(found).encode()
