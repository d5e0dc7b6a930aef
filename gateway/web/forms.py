"""Read a submitted form: urlencoded and small, or not at all. There is no upload here, hence no multipart (PO-16)."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

FORM_BYTES: Final = 4096
FIELDS: Final = 10
_KIND: Final = "application/x-www-form-urlencoded"


class FormError(Exception):
    """The body is no form of ours; nothing of it is used. `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of a name counts. Raises: FormError (413, 415 or 400)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise FormError(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES:
            raise FormError(413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=False, max_num_fields=FIELDS)
    except ValueError:
        raise FormError(400) from None
    return dict(pairs)
