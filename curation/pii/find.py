"""Personal data and secrets of one text: judges the spans of `columnar.pii.scan`, counts them and puts placeholders in. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import phonenumbers
import pyarrow as pa

from columnar.pii import EMAIL, IPV4, IPV6, KEY_BLOCK, LOGIN, PHONE, TOKEN, scan
from curation.pii.secrets import find_key_blocks, find_tokens
from schemas.steps import PiiKind

#: What stands in the place of a finding. None of them is found again.
PLACEHOLDERS: Mapping[PiiKind, str] = MappingProxyType(
    {"email": "<EMAIL>", "ip": "<IP>", "phone": "<PHONE>", "secret": "<SECRET>"}
)
KINDS: tuple[PiiKind, ...] = tuple(PLACEHOLDERS)
#: The spans that a kind needs.
SPANS: Mapping[PiiKind, int] = MappingProxyType(
    {"email": EMAIL, "ip": IPV4 | IPV6, "phone": PHONE, "secret": TOKEN | LOGIN | KEY_BLOCK}
)
#: Names that RFC 2606 and 6761 keep for examples and local use.
RESERVED_DOMAINS = ("example", "example.com", "example.org", "example.net", "invalid", "test", "localhost", "local")
#: Not top-level domains but suffixes of files: `icon@2x.png`.
_FILE_SUFFIXES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "bmp",
        "ico",
        "css",
        "js",
        "ts",
        "json",
        "html",
        "py",
        "md",
        "txt",
        "xml",
        "yaml",
        "yml",
    ]
)
#: A document with more candidates of one kind is a table of numbers: the rest counts as found, unjudged.
MAX_JUDGED = 5000

# Words before four numbers that make them a version, and signs that do in a list of requirements.
_VERSION_BEFORE = re.compile(rb"(?i)(?:\bv|\bver|version|release|rev|build|[=<>~^!]=|[~^@-])[\s\"':=(]{0,4}$")
_VERSION_BYTES = 16
_DATE = re.compile(r"\(?(?:\d{4}([-./])\d\d?\1\d\d?|\d\d?([-./])\d\d?\2\d{2,4})[\s\d.:()T+-]{0,24}")
# A row of a table: decimal numbers, of which no two make a phone number; one alone may be a number written with a dot.
_DECIMALS = re.compile(r"(?:-?\d{1,12}\.\d{1,12}[,;]?\s+)+-?\d{1,12}\.\d{1,12}")
_SEPARATED = re.compile(r"\d[ ().\-/]+\d")
_PHONE_CONTEXT = 24


class Finding(NamedTuple):
    """A part of a text, by bytes of its UTF-8."""

    start: int
    end: int
    kind: PiiKind


def find_pii(texts: pa.LargeStringArray, kinds: Sequence[PiiKind], regions: Sequence[str]) -> dict[int, list[Finding]]:
    """Finds personal data and secrets.

    Args:
        texts: the documents.
        kinds: what to look for.
        regions: whose national phone numbers are known; numbers with a country code are known everywhere.

    Returns:
        Row -> its findings in order, none overlapping another; rows without findings are not there.
    """
    spans = scan(texts, sum(SPANS[kind] for kind in kinds))
    rows: dict[int, list[tuple[int, int, int]]] = {}
    for row, kind, start, end in zip(*(column.tolist() for column in spans), strict=True):
        rows.setdefault(row, []).append((kind, start, end))
    found = {}
    for row, candidates in rows.items():
        text = texts[row].as_py().encode()
        judged = _without_overlaps(_judge(text, candidates, tuple(sorted(regions))))
        if judged:
            found[row] = judged
    return found


def mask_pii(
    texts: pa.LargeStringArray, kinds: Sequence[PiiKind], regions: Sequence[str]
) -> tuple[dict[int, str], dict[int, dict[PiiKind, int]]]:
    """Puts placeholders in the place of findings, until there is nothing more to find.

    Returns:
        Row -> its masked text, and row -> how many findings of each kind; rows without findings are in neither.
    """
    masked: dict[int, str] = {}
    counts: dict[int, dict[PiiKind, int]] = {}
    rows = list(range(len(texts)))
    while found := find_pii(texts, kinds, regions):
        rows = [rows[at] for at in found]
        changed = []
        for row, (at, findings) in zip(rows, found.items(), strict=True):
            masked[row] = _masked(texts[at].as_py().encode(), findings)
            changed.append(masked[row])
            count_findings(findings, counts.setdefault(row, {}))
        # What a placeholder parts may read otherwise now.
        texts = pa.array(changed, pa.large_string())
    return masked, counts


def count_findings(findings: Iterable[Finding], counts: dict[PiiKind, int]) -> dict[PiiKind, int]:
    """Adds findings to counts by kind."""
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return counts


def _masked(text: bytes, findings: Iterable[Finding]) -> str:
    parts, at = [], 0
    for start, end, kind in findings:
        parts += [text[at:start], PLACEHOLDERS[kind].encode()]
        at = end
    return b"".join([*parts, text[at:]]).decode()


def _without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Keeps of findings that overlap the one that begins first, of those a secret, and of those the longest."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda item: (item.start, item.kind != "secret", -item.end)):
        if finding.end > finding.start and (not kept or finding.start >= kept[-1].end):
            kept.append(finding)
    return kept


def _judge(text: bytes, candidates: Sequence[tuple[int, int, int]], regions: tuple[str, ...]) -> Iterator[Finding]:
    blocks = [start for kind, start, _ in candidates if kind == KEY_BLOCK]
    yield from (Finding(start, end, "secret") for start, end in find_key_blocks(text, blocks))
    seen = {PHONE: 0, TOKEN: 0}
    for kind, start, end in candidates:
        if kind in seen:
            seen[kind] += 1
            if seen[kind] > MAX_JUDGED:
                yield Finding(start, end, "phone" if kind == PHONE else "secret")
            elif kind == PHONE:
                yield from _phones(text, start, end, regions)
            else:
                yield from (Finding(first, last, "secret") for first, last in find_tokens(text, start, end))
        elif kind == EMAIL:
            if is_personal_address(text, start, end):
                yield Finding(start, end, "email")
        elif kind == LOGIN:
            yield from _passwords(text, start, end)
        else:
            # The run of an IPv6 address may end with the sentence.
            stop = end - (text[end - 1] in b".:")
            if is_public_ip(text, start, stop, is_v4=kind == IPV4):
                yield Finding(start, stop, "ip")


def _passwords(text: bytes, start: int, end: int) -> Iterator[Finding]:
    """Gives the password of `name:password`, unless it is masked already."""
    colon = text.find(b":", start, end)
    if text[colon + 1 : end] != PLACEHOLDERS["secret"].encode():
        yield Finding(colon + 1, end, "secret")


def is_personal_address(text: bytes, start: int, end: int) -> bool:
    """Tells whether an e-mail address may be somebody's: no name for examples, no file name, no remote of a repository."""
    local, _, domain = text[start:end].decode("ascii").lower().rpartition("@")
    if domain.rpartition(".")[2] in _FILE_SUFFIXES or domain in RESERVED_DOMAINS:
        return False
    if any(domain.endswith(f".{name}") for name in RESERVED_DOMAINS):
        return False
    return not (local == "git" and text[end : end + 1] in (b":", b"/"))


def is_public_ip(text: bytes, start: int, end: int, *, is_v4: bool) -> bool:
    """Tells whether an address is one of the public network and no version number.

    Four single digits are taken for a version: the addresses written so are of well-known name servers. IPv6 is only told in the
    space that is given out, 2000::/3, so that `a::b` of a program is none.
    """
    written = text[start:end].decode("ascii")
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    if not address.is_global:
        return False
    if not is_v4:
        before, after = text[start - 1 : start] if start else b"", text[end : end + 1]
        return not before.isalnum() and not after.isalnum()
    if len(written) == 7:
        return False
    return _VERSION_BEFORE.search(text[max(0, start - _VERSION_BYTES) : start]) is None


def _phones(text: bytes, start: int, end: int, regions: tuple[str, ...]) -> Iterator[Finding]:
    """Gives the numbers in a run of digits and separators. The matcher sees what stands around it."""
    low, high = max(0, start - _PHONE_CONTEXT), end + _PHONE_CONTEXT
    before, after = text[low:start].decode("latin-1"), text[end:high].decode("latin-1")
    run = text[start:end].decode("ascii")
    if (
        _DATE.fullmatch(run.strip())
        or _DECIMALS.fullmatch(run.strip())
        or not (run[0] == "+" or _SEPARATED.search(run))
    ):
        return
    for first, last in _match_phones(before[-1:] + run + after[:1], regions):
        yield Finding(start - len(before[-1:]) + first, start - len(before[-1:]) + last, "phone")


@lru_cache(maxsize=1 << 14)
def _match_phones(run: str, regions: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Gives the valid numbers of any region in a run; a national number without separators is as likely an id, and is none."""
    found = []
    for region in regions or (None,):
        for match in phonenumbers.PhoneNumberMatcher(run, region, phonenumbers.Leniency.VALID):
            written = match.raw_string
            if (written[0] == "+" or _SEPARATED.search(written)) and not _DATE.fullmatch(written):
                found.append((match.start, match.end))
    return tuple(found)
