"""The bytes that are kept and sent: whole header fields added, removed and replaced, the body untouched."""

from dataclasses import replace

from gateway.message.fields import split_message
from gateway.message.hygiene import prepare
from gateway.message.received import received_field
from gateway.pipeline.judged import Added, Judged
from gateway.pipeline.submit_policy import SubmitPolicy
from policy.phi.subject import remove_tags


def prepared(judged: Judged, policy: SubmitPolicy) -> bytes:
    """One form of a message as it leaves. Raises: HeaderError as `split_message`."""
    subject, envelope = b"", judged.envelope
    if judged.form_of:  # RFC 5321 section 7.2: who is alone in a form may be a blind copy all the same
        envelope = replace(envelope, recipients=())
    if judged.report.tagged:
        value = b"".join(field.value for field in split_message(judged.data).all("subject")[:1])
        subject = b"Subject:" + remove_tags(value, policy.subject_tags).rstrip(b"\r\n") + b"\r\n"
    made = prepare(
        judged.data,
        received=received_field(envelope, hostname=policy.hostname, queue_id=judged.queue_id),
        authserv_id=policy.hostname,
        hostname=policy.hostname,
        queue_id=judged.form_of or judged.queue_id,  # one Message-ID, as for one message
        now=envelope.received_at,
        subject=subject,
    )
    return _with_fields(made, judged.added)


def _with_fields(data: bytes, by_rule: Added) -> bytes:
    """The message with what rules put into its header; a field of such a name that it came with goes."""
    added = [field for fields in by_rule for field in fields]
    if not added:
        return data
    parsed, names = split_message(data), {name.lower() for name, _ in added}
    kept = [field.raw for field in parsed.fields if field.name not in names]
    return parsed.with_fields([*kept, *(f"{name}: {text}\r\n".encode("ascii") for name, text in added)])
