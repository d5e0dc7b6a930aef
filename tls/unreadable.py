"""What a certificate from outside can make the library raise. Its errors have no common base.

Whoever reads a certificate that nobody has verified catches these, and treats it as one that cannot be read.
"""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

UNREADABLE: Final = (
    ValueError,
    TypeError,  # a name of a kind that its attribute cannot have
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
