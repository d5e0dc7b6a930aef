"""The inside of an inspector: `python -m gateway.inspect.child`, started by the pool."""

import pkgutil
from functools import partial
from importlib import import_module

import policy.phi
from gateway.inspect.sample import SAMPLE
from gateway.inspect.tesseract import Tesseract
from gateway.inspect.wire import pack_report, unpack_custom, unpack_tags
from gateway.workers.child import read_setup, serve
from policy.phi.classify import classify_message
from policy.phi.custom.detect import CustomDetectors
from policy.phi.files.sight import Eye


def load_everything(custom: CustomDetectors, eye: Eye | None) -> None:
    """Import what the classifier could want later, and let it work once: behind closed doors nothing can be opened."""
    for module in pkgutil.walk_packages(policy.phi.__path__, "policy.phi."):
        if not module.name.startswith("policy.phi.data."):  # the data's own build tools
            import_module(module.name)
    classify_message(SAMPLE, subject_tags=("[sample]",), custom=custom, eye=eye)


def handle(header: bytes, blob: memoryview, *, custom: CustomDetectors, eye: Eye | None) -> bytes:
    """Classify one message."""
    return pack_report(classify_message(bytes(blob), subject_tags=unpack_tags(header), custom=custom, eye=eye))


if __name__ == "__main__":
    setup = unpack_custom(read_setup())
    added, eye = CustomDetectors(setup), Tesseract(setup.ocr) if setup.ocr else None
    load_everything(added, eye)
    serve(partial(handle, custom=added, eye=eye))
