"""What a page says of itself: title, date, canonical address, language. Pure: reads a parsed tree.

Of several places that name the same thing, the one meant for machines wins: JSON-LD before Open Graph and other `meta` elements, those
before `<time>` and attributes. Nothing is guessed from the text.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from resiliparse.parse.html import HTMLTree

from columnar.clean import clean_text

MAX_TITLE_CHARS = 1000
_MAX_ADDRESS_CHARS = 2048
#: A longer JSON-LD block is data, not a description of the page.
_MAX_JSON_CHARS = 256 << 10
_MAX_JSON_DEPTH = 6
_MAX_JSON_ITEMS = 200

_TITLES = ("og:title", "twitter:title", "dc.title", "dcterms.title")
_DATES = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.date",
    "dcterms.issued",
    "dcterms.created",
    "pubdate",
    "publishdate",
    "publish_date",
    "sailthru.date",
    "parsely-pub-date",
    "citation_publication_date",
    "citation_date",
)
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*$")
_DAY = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_EARLIEST_YEAR = 1990


class Metadata(NamedTuple):
    """What a page says of itself; what it does not say is empty.

    Attributes:
        title: of the document; white space collapsed, at most `MAX_TITLE_CHARS` characters.
        date: when it was published, ISO 8601: a day, or a time in UTC where the page names a time zone.
        canonical_url: absolute http(s) address under which it wants to be known.
        language: BCP 47 tag, as the page writes it.
    """

    title: str
    date: str
    canonical_url: str
    language: str

    def to_meta(self) -> dict[str, str]:
        """Gives what there is, as entries of the `meta` column."""
        named = {
            "title": self.title,
            "date": self.date,
            "canonical_url": self.canonical_url,
            "language_hint": self.language,
        }
        return {name: value for name, value in named.items() if value}


def read_metadata(tree: HTMLTree, url: str | None = None) -> Metadata:
    """Reads the metadata of a parsed page.

    Args:
        tree: the page, as it was parsed; reading does not change it.
        url: where it was fetched; relative canonical addresses start from there.
    """
    document = tree.document
    if document is None:
        return Metadata("", "", "", "")
    named = _meta_elements(document)
    linked = list(_linked_data(document))
    title = _first([_text(tree.title), *(_text(named.get(name)) for name in _TITLES), *_all(linked, "headline")])
    dates = [*_all(linked, "datePublished"), *(named.get(name, "") for name in _DATES), *_times(document)]
    return Metadata(
        _text(title)[:MAX_TITLE_CHARS],
        _first(as_date(value) for value in dates),
        _canonical(document, named, url),
        _language(document, named),
    )


def as_date(value: str) -> str:
    """Gives a date as ISO 8601; empty for what is no date, or one before the web or in the next century."""
    value = value.strip()[:64]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        found = _DAY.match(value)
        if found is None:
            return ""
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return ""
        return day.isoformat() if _EARLIEST_YEAR <= day.year < 2100 else ""
    if not _EARLIEST_YEAR <= moment.year < 2100:
        return ""
    if moment.tzinfo is not None:
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.date().isoformat()


def _meta_elements(document: Any) -> dict[str, str]:
    """Gives the content of `meta` elements by lower-case name; the first of a name wins."""
    found: dict[str, str] = {}
    for node in document.query_selector_all("meta[content]").values():
        name = (
            node.getattr("property") or node.getattr("name") or node.getattr("itemprop") or node.getattr("http-equiv")
        )
        if name:
            found.setdefault(name.strip().lower(), node.getattr("content"))
    return found


def _linked_data(document: Any) -> Iterator[dict[str, Any]]:
    """Yields the objects of the page's JSON-LD, outer ones first."""
    for node in document.query_selector_all('script[type="application/ld+json"]').values():
        text = node.text or ""
        if len(text) > _MAX_JSON_CHARS:
            continue
        try:
            value = json.loads(text, strict=False)  # line breaks inside strings are common
        except (ValueError, RecursionError):
            continue
        level, depth, seen = [value], 0, 0
        while level and depth < _MAX_JSON_DEPTH and seen < _MAX_JSON_ITEMS:
            below: list[Any] = []
            for item in level:
                if isinstance(item, dict):
                    seen += 1
                    yield item
                    below += item.values()
                elif isinstance(item, list):
                    below += item
            level, depth = below[:_MAX_JSON_ITEMS], depth + 1


def _all(objects: list[dict[str, Any]], name: str) -> list[str]:
    return [item[name] for item in objects if isinstance(item.get(name), str)]


def _times(document: Any) -> Iterator[str]:
    for selector in ("time[pubdate]", '[itemprop="datePublished"]', "article time[datetime]"):
        node = document.query_selector(selector)
        if node is not None:
            yield node.getattr("datetime") or node.getattr("content") or ""


def _canonical(document: Any, named: dict[str, str], url: str | None) -> str:
    link = document.query_selector('link[rel="canonical"][href]')
    given = (link.getattr("href") if link is not None else None) or named.get("og:url") or ""
    given = given.strip()
    if not given or len(given) > _MAX_ADDRESS_CHARS:
        return ""
    try:
        whole = urljoin(url or "", given)
        parts = urlsplit(whole)
    except ValueError:
        return ""
    return clean_text(whole)[0] if parts.scheme in ("http", "https") and parts.netloc else ""


def _language(document: Any, named: dict[str, str]) -> str:
    root = document.query_selector("html")
    given = [
        root.getattr("lang") if root is not None else None,
        root.getattr("xml:lang") if root is not None else None,
        named.get("content-language"),
        named.get("og:locale"),
    ]
    return _first((value or "").strip() if _LANGUAGE.match((value or "").strip()) else "" for value in given)


def _text(value: str | None) -> str:
    return clean_text(" ".join((value or "").split()))[0]


def _first(values: Any) -> str:
    return next((value for value in values if value), "")
