"""Client certificates on disk, as mail servers and programs want them."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key."""

    certificate: Path
    key: Path

    @classmethod
    def write(cls, folder: Path, name: str, leaf: trustme.LeafCert) -> "Files":
        made = cls(folder / f"{name}.pem", folder / f"{name}.key")
        leaf.cert_chain_pems[0].write_to_path(str(made.certificate))
        leaf.private_key_pem.write_to_path(str(made.key))
        return made
