"""Parses pages within bounds, for the steps that need a tree. Pure."""

import re

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

#: Attributes that one element may have; the parser compares each with all before it (3 seconds for so many).
MAX_ATTRIBUTES = 20_000
# What so many attributes need at least, at two characters each.
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{40000,}")
_ATTRIBUTE = re.compile(r"[\s/\"'][^\s=/\"'<>]")


def parse_page(page: str) -> HTMLTree:
    """Parses a page.

    Raises:
        ValueError: a tag seems to have more than `MAX_ATTRIBUTES` attributes.
    """
    if len(page) > 2 * MAX_ATTRIBUTES:
        _check_attributes(page)
    return HTMLTree.parse(page)


def visible_chars(page: str) -> int:
    """Counts the characters of a page's visible text, white space collapsed; alternative texts and markup are not visible.

    Raises:
        ValueError: see `parse_page`.
    """
    return len(extract_plain_text(parse_page(page), preserve_formatting=False, alt_texts=False, list_bullets=False))


def _check_attributes(page: str) -> None:
    for tag in _LONG_TAG.finditer(page):
        start = tag.start()
        if page.rfind("<script", 0, start) > page.rfind("</script", 0, start):
            continue  # `a<b` in a program
        found = sum(1 for _ in _ATTRIBUTE.finditer(page, start, tag.end()))
        if found > MAX_ATTRIBUTES:
            raise ValueError(f"a tag with about {found} attributes at character {start}; {MAX_ATTRIBUTES} are read")
