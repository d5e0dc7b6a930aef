"""Codes and measurements of health: diagnosis and procedure codes, drug packages, laboratory values. Linear.

A diagnosis code with its dot is one by itself when its category exists. One without, and the codes of procedures (CPT,
HCPCS), look like any part number, so they count only right after a word for them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from policy.phi.anchored import AT_NUMBER, BEFORE_NUMBER, Anchored
from policy.phi.mention import Mention
from policy.phi.report import Kind
from policy.phi.view import View

_DOTTED: Final = Anchored(r"\b([A-Z]\d[0-9A-B])\.(?:[0-9][0-9A-Z]{0,3}|A)\b", number=BEFORE_NUMBER, is_cased=True)
_NEXT: Final = r"(?:[,;/ ]{1,2}(?:and )?"
_DIAGNOSIS: Final = r"[a-z]\d[0-9ab]\.?[0-9a-z]{0,4}\b"
_DIAGNOSES: Final = Anchored(
    rf"\b(?:icd(?:-?(?:9|10))?(?:-cm)?|dx|diagnos[ei]s)(?: codes?)?[ :#]{{1,3}}(?:(?:ab[fjk]|b[fk]) )?"
    rf"(?P<codes>{_DIAGNOSIS}{_NEXT}(?:(?:ab[fjk]|b[fk]) )?{_DIAGNOSIS}){{0,11}})",
    *("icd", "dx", "diagnos"),
)
# CPT (five digits; category II and III end in F and T) and HCPCS level II (a letter and four digits), with a modifier.
_PROCEDURE: Final = r"(?:[a-v]\d{4}|\d{4}[\dftu])\b(?:-[\da-z]{2}\b)?"
_PROCEDURES: Final = Anchored(
    rf"\b(?:cpt|hcpcs|procedure|billing|service)(?: codes?)?[ :#]{{1,3}}(?:hc )?"
    rf"(?P<codes>{_PROCEDURE}{_NEXT}{_PROCEDURE}){{0,11}})",
    *("cpt", "hcpcs", "procedure", "billing code", "service code"),
)
# FDA, 21 CFR 207.33: ten digits as 4-4-2, 5-3-2 or 5-4-1; in claims eleven as 5-4-2.
_NDC: Final = Anchored(
    r"(?<![\w-])(?:\d{4}-\d{4}-\d\d|\d{5}-(?:\d{3}-\d\d|\d{4}-\d{1,2}))(?![\w-])", number=AT_NUMBER, is_cased=True
)
_NDC_LABEL: Final = re.compile(r"\bndc\b.{0,12}\Z", re.IGNORECASE)
_NEAR: Final = 80
_UNITS: Final = Anchored(
    r"(?<![\w.-])\d{1,5}+(?:\.\d{1,3}+)? ?(?:mg/dl|g/dl|mmol/l|meq/l|ng/d?l|ng/ml|pg/ml|[mu]?iu/m?l|u/l|(?:u|mc|µ)g/dl"
    r"|k/ul|ml/min|copies/ml|cells/(?:mm3|ul)|mmol/mol|mm/hr|mm ?hg)\b",
    number=AT_NUMBER,
)
_PRESSURE: Final = Anchored(r"\bbp(?: (?:was|is|of|at))?[ :=]{1,3}\d{2,3}/\d{2,3}\b", "bp")
# Clinicians' short names with a value: "K 6.8", "Hgb 9.8", "EF 35%", "PHQ-9 is 19".
_SHORT: Final = (
    "K Na Cr Ca Mg Cl Hgb Hb Hct Plt WBC INR BNP EF BUN AST ALT Phos trop Trop lactate Tmax GCS pH HR RR CD4".split()
)
_SHORT_VALUES: Final = Anchored(
    rf"(?<![\w.-])(?:{'|'.join(_SHORT)}|A1[cC]|PHQ-?9|GAD-?7|CIWA|MoCA|MMSE|FSIQ|SpO2|TSH|PSA|LDL|HDL)(?: of| is"
    rf"| was| at|:|=)?"
    r" ?[<>]?\d{1,4}(?:\.\d{1,2})?(?![\d/-])",
    *(f"{word.lower()} " for word in _SHORT),
    *(f"{word.lower()}:" for word in _SHORT),
    *("a1c", "phq", "gad", "ciwa", "moca", "mmse", "fsiq", "spo2", "tsh", "psa", "ldl", "hdl"),
    is_cased=True,
)
_TOOTH: Final = Anchored(
    r"\b(?:tooth|teeth|crown|filling|rct|extract(?:ion)?s?|pa of) (?:on |of )?#?\d{1,2}(?!\d)",
    "tooth",
    "teeth",
    "crown",
    "filling",
    "rct",
    "extract",
    "pa of",
)
_DENTAL: Final = Anchored(r"\bd[0-9]\d{3}\b", *(f"d{digit}" for digit in range(10)))  # ADA, CDT codes
_SHAPES: Final = (
    (_SHORT_VALUES, 0.6, "a test's short name with a value"),
    (_TOOTH, 0.6, "a tooth by its number"),
    (_DENTAL, 0.4, "the shape of a dental procedure's code"),
    (_UNITS, 0.55, "a value with a laboratory's unit"),
    (_PRESSURE, 0.75, "a blood pressure"),
)
WORDS: Final = frozenset().union(
    *(pattern.words for pattern in (_DIAGNOSES, _PROCEDURES, _PRESSURE, _SHORT_VALUES, _TOOTH, _DENTAL))
)
_CODE: Final = re.compile(_DIAGNOSIS)
_PROCEDURE_CODE: Final = re.compile(_PROCEDURE)
_MOST: Final = 3_000  # in one text; more adds nothing to a verdict


def find_codes(view: View, categories: frozenset[str], terms: Sequence[Mention]) -> Iterator[Mention]:
    """Yield codes and measurements. categories: of ICD-10-CM, lower case. terms: those found in the text, in order."""
    why = "a diagnosis code of ICD-10-CM"
    dotted = set()
    for match in islice(_DOTTED.finditer(view), _MOST):
        if match[1].lower() in categories:
            dotted.add(match.start())
            yield Mention(Kind.DIAGNOSIS, *match.span(), match[0], 0.8, why)
    for start, end in _listed(_DIAGNOSES, _CODE, view):
        if view.lower[start : start + 3] in categories and start not in dotted:
            yield Mention(Kind.DIAGNOSIS, start, end, view.text[start:end], 0.8, why)
    for start, end in _listed(_PROCEDURES, _PROCEDURE_CODE, view):
        yield Mention(Kind.PROCEDURE, start, end, view.text[start:end], 0.6, "a procedure code after a word for it")
    yield from _packages(view, terms)
    for pattern, strength, words in _SHAPES:
        for match in islice(pattern.finditer(view), _MOST):
            yield Mention(Kind.LAB, *match.span(), view.text[match.start() : match.end()], strength, words)


def _listed(pattern: Anchored, code: re.Pattern[str], view: View) -> Iterator[tuple[int, int]]:
    """Yield where the codes of lists stand."""
    for match in islice(pattern.finditer(view), _MOST):
        for one in code.finditer(view.lower, *match.span("codes")):
            yield one.span()


def _packages(view: View, terms: Sequence[Mention]) -> Iterator[Mention]:
    """Yield codes of drug packages that have their label before them or a drug beside them."""
    drugs = [mention for mention in terms if mention.kind is Kind.DRUG]
    first = 0
    for match in islice(_NDC.finditer(view), _MOST):
        while first < len(drugs) and drugs[first].end < match.start() - _NEAR:
            first += 1
        is_beside = first < len(drugs) and drugs[first].start <= match.end() + _NEAR
        if is_beside or _NDC_LABEL.search(view.text[max(0, match.start() - 20) : match.start()]):
            yield Mention(Kind.DRUG, *match.span(), match[0], 0.4, "a drug's package code")
