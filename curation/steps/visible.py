"""How much of an HTML file in a source tree a reader would see. Pure."""

from resiliparse.extract.html2text import extract_plain_text


def visible_chars(page: str) -> int:
    """Counts the characters of a page's visible text, white space collapsed; alternative texts and markup are not visible."""
    return len(extract_plain_text(page, preserve_formatting=False, alt_texts=False, list_bullets=False))
