"""MP-16 with the parser of Amavis and MIMEDefang: what MIME-tools shows is scanned, or the message is protected."""

import base64
import json
import subprocess
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.policy.phi.nasty_mail import nasty_mail
from tests.policy.phi.parsers import MARK, missed, ours
from tests.policy.phi.test_parsers import CORPUS
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MADE: Final = 400
# Reads messages in base64, one a line; writes what is in each as JSON.
PROGRAM: Final = r"""
use strict; use MIME::Parser; use MIME::Base64; use JSON::PP; use MIME::Words qw(decode_mimewords);
my $parser = MIME::Parser->new; $parser->output_to_core(1); $parser->tmp_to_core(1); $parser->decode_bodies(1);
while (my $line = <STDIN>) {
  my @said;
  eval {
    my $mail = $parser->parse_data(decode_base64($line));
    push @said, scalar decode_mimewords($mail->head->get('subject') // '');
    my @open = ($mail);
    while (my $part = shift @open) {
      push @open, $part->parts;
      push @said, $part->bodyhandle->as_string if $part->bodyhandle;
      push @said, @{$part->preamble // []}, @{$part->epilogue // []}, $part->head->recommended_filename // '';
    }
  };
  print JSON::PP->new->latin1->encode(\@said), "\n";
}
"""


def made(count: int) -> list[bytes]:
    """Return messages of hypothesis, the same at every run."""
    messages: list[bytes] = []

    @seed(7)
    @given(nasty_mail())
    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def collect(data: bytes) -> None:
        messages.append(data)

    collect()
    return messages


def test_what_mime_tools_shows_is_scanned() -> None:
    """Of the corpus and of made messages."""
    messages = [*CORPUS, *made(MADE)]
    lines = b"".join(base64_line(data) for data in messages)
    done = subprocess.run([need("perl"), "-e", PROGRAM], input=lines, capture_output=True, check=True, timeout=60)
    answers = [json.loads(line) for line in done.stdout.decode("latin-1").strip("\n").split("\n")]
    assert len(answers) == len(messages)
    assert sum(len(said) > 1 for said in answers) > MADE / 2
    for data, said in zip(messages, answers, strict=True):
        ours_said, is_doubted = ours(data)
        if not is_doubted:
            assert not missed("\n".join(said), ours_said, MARK), data


def base64_line(data: bytes) -> bytes:
    """Return bytes as one line of text."""
    return base64.b64encode(data) + b"\n"
