"""What kind of text this is as a whole: mass mail and articles speak about health without speaking about a patient."""

from collections.abc import Sequence
from typing import Final

from policy.phi.view import View

# Phrases of mass mail, of journals and encyclopaedias, of offers and of notices to everybody; lower case.
_MARKS: Final = frozenset(
    phrase.strip()
    for phrase in """
    unsubscribe, join our, register by, register now, save the date, donate, fundraiser
    view in browser, view in your browser, view this email, newsletter, awareness month
    awareness week, awareness day, press release, for immediate release, webinar, clinicaltrials.gov
    phase 1 trial, phase 2 trial, phase 3 trial, phase i trial, phase ii trial, phase iii trial, phase 2 study
    phase 3 study, primary endpoint, randomized, randomised, placebo, meta-analysis, et al, background:
    methods:, conclusion:, conclusions:, affects people, affects millions, millions of, in adults with
    in patients with, affected individuals, affected people, affected infants, people with, people who
    researchers, scientists, studies show, studies have, medlineplus, orphanet, learn more, learn the
    talk to your doctor, talk with your doctor, ask your doctor, your health care provider, contract price
    price list, per unit, ndc, now hiring, we are hiring, cme, continuing education, all staff, all employees
    employees can, employees may, employees must, all rights reserved, copyright, follow us, mutation
    autosomal, inheritance, prevalence, incidence, cohort, odds ratio, confidence interval, health tip
    ask the expert, summary :, symptoms of, symptoms include, national institute, your doctor may
    your doctor can, your doctor will, your doctor uses, what is the, what are the, can cause, can affect
    most people, most common
    has shipped, ship to, purchase order, your order, invoice, net 30, veterinary, rabies, good dog, your pet, your dog
    your cat, committee, agenda, keynote, foundation invites, luncheon, sponsorship, walk for, walk to end
    training is due
    is phi, sign up with, open enrollment, formulary, fee schedule, per employee, volunteers, grand rounds, in-service
    recall of, are recalled, competency, consignment, preventive maintenance, maintenance for, expires in, team captain
    every patient, each patient, all patients, patients should, patients must, patients may, patients can, patients who
    our patients, adults with, children with, women with, men with, anyone with, anyone who, who wants, if your child
    if a patient, when a patient, a patient who, for patients, dear parents, dear neighbors, our community, this month's
    board of, is named, has named, job opening, open position, we seek, seeks a, apply by, apply at, book club
    biography
    naming gift, in memory of, donations, fundraising, raised, raises
    """.replace("\n", ",").split(",")
    if phrase.strip()
)
_MASS_MAIL: Final = frozenset(
    {"unsubscribe", "in browser", "in your browser", "newsletter", "for immediate release", "email preferences"}
)
WORDS: Final = _MARKS | _MASS_MAIL
_ENOUGH: Final = 5  # so many different marks make mass mail or an article
_MASS_MAIL_SHARE: Final = 0.4


def generality(views: Sequence[View], *, is_bulk: bool) -> float:
    """Return how much the message speaks to or about people in general: 0 (not at all) to 1.

    is_bulk: the header marks a list or a mass mailing.
    """
    words: set[str] = set().union(*(view.words for view in views))
    is_mass_mail = is_bulk or not words.isdisjoint(_MASS_MAIL)
    return min(1.0, len(words & _MARKS) / _ENOUGH + (_MASS_MAIL_SHARE if is_mass_mail else 0.0))
