"""Which slide a part of a presentation belongs to: slides are counted as they are shown, not as their files are named.

Source: ECMA-376 part 1 section 13.3.6 and 19.2.1.34 (sldIdLst), part 2 section 9.3 (relationships).
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policy.phi.files.found import Budget
from policy.phi.files.xml_walk import XmlRefused, xml_tags
from policy.phi.files.zip import Entry, unpack

_PRESENTATION: Final = "ppt/presentation.xml"
_SLIDES: Final = "ppt/slides/"
_BESIDE: Final = ("ppt/notesSlides/", "ppt/comments/", "ppt/charts/", "ppt/diagrams/")


def slide_pages(data: bytes, files: Sequence[Entry], budget: Budget) -> Mapping[str, int]:
    """Return the number of the slide, from 1, by the name of the part: of slides, their notes, comments and charts.

    Slides that the presentation does not list come behind those that it does. Empty for what is no presentation.
    """
    parts = {entry.name: entry for entry in files}
    if _PRESENTATION not in parts:
        return {}
    targets = dict(_targets(data, parts, _PRESENTATION, budget))
    tags = _tags(data, parts, _PRESENTATION, budget)
    listed = [targets.get(said.get("id", ""), "") for name, said in tags if name == "sldId"]
    others = [name for name in parts if name.startswith(_SLIDES) and name.endswith(".xml")]
    slides = dict.fromkeys((*filter(parts.__contains__, listed), *sorted(others, key=lambda name: (len(name), name))))
    pages = {slide: page for page, slide in enumerate(slides, start=1)}
    for slide, page in tuple(pages.items()):
        for _, target in _targets(data, parts, slide, budget):
            if target.startswith(_BESIDE):
                pages.setdefault(target, page)
    return pages


def in_order(files: Sequence[Entry], pages: Mapping[str, int]) -> Iterator[tuple[int, Entry]]:
    """Yield all files with the number of each, from 1: those of slides in the order of these, others where they are."""
    numbered = list(enumerate(files, start=1))
    of_slides = (one for one in numbered if one[1].name in pages)
    turned = iter(sorted(of_slides, key=lambda one: (pages[one[1].name], not one[1].name.startswith(_SLIDES))))
    yield from (next(turned) if one[1].name in pages else one for one in numbered)


def _targets(data: bytes, parts: Mapping[str, Entry], part: str, budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield the id of each relationship of a part, and the name of the part it leads to."""
    folder, _, name = part.rpartition("/")
    for _, said in _tags(data, parts, f"{folder}/_rels/{name}.rels", budget):
        target = said.get("Target", "")
        if target and said.get("TargetMode", "").lower() != "external":
            yield said.get("Id", ""), posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _tags(
    data: bytes, parts: Mapping[str, Entry], name: str, budget: Budget
) -> Sequence[tuple[str, Mapping[str, str]]]:
    """Return the elements of a part; none when it is missing or cannot be read, which its own reading tells."""
    if name not in parts:
        return ()
    content, reason = unpack(data, parts[name], budget)
    try:
        return () if reason else xml_tags(content, budget)[0]
    except XmlRefused:
        return ()
