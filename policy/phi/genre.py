"""What kind of text this is as a whole: mass mail and articles speak about health without speaking about a patient."""

import re
from typing import Final

_MARKS: Final = re.compile(
    r"\b(?:unsubscribe|view (?:this email )?in (?:your )?browser|newsletter|awareness (?:month|week|day)"
    r"|press release|for immediate release|webinar|clinical trials?\.gov"
    r"|phase (?:1|2|3|4|i|ii|iii|iv) (?:trial|study)|primary endpoint|randomi[sz]ed|placebo|meta-analysis"
    r"|et al|background:|methods:|conclusions?:|affects? (?:\w+ )?(?:millions|people|one in)"
    r"|millions of|in adults with|in patients with|affected (?:individuals|people|infants)|people (?:with"
    r"|who)|researchers|scientists|studies (?:show|have)|national institutes? of health|medlineplus"
    r"|orphanet|learn (?:more|the)|health tips?|ask the expert|summary :|symptoms (?:of|include)"
    r"|national institute|your doctor (?:may|can|will|uses)|what (?:is|are) the|can (?:cause|affect)"
    r"|most (?:people|common)"
    r"|talk (?:to|with) your (?:doctor|health)|contract price|price list|per unit|ndc|now hiring"
    r"|we are hiring|cme|continuing education|all (?:staff|employees)|employees (?:can|may|must)"
    r"|all rights reserved|copyright|follow us"
    r"|mutations?|gene\b|autosomal|inheritance|prevalence|incidence|cohort|odds ratio|confidence interval)",
    re.IGNORECASE,
)
_MASS_MAIL: Final = re.compile(
    r"\b(?:unsubscribe|view (?:this email )?in (?:your )?browser|newsletter|for immediate release"
    r"|manage (?:your )?(?:email )?preferences)\b",
    re.IGNORECASE,
)
_ENOUGH: Final = 5  # so many different marks make mass mail or an article


def generality(texts: list[str], *, is_bulk: bool) -> float:
    """Return how much the message speaks to or about people in general: 0 (not at all) to 1.

    is_bulk: the header marks a list or a mass mailing.
    """
    marks = {mark.lower() for text in texts for mark in _MARKS.findall(text[:200_000])}
    is_mass_mail = is_bulk or any(_MASS_MAIL.search(text) for text in texts)
    return min(1.0, len(marks) / _ENOUGH + (0.4 if is_mass_mail else 0.0))
