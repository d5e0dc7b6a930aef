"""What the organisation adds to the classifier, with its list of patients read."""

from pathlib import Path

from gateway.config.classification import Classification
from gateway.config.ocr import OcrMissing, find_model
from gateway.config.problems import Fault
from policy.phi.custom.detect import Custom
from policy.phi.custom.patients import KEY_BYTES, MOST, ListError, Patients

LONGEST = 8 * MOST + 4096  # bytes of a list


class CustomError(Exception):
    """The list of patients cannot be used: do not start without it. `fault` is the key, and what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault[1])
        self.fault = fault


def read_custom(added: Classification) -> Custom:
    """What the inspectors get. Raises: CustomError when the list or its key is missing, damaged or not of a pair.

    It is also raised when pictures shall be read and cannot be.
    """
    model = ""
    if added.ocr:
        try:
            model = find_model()
        except OcrMissing as missing:
            raise CustomError((("classification", "ocr"), str(missing))) from None
    data = key = b""
    if added.patients_file is not None:
        data, key = _read(added.patients_file, "patients_file", LONGEST), read_key(added.patients_key)
        try:
            Patients(data, key)
        except ListError as error:
            raise CustomError((("classification", "patients_file"), f"{added.patients_file} {error}")) from None
    return Custom(
        mrn_shapes=added.mrn_shapes,
        programmes=added.programmes,
        allow=added.allow,
        dictionaries=tuple((one.kind, one.terms) for one in added.dictionary),
        patients=data,
        patients_key=key,
        ocr=model,
    )


def read_key(path: Path) -> bytes:
    """The key of the list. Raises: CustomError."""
    key = _read(path, "patients_key", KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise CustomError(
            (("classification", "patients_key"), f"{path} is no key; take it away and build the list again")
        )
    return key


def _read(path: Path, name: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        text = f"{path} does not exist; make it with mailward patients build"
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}"
    else:
        if data:
            return data
        text = f"{path} is empty; make it with mailward patients build"
    raise CustomError((("classification", name), text))
