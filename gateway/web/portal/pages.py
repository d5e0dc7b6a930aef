"""Templates to responses. Autoescape is on, an undefined name is an error, and no page needs a script."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_WEB: Final = Path(__file__).parents[1]
STYLESHEET: Final = (_WEB / "static" / "portal.css").read_bytes()
_FRAME_STYLE: Final = (_WEB / "static" / "frame.css").read_text()
_FRAME_HASH: Final = base64.b64encode(hashlib.sha256(_FRAME_STYLE.encode()).digest()).decode()

# The mail's own HTML: no script, no load, no form, no origin; links may open in a new tab.
FRAME_POLICY: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    f"style-src 'sha256-{_FRAME_HASH}'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"
)

# Headings and sentences of pages that only say something: what happened, and what to do.
PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("We could not read that", "Go back, load the page again and try once more."),
    403: (
        "This page has closed",
        "To keep your message private, it closes after 15 minutes. Open the link in the mail again.",
    ),
    404: (
        "We cannot find this message",
        "The link may be incomplete, or the message has expired. Copy the whole link, or ask for it to be sent again.",
    ),
    405: ("That does not work here", "Open the link in the mail again."),
    413: ("That is too long", "Go back, load the page again and try once more."),
    415: ("We could not read that", "Go back, load the page again and try once more."),
    429: ("That was a little too fast", "Wait a minute, then load the page again."),
    500: ("Something went wrong on our side", "Your message is safe. Try again in a few minutes."),
    503: ("We are busy right now", "Your message is safe. Try again in a minute."),
}


def day(moment: datetime) -> str:
    """A date as people write it: "24 December 2026"."""
    return f"{moment.day} {moment:%B %Y}"


def size(octets: int) -> str:
    """How big a file is, in the units that browsers use."""
    for limit, unit in ((1000, "B"), (1000**2, "kB")):
        if octets < limit:
            return f"{octets * 1000 / limit:.0f} {unit}" if unit == "kB" else f"{octets} {unit}"
    return f"{octets / 1000**2:.1f} MB"


class Pages:
    """The pages of one organisation's portal."""

    def __init__(self, organisation: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_WEB / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(day=day, size=size)
        self._templates.globals["organisation"] = organisation

    def show(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """One page. name: of the template below `portal/`; values: what it names."""
        text = self._templates.get_template(f"portal/{name}.html").render(**values)
        return HTMLResponse(text, status_code=status, headers=headers)

    def problem(self, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """A page that says what happened and what to do; the same for everybody (PO-05)."""
        heading, advice = PROBLEMS.get(status, PROBLEMS[400])
        return self.show("problem", status=status, headers=headers, heading=heading, advice=advice)

    def frame(self, html: str) -> HTMLResponse:
        """The mail's own HTML, already harmless, as a document for a sandboxed frame."""
        text = self._templates.get_template("portal/frame.html").render(html=html, style=_FRAME_STYLE)
        headers = {"Content-Security-Policy": FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(text, headers=headers)
