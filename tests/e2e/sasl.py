"""Cyrus SASL for a Postfix of a test: a user database of its own, and the settings that make Postfix ask it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.tools import need

REALM: Final = "provider.example"


SETTINGS: Final[Mapping[str, str]] = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_local_domain": REALM,
    "smtpd_sasl_security_options": "noanonymous",
    "smtpd_tls_auth_only": "yes",
}


@contextmanager
def sasl_users(users: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """users: name to password. Gives: files for Postfix; Debian's looks for this one below its configuration."""
    with tempfile.TemporaryDirectory(prefix="mailward-sasl-") as name:  # where the user postfix can go
        folder = Path(name)
        folder.chmod(0o755)
        database = folder / "users.db"
        for user, password in users.items():
            subprocess.run(
                [need("saslpasswd2"), "-p", "-c", "-f", database, "-u", REALM, user],
                input=password.encode(), check=True, capture_output=True, timeout=30,
            )  # fmt: skip
        shutil.chown(database, "postfix")
        how = f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: PLAIN LOGIN\n"
        yield {"sasl/smtpd.conf": how}
