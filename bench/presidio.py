"""Microsoft Presidio as the anchor of an evaluation, where its packages are installed: they are none of ours.

Presidio finds persons and numbers, not health: a message is PHI to it when it names somebody and a word of the same
health vocabulary stands in it. It reads the subject and the text parts; attachments are none of its business.
"""

import email
import email.policy
from collections.abc import Callable
from email.message import EmailMessage
from importlib import import_module
from typing import Any, Final

from policy.phi.data.load import vocabulary
from policy.phi.health import find_health
from policy.phi.look import look

CERTAIN: Final = 0.4  # from it on a result of Presidio counts; lower ones are numbers of any kind
PEOPLE: Final = ("PERSON", "US_SSN", "PHONE_NUMBER", "EMAIL_ADDRESS", "MEDICAL_LICENSE", "US_DRIVER_LICENSE")
PIECE: Final = 100_000  # characters given to it at once: spaCy takes 1 GB for so many, and refuses more than a million
MODELS: Final = "en_core_web_"  # how the names of the models begin; "lg" goes before "md" and "sm"

Judge = Callable[[bytes], bool]


def presidio() -> Judge | str:
    """Return what tells whether Presidio calls a message PHI, or why there is no such thing here."""
    try:
        installed = import_module("spacy.util").get_installed_models()
        model = min((name for name in installed if name.startswith(MODELS)), default="")
        if not model:
            return f"no model of spaCy is installed ({MODELS}lg or another)"
        provider = import_module("presidio_analyzer.nlp_engine").NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
        )
        analyzer: Any = import_module("presidio_analyzer").AnalyzerEngine(nlp_engine=provider.create_engine())
        names: Any = import_module("tldextract.tldextract")
        names.TLD_EXTRACTOR = names.TLDExtract(
            suffix_list_urls=()
        )  # its own copy of the list: nothing leaves the machine
    except ImportError as missing:
        return f"its packages are not installed ({missing.name})"

    def is_phi(data: bytes) -> bool:
        text = _text(data)
        found = [
            hit
            for at in range(0, len(text), PIECE)
            for hit in analyzer.analyze(
                text=text[at : at + PIECE], language="en", entities=list(PEOPLE), score_threshold=CERTAIN
            )
        ]
        return bool(found) and any(True for _ in find_health(look(text), vocabulary()))

    return is_phi


def _text(data: bytes) -> str:
    """The subject and all text parts; what the standard library cannot decode is left out."""
    message = email.message_from_bytes(data, _class=EmailMessage, policy=email.policy.default)
    pieces = [str(message["subject"] or "")]
    for part in message.walk():
        if part.get_content_maintype() == "text":
            payload = part.get_payload(decode=True)
            pieces.append(payload.decode("utf-8", "replace") if isinstance(payload, bytes) else "")
    return "\n".join(pieces)
