"""What the model reads of a message: classes and masked words, nothing of anybody's name or number."""

from policy.phi.custom.detect import NOTHING, Custom, CustomDetectors
from policy.phi.data.learn import texts_of
from policy.phi.data.mail import LabelledMail
from policy.phi.examine import examine
from policy.phi.learned.features import features

LETTER = "Bogdan's wheeze is back, he was coughing all night and used 12 puffs by 4:30.\n\nThanks,\nAda\nReception"


def _features(body: str, *, subject: str = "note", custom: CustomDetectors = NOTHING) -> dict[str, float]:
    mail = LabelledMail(file="a", number=1, kind="a", is_phi=True, subject=subject, sender="Bo", body=body)
    return features(examine(*texts_of(mail), custom=custom))


def test_names_and_numbers_are_masked() -> None:
    """A name is a name, a number its shape: the model can learn neither."""
    found = _features(LETTER)
    assert {"word <given>", "word <2 digits>", "word <time>", "word wheeze", "class symptom"} <= found.keys()
    assert not {name for name in found if "bogdan" in name or "12" in name or "4:30" in name}


def test_a_class_stands_beside_whoever_is_spoken_of_in_its_sentence() -> None:
    """ "Cough" says something of him; in another sentence it does so only in the message as a whole."""
    near, apart = _features("He has a cough."), _features("He is in. The leaflet on cough is new.")
    assert "pair he symptom" in near
    assert "pair he symptom" not in apart
    assert {"pair nobody symptom", "both he symptom"} <= apart.keys()


def test_forms_and_phrases_have_the_class_of_their_word() -> None:
    assert {"class ill", "class symptom"} <= _features("She keeled over, vomiting.").keys()
    assert "class nobody" in _features("Dear all, the slides are up.")


def test_a_signature_is_not_read() -> None:
    assert "word reception" not in _features(LETTER)
    assert "word reception" in _features("Reception is closed.")


def test_wrapped_lines_are_one_sentence() -> None:
    body = "The night was long for all of us and then\nhe had a cough."
    assert "pair he symptom" in _features(body)


def test_a_value_that_is_nobodys_is_no_name() -> None:
    """An exception of the organisation counts for the model as it does for the rules."""
    custom = CustomDetectors(Custom(allow=("Jane Roe",)))
    assert "who <patient>" in _features("Patient Jane Roe has asthma.")
    assert not {"who <patient>", "who <given>"} & _features("Patient Jane Roe has asthma.", custom=custom).keys()


def test_what_is_read_is_bounded() -> None:
    """A large text costs the model no more than its first sentences."""
    small, large = _features("He has a cough. " * 200), _features("He has a cough. " * 20_000)
    assert small.keys() == large.keys()
