"""ID: who may send as whom, and what a header may say."""

from typing import Final

from tests.defences.removal import Removal, removal
from tests.defences.wire_format import DIALOGUE, HYGIENE, IN

SENDERS: Final = "gateway/intake/senders.py"
SUBMIT: Final = "gateway/pipeline/submit.py"
ADDRESS: Final = "gateway/message/address.py"
COMPOSE: Final = "gateway/message/compose.py"
READING: Final = "gateway/web/portal/reading.py"
CONTROL: Final = "gateway/control/server.py"

AT_SUBMIT: Final = "tests/gateway/pipeline/test_submit.py"
AT_HYGIENE: Final = "tests/gateway/message/test_hygiene.py"
AT_CONTROL: Final = "tests/gateway/control/test_server.py"
LIMITS: Final = f"{IN}/test_limits.py"
CREDENTIALS: Final = f"{IN}/test_credentials.py"
PORTAL: Final = "tests/gateway/web/test_sessions.py"

IDENTITY: Final[tuple[Removal, ...]] = (
    removal(
        "ID-01",
        SENDERS,
        "if not (is_within(peer.ip, networks) if networks else peer.has_certificate):",
        "if False:",
        f"{DIALOGUE}[ID-01-open-relay]",
        f"{LIMITS}::test_senders",
        f"{IN}/test_client_certificates.py::test_certificate_does_not_replace_the_network",
    ),
    removal(
        "ID-02",
        SENDERS,
        "return None if not sender or domain_of(sender) in domains else replies.DOMAIN_NOT_OURS",
        "return None",
        f"{DIALOGUE}[ID-02-foreign-domain]",
        f"{IN}/test_client_certificates.py::test_sender_domain_is_checked_all_the_same",
    ),
    removal(
        "ID-02",
        "gateway/intake/tenant.py",
        'if len(texts) != 1 or not hmac.compare_digest(texts[0], proof.value.encode("ascii")):',
        "if not texts:",
        f"{IN}/test_tenant.py::test_right_address_wrong_tenant",
        f"{IN}/test_tenant.py::test_tenant_id_of_microsoft_365",
    ),
    removal(
        "ID-02",
        SUBMIT,
        "return domain_of(header.from_address) in self._policy.domains",
        "return True",
        f"{AT_SUBMIT}::test_the_author_is_who_signed_in",
    ),
    removal(
        "ID-03",
        SENDERS,
        "if not may_send_as(sender, peer.senders):",
        "if False:",
        f"{DIALOGUE}[ID-03-send-as]",
        f"{CREDENTIALS}::test_a_program_sends_as_its_senders",
        f"{IN}/test_client_certificates.py::test_user_signs_in_with_a_certificate",
    ),
    removal(
        "ID-03 ID-07",
        SENDERS,
        "return replies.SENDER_NOT_YOURS if sender and domain_of(sender) not in domains else None",
        "return None",
        f"{CREDENTIALS}::test_a_program_sends_as_its_senders",
    ),
    removal(
        "ID-04",
        SUBMIT,
        "if not self._may_write_as(envelope.client, header):",
        "if False:",
        f"{AT_SUBMIT}::test_the_author_is_who_signed_in",
        f"{AT_SUBMIT}::test_whoever_stands_in_the_header_is_allowed",
    ),
    removal(
        "ID-04 ID-05",
        SUBMIT,
        "for claim in (header.from_address, *header.claims)",
        "for claim in (header.from_address,)",
        f"{AT_SUBMIT}::test_whoever_stands_in_the_header_is_allowed",
    ),
    removal(
        "ID-05",
        HYGIENE,
        "if len(froms) != 1:",
        "if not froms:",
        f"{AT_SUBMIT}::test_headers_that_are_refused[two From]",
        f"{AT_SUBMIT}::test_no_trick_makes_an_author_of_somebody_else",
    ),
    removal(
        "ID-05",
        "gateway/message/fields.py",
        'rb"([!-9;-~]+):[',
        'rb"([!-9;-~]+)[ \\t]*:[',
        f"{AT_SUBMIT}::test_headers_that_are_refused[blank before colon]",
        f"{AT_HYGIENE}::test_refused",
    ),
    removal(
        "ID-06",
        ADDRESS,
        'if "@" in name and name.strip(" \\t\\"\'").lower() != address.lower():',
        "if False:",
        f"{AT_SUBMIT}::test_headers_that_are_refused[an address as name]",
        f"{AT_SUBMIT}::test_no_trick_makes_an_author_of_somebody_else",
    ),
    removal(
        "ID-06",
        ADDRESS,
        '    if CONTROL.search(text):\n        raise AddressError("control character in From")\n',
        "",
        "tests/gateway/message/test_address.py::test_from_that_is_odd_is_refused",
    ),
    removal(
        "ID-07",
        SENDERS,
        "if not may_send_as(sender, peer.senders):",
        "if sender and not may_send_as(sender, peer.senders):",
        f"{DIALOGUE}[ID-03-send-as]",
        f"{CREDENTIALS}::test_a_program_sends_as_its_senders",
        f"{LIMITS}::test_senders",
    ),
    removal(
        "ID-07",
        SUBMIT,
        "if not self._may_write_as(envelope.client, header):",
        "if envelope.sender and not self._may_write_as(envelope.client, header):",
        f"{AT_SUBMIT}::test_the_author_is_who_signed_in[null sender]",
    ),
    removal(
        "ID-08",
        HYGIENE,
        "field.name in NEVER_RELAYED or ",
        "",
        f"{AT_HYGIENE}::test_what_clients_claim_is_taken_out",
        "tests/gateway/pipeline/test_submit_header.py::test_whole_fields_go_and_the_body_stays",
    ),
    removal(
        "ID-08",
        HYGIENE,
        " or field.name.startswith(CONTROL_PREFIX):",
        ":",
        f"{AT_HYGIENE}::test_what_clients_claim_is_taken_out",
        "tests/gateway/pipeline/test_submit_header.py::test_control_headers_of_others_do_nothing",
    ),
    removal(
        "ID-08",
        HYGIENE,
        'if field.name == "authentication-results" and _is_in_our_name(field.text, authserv_id):',
        "if False:",
        f"{AT_HYGIENE}::test_what_clients_claim_is_taken_out",
        "tests/gateway/pipeline/test_submit_header.py::test_whole_fields_go_and_the_body_stays",
    ),
    removal(
        "ID-08",
        HYGIENE,
        "_control(parsed) if believes_headers else {}",
        "_control(parsed)",
        f"{AT_HYGIENE}::test_control_fields_of_strangers_say_nothing",
        "tests/gateway/pipeline/test_submit_header.py::test_control_headers_of_others_do_nothing",
    ),
    removal(
        "ID-09",
        "policy/phi/subject.py",
        'return "".join(normalise(text).casefold().split())',
        "return text.casefold()",
        "tests/gateway/pipeline/test_submit_header.py::test_the_subject_tag_raises_and_is_removed[Cyrillic e]",
        "tests/gateway/pipeline/test_submit_header.py::test_the_subject_tag_raises_and_is_removed[full width]",
        "tests/policy/phi/test_subject.py::test_a_tag_raises_the_level_and_leaves",
    ),
    removal(
        "ID-10",
        COMPOSE,
        'return CONTROL.sub(" ", text).strip()',
        "return text.strip()",
        "tests/gateway/message/test_compose.py::test_line_breaks_become_blanks",
        "tests/gateway/message/test_dsn.py::test_a_peers_reply_cannot_inject",
        "tests/gateway/protect/test_notice.py::test_any_organisation_gives_the_same_frame",
    ),
    removal(
        "ID-10",
        "gateway/message/fields.py",
        "if FIELD.fullmatch(raw) is None:",
        "if False:",
        "tests/gateway/message/test_fields.py::test_new_fields_cannot_inject",
        f"{AT_HYGIENE}::test_subject_without_its_tag",
    ),
    removal(
        "ID-11",
        HYGIENE,
        "again = field.name in ONCE and field.name in seen",
        "again = False",
        f"{AT_HYGIENE}::test_repeated_fields_leave_once",
    ),
    removal(
        "ID-11",
        HYGIENE,
        "for name, make in missing.items() if name not in seen]",
        "for name, make in missing.items()]",
        f"{AT_HYGIENE}::test_missing_fields_are_added_once",
        "tests/gateway/pipeline/test_submit_header.py::test_whole_fields_go_and_the_body_stays",
    ),
    removal(
        "ID-11",
        "gateway/message/fields.py",
        "MAX_HEADER: Final = 102_400",
        "MAX_HEADER: Final = 1 << 30",
        f"{AT_HYGIENE}::test_refused",
    ),
    removal(
        "ID-12",
        READING,
        "await self._deps.desk.refused(seat.message, client_ip=address_of(request))",
        "pass",
        f"{PORTAL}::test_id_12_the_id_of_another_message_is_404_and_recorded",
    ),
    removal(
        "ID-12",
        READING,
        "message = await register.by_token_hash(conn, session.token_hash) if session else None",
        'message = await register.by_token_hash(conn, hash_token(request.query_params.get("token", ""))) or ('
        "await register.by_token_hash(conn, session.token_hash) if session else None)",
        f"{PORTAL}::test_po_12_no_address_leads_to_anothers_message",
    ),
    removal(
        "ID-12",
        CONTROL,
        "if uid in self._owners:",
        "if True:",
        f"{AT_CONTROL}::test_another_user_is_refused_and_recorded",
        f"{AT_CONTROL}::test_the_kernel_keeps_other_users_out",
    ),
    removal(
        "ID-12",
        CONTROL,
        "os.umask(0o177)",
        "os.umask(0)",
        f"{AT_CONTROL}::test_only_its_owner_may_open_the_socket",
        f"{AT_CONTROL}::test_the_kernel_keeps_other_users_out",
    ),
)
