"""SA: STARTTLS, AUTH and the session."""

from typing import Final

from tests.defences.removal import Edit, Removal, removal
from tests.defences.wire_format import COMMANDS, CONNECTION, DIALOGUE, IN, SERVER

OPENING: Final = "gateway/intake/opening.py"
SASL: Final = "gateway/intake/sasl.py"
GUARD: Final = "gateway/intake/guard.py"
ACCEPT: Final = "gateway/intake/accept.py"
SERVER_TLS: Final = "gateway/intake/server_tls.py"
PROXY: Final = f"{IN}/test_proxy_header.py"
CERTIFICATES: Final = f"{IN}/test_client_certificates.py"

SESSION_RULES: Final[tuple[Removal, ...]] = (
    removal(
        "SA-01",
        CONNECTION,
        'raise HangUpError(replies.TALKED_TOO_EARLY, "STARTTLS injection")',
        "pass",
        f"{DIALOGUE}[starttls/SA-01-same-segment]",
        f"{DIALOGUE}[starttls/SA-01-pipelined-group]",
    ),
    removal(
        "SA-02",
        OPENING,
        '        self.helo, self.transaction = "", None  # RFC 3207',
        "        # RFC 3207",
        f"{DIALOGUE}[SA-02-tls-forgets]",
    ),
    removal("SA-03", OPENING, "raise RefusedError(replies.ALREADY_TLS)", "pass", f"{DIALOGUE}[SA-03-starttls-twice]"),
    removal("SA-03", OPENING, "raise RefusedError(replies.NO_TLS_HERE)", "pass", f"{DIALOGUE}[SA-03-starttls-on-465]"),
    removal(
        "SA-03",
        COMMANDS,
        '{"DATA", "RSET", "QUIT", "STARTTLS"}',
        '{"DATA", "RSET", "QUIT"}',
        f"{DIALOGUE}[SA-03-starttls-twice]",
    ),
    removal(
        "SA-04",
        COMMANDS,
        'if verb == "AUTH" and stage.needs_tls:',
        "if False:",
        f"{DIALOGUE}[SA-04-auth]",
        also=(
            Edit(file=COMMANDS, old='"RSET", "STARTTLS"})  # RFC 3207', new='"RSET", "STARTTLS", "AUTH"})  # RFC 3207'),
            Edit(
                file=OPENING,
                old="        if not self.tls_version:\n            raise RefusedError(replies.AUTH_NEEDS_TLS)\n",
                new="",
            ),
        ),
    ),
    removal("SA-04", SASL, 'if line == b"*":', "if False:", f"{DIALOGUE}[SA-04-auth]"),
    removal("SA-04", OPENING, "mechanism = name.upper()", "mechanism = name", f"{DIALOGUE}[SA-04-auth]"),
    removal(
        "SA-04 SA-07",
        COMMANDS,
        "AUTH_LIMIT: Final = 12288",
        "AUTH_LIMIT: Final = 1 << 30",
        f"{SERVER}::test_long_auth_responses",
    ),
    removal(
        "SA-05", SASL, "if authzid and authzid.lower() != user.lower():", "if False:", f"{DIALOGUE}[SA-05-authzid]"
    ),
    removal(
        "SA-05",
        OPENING,
        "await services.account(name) if name in addresses else None",
        "await services.account(name)",
        f"{CERTIFICATES}::test_external_proves_only_what_the_certificate_says",
        also=(
            Edit(file=OPENING, old="addresses[0] if len(addresses) == 1 else", new="addresses[0] if addresses else"),
        ),
    ),
    removal(
        "SA-06",
        OPENING,
        "if self._auth_failures >= AUTH_FAILURES:",
        "if False:",
        f"{DIALOGUE}[SA-06-password-guessing]",
    ),
    removal(
        "SA-06",
        GUARD,
        "        if self._is_held_up(account, network):\n            raise AuthBusyError\n",
        "",
        f"{IN}/test_guard.py::test_one_network_has_thirty_then_one_in_twenty_seconds",
        f"{IN}/test_guard.py::test_one_account_has_a_hundred_from_everywhere",
        f"{IN}/test_guard.py::test_a_locked_network_is_told_to_come_later",
    ),
    removal(
        "SA-06",
        GUARD,
        "await self._pause(self._count_failure(account, network, ip, why))",
        "self._count_failure(account, network, ip, why)",
        f"{IN}/test_guard.py::test_the_answer_to_a_wrong_password_comes_later_with_each",
    ),
    removal(
        "SA-06",
        "gateway/intake/auth.py",
        "            await self._compute(self._decoy, password)\n",
        "",
        f"{IN}/test_auth.py::test_unknown_users_cost_the_same",
    ),
    removal("SA-07", SASL, "if len(parts) != 3:", "if len(parts) < 3:", f"{DIALOGUE}[SA-06-password-guessing]"),
    removal("SA-07", SASL, "validate=True", "validate=False", f"{DIALOGUE}[SA-04-auth]"),
    removal(
        "SA-07",
        CONNECTION,
        'f"Local error in processing ({self.id})"',
        'f"Local error in processing ({error})"',
        f"{SERVER}::test_refused_messages",
    ),
    removal(
        "SA-08",
        ACCEPT,
        '"ssl_handshake_timeout": door.deadlines.handshake_s,  # SA-08',
        "",
        f"{IN}/test_server_tls.py::test_unfinished_handshake[submissions]",
    ),
    removal(
        "SA-08",
        CONNECTION,
        "ssl_handshake_timeout=self.door.deadlines.handshake_s,  # SA-08",
        "",
        f"{IN}/test_server_tls.py::test_unfinished_handshake[submission]",
    ),
    removal(
        "SA-09",
        SERVER_TLS,
        "context.set_ciphers(CIPHERS)",
        'context.set_ciphers("ALL:@SECLEVEL=0")',
        f"{IN}/test_server_tls.py::test_weak_ciphers",
    ),
    removal(
        "SA-09",
        SERVER_TLS,
        "context.minimum_version = settings.minimum_version.protocol",
        "context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED",
        f"{IN}/test_server_tls.py::test_tls_1_1_hello",
        also=(Edit(file=SERVER_TLS, old="context.set_ciphers(CIPHERS)", new='context.set_ciphers("ALL:@SECLEVEL=0")'),),
    ),
    removal(
        "SA-10",
        SERVER_TLS,
        "ssl.CERT_REQUIRED if check.is_required else ssl.CERT_OPTIONAL",
        "ssl.CERT_OPTIONAL",
        f"{CERTIFICATES}::test_no_verb_without_a_good_certificate",
    ),
    removal(
        "SA-10",
        "gateway/intake/protocol.py",
        'self.holder.name if self.holder else ""',
        '""',
        f"{CERTIFICATES}::test_peer_with_certificate_is_let_in",
    ),
    removal(
        "SA-10",
        CONNECTION,
        'raise HangUpError(replies.NAME_NOT_LISTED, "certificate name not listed")',
        "pass",
        f"{CERTIFICATES}::test_only_listed_names_of_an_authority",
    ),
    removal(
        "SA-11",
        ACCEPT,
        "if door.proxies and not is_within(origin.ip, door.proxies):",
        "if False:",
        f"{PROXY}::test_header_from_an_untrusted_peer_closes",
    ),
    removal(
        "SA-11",
        COMMANDS,
        '"TRACE", "PRI", "PROXY"}',
        '"TRACE", "PRI"}',
        f"{PROXY}::test_header_where_none_is_expected_closes",
    ),
    removal(
        "SA-11",
        "gateway/intake/proxy_header.py",
        "return V2_FIXED - have  # no header",
        "return 4096  # no header",
        f"{PROXY}::test_header_and_client_hello_in_one_segment",
        f"{PROXY}::test_headers",
    ),
    removal(
        "SA-12",
        SERVER_TLS,
        "        try:\n            self._contexts = self._build()",
        "        try:\n            self._build()",
        f"{IN}/test_server_tls.py::test_certificate_reload",
        f"{CERTIFICATES}::test_authority_is_read_again",
    ),
    removal(
        "SA-12",
        SERVER_TLS,
        "            return False\n        return True",
        "        return True",
        f"{IN}/test_server_tls.py::test_certificate_reload",
    ),
)
