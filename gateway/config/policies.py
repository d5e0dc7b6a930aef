"""What policy asks of the configuration: rules and labels of the organisation, packs, and commercial mail."""

from gateway.config.fields import (
    DerivedMailbox,
    Fields,
    Flag,
    Mailbox,
    Maskable,
    OptionalPurpose,
    OptionalSensitivity,
    OptionalState,
    OptionalWhen,
    PositiveCount,
    PositiveDuration,
    Purpose,
    RuleName,
    Section,
    State,
    Tag,
    Text,
    When,
    required,
    setting,
)
from policy.baa import UnknownOrganisation
from policy.decision import Action, PolicyDefault
from policy.rules.packs import Pack
from policy.rules.state_law import Requirement
from policy.sensitivity import Sensitivity


class Rule(Section):
    """A rule of the organisation. Every rule is asked; the strictest action counts, so their order says nothing."""

    name: RuleName = required("Name in traces and in the audit log; each once.", example="no-ssn-lists")
    when: When = required("Condition, see docs/policy.md.", example="findings.ssn.count >= 10")
    unless: OptionalWhen = setting(
        "", "Exception: where it holds, the rule asks for nothing, and the trace says so.", example='role == "privacy"'
    )
    action: Action = required(
        "reject: refused at once. hold: a person decides. portal-only. require-tls: verified TLS, or it comes back."
        " protect: by the ladder. allow: nothing; no rule ever makes a message less protected.",
        example="hold",
    )
    notify: tuple[Mailbox, ...] = setting(
        [], "Who is told that it applied: a notice without content.", example=["privacy@clinic.example"]
    )
    add_header: Fields = setting(
        {},
        "Header fields put on the copies of those it applies to, X- names only.",
        example={"X-Clinic-Class": "restricted"},
    )
    approvers: PositiveCount = setting(1, "How many persons must release what it holds: 1 or 2.")
    journal: DerivedMailbox = setting(
        "", "Archive that gets a blind copy, always protected.", example="archive@clinic.example"
    )
    disclaimer: Text = setting(
        "", "Text put below the copies of those it applies to.", example="This message is confidential."
    )
    redact: tuple[Maskable, ...] = setting(
        [], "Kinds of findings masked in the copies of those it applies to.", example=["ssn"]
    )


class Label(Section):
    """What messages are, before rules are asked: those of a credential, a domain, a kind."""

    name: RuleName = required("Name in traces; each once.", example="newsletters")
    when: When = required(
        "Condition, see docs/policy.md; of the message alone, without registers.", example='credential == "newsletters"'
    )
    purpose: OptionalPurpose = setting(
        "",
        "What they are for, where the sender's system does not say: a word of X-Mailward-Purpose.",
        example="marketing",
    )
    sensitivity: OptionalSensitivity = setting(
        "",
        "Their legal class, beside what the sender's system says: part2, psychotherapy, hiv or reproductive.",
        example="part2",
    )
    state: OptionalState = setting(
        "", "Whose law speaks of them, instead of the domain's state.", example="NY", derived="the domain's state"
    )


class StateRule(Section):
    """What the law of a state asks for before mail of a class leaves; beside the rows of the pack state-law."""

    name: RuleName = required("Name in traces, behind state/; each once.", example="il-hiv")
    state: State = required("Two letters, as the post writes it.", example="IL")
    sensitivity: Sensitivity = required("The class: hiv, reproductive, part2 or psychotherapy.", example="hiv")
    requirement: Requirement = required(
        "Without the patient's authorization it is held: authorization; the same, but for treatment:"
        " authorization-but-for-treatment. Without one that names the class expressly (mailward consent add --topic):"
        " named-authorization and named-authorization-but-for-treatment. For legal proceedings it is held in any case:"
        " no-proceedings.",
        example="authorization",
    )
    but_for: tuple[Purpose, ...] = setting(
        [], "Purposes that it lets pass besides: words of X-Mailward-Purpose.", example=["payment"]
    )
    general_for: tuple[Purpose, ...] = setting(
        [],
        "Purposes for which a general authorization is enough where else it has to name the class.",
        example=["payment"],
    )
    citation: Text = required("Where it stands.", example="410 ILCS 305/9")
    notice: Text = setting("", "Text that the law wants below what goes out.", example="State law protects this.")


class Policy(Section):
    """What may happen to mail."""

    default: PolicyDefault = setting(
        "protect-phi", "protect-phi: what holds health information is protected. protect-all: everything is."
    )
    subject_tags: tuple[Tag, ...] = setting(
        ["[secure]", "#secure"], "A subject with one of these protects the message; the tag is removed on the way out."
    )
    packs: tuple[Pack, ...] = setting(
        [],
        "Rules that come with the program, see docs/policy.md: hipaa-baseline, bulk-identifiers, mass-recipients,"
        " executables, uninspectable, personal-mail, consent, part2, psychotherapy, state-law, business-associates,"
        " purpose, marketing, fundraising, research, people, misaddressed.",
        example=["hipaa-baseline", "executables", "part2"],
    )
    unknown_organisation: UnknownOrganisation = setting(
        "review",
        "Protected mail to a domain that is on no register: review lists the domain (`mailward report baa`), hold waits"
        " for a person; mail to the patient or who is involved in care is not held for it.",
    )
    hold_answer: PositiveDuration = setting(
        "4h", "Held mail that nobody decided on for so long is an alarm, and pack_notify is told."
    )
    urgent_hold_answer: PositiveDuration = setting("30m", "The same for mail marked urgent.")
    break_glass_roles: tuple[Text, ...] = setting(
        [], "Roles whose people may let held treatment mail go in an emergency (`mailward break-glass`).",
        example=["clinician"],
    )  # fmt: skip
    approvers_by_name: Flag = setting(
        False, "Where two must release it, two names count as two persons when the system cannot tell who asks, such as"
        " in a container; else a login of the system counts once.",
    )  # fmt: skip
    pack_notify: tuple[Mailbox, ...] = setting(
        [], "Who is told when a rule of a pack holds or refuses a message.", example=["privacy@clinic.example"]
    )
    rule: tuple[Rule, ...] = setting([], "")
    label: tuple[Label, ...] = setting([], "")
    state_rule: tuple[StateRule, ...] = setting([], "")


class Commercial(Section):
    """What commercial mail, whose purpose is marketing, must show (16 CFR part 316); see docs/policy.md."""

    postal_address: Text = setting(
        "",
        "Yours; put below such mail with a link to get no more. Empty: nothing is put there, and you do it yourself.",
        example="Clinic A, 1 Main Street, Springfield, IL 62701",
    )
