"""What a URL names: its normal form, by which two spellings of one page are the same, its host and its words. Pure: no I/O."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

#: Query parameters that tell where a reader came from, or who the reader is, and not which page is asked for.
TRACKING_PARAMETERS = frozenset(
    re.split(
        r"\s+",
        "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid igshid igsh li_fat_id mc_cid mc_eid _ga "
        "_gl _hsenc _hsmi __hssc __hstc __hsfp hsctatracking mkt_tok vero_id vero_conv oly_anon_id oly_enc_id rb_clickid "
        "s_cid wickedid zanpid epik ref_src ref_url phpsessid jsessionid aspsessionid cfid cftoken",
    )
)
#: The beginnings of such parameters.
TRACKING_PREFIXES = ("utm_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "ns_")

_DEFAULT_PORTS = frozenset({None, 80, 443})
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_SAFE = "%/:@!$&'()*+,;=?[]~"
_SPACE = re.compile(r"\s")
_NOT_A_WORD = re.compile(r"[\W_]+")


def normalise_url(url: str) -> str:
    """Gives the normal form of a web address; whatever is no address of the web comes back less surrounding white space.

    Two addresses have the same normal form if they differ only in

    - the scheme, http or https, and the case of scheme and host: sites answer on both;
    - the port 80 or 443, user and password, a final dot of the host;
    - `www.` before a host that has a dot without it: an alias nearly everywhere;
    - Unicode or Punycode for the host, and needless or missing percent-escapes elsewhere;
    - `.` and `..` in the path, slashes at its end, and a `;jsessionid=`;
    - the order of the query's parameters, and those in `TRACKING_PARAMETERS` or with a prefix of `TRACKING_PREFIXES`;
    - the fragment, unless it begins with `!` or `/`: applications name their pages so.

    Case in the path and everything else in the query stay: servers tell those apart. Normalising twice changes nothing.
    """
    parts = _split(url)
    host = None if parts is None else _host(parts)
    if parts is None or host is None:
        return url.strip()
    port = "" if parts.port in _DEFAULT_PORTS else f":{parts.port}"
    query = _query(parts.query)
    fragment = _escaped(parts.fragment) if parts.fragment[:1] in ("!", "/") else ""
    return "".join(
        (
            f"https://{host}{port}",
            _path(parts.path),
            f"?{query}" if query else "",
            f"#{fragment}" if fragment else "",
        )
    )


class Address(NamedTuple):
    """What the rules over addresses look at.

    Attributes:
        host: the host as in the normal form; None for what is no address of the web.
        normal: the normal form.
        words: the address in lower case, its escapes decoded, cut at everything that is neither letter nor digit.
        squeezed: the same, joined without anything between.
    """

    host: str | None
    normal: str
    words: frozenset[str]
    squeezed: str


def read_address(url: str) -> Address:
    """Takes a URL apart; never raises."""
    parts = _split(url)
    words = words_of(unquote(url))
    return Address(None if parts is None else _host(parts), normalise_url(url), frozenset(words), "".join(words))


def words_of(text: str) -> list[str]:
    """Gives the runs of letters and digits of a text, in lower case and in order."""
    return [word for word in _NOT_A_WORD.split(text.lower()) if word]


def normalise_host(host: str) -> str | None:
    """Gives a host's normal form, in Punycode, without `www.`; None if it is none."""
    host = host.strip()
    return None if not host else _normal_host(host.lower())


def domains_of(host: str) -> Iterator[str]:
    """Gives the host and each domain above it: `a.b.com`, `b.com`, `com`."""
    while host:
        yield host
        host = host.partition(".")[2]


def _split(url: str) -> SplitResult | None:
    """Parts a web address; None for other schemes, and for what has no host or a port that is none."""
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str | None:
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else _normal_host(name)


@lru_cache(maxsize=4096)
def _normal_host(name: str) -> str | None:
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            name = quote(name.lower(), safe="%", errors="replace")
    name = name.lower().strip(".")
    while name.startswith("www.") and "." in name[4:]:
        name = name[4:].lstrip(".")
    return None if not name or _SPACE.search(name) else name


def _escaped(part: str) -> str:
    """Decodes needless percent-escapes and writes missing ones; upper-case digits."""

    def canonical(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%25"
        character = chr(int(found[1], 16))
        return character if _UNRESERVED.fullmatch(character) else f"%{found[1].upper()}"

    if part.isalnum() and part.isascii():
        return part
    return quote(_ESCAPE.sub(canonical, part), safe=_SAFE, errors="replace")


def _path(path: str) -> str:
    path = _SESSION.sub("", _escaped(path))
    if "/." in path:
        segments: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                if len(segments) > 1:
                    segments.pop()
            elif segment != ".":
                segments.append(segment)
        path = "/".join(segments)
    return path.rstrip("/")


def _query(query: str) -> str:
    if not query:
        return ""
    return "&".join(sorted(item for item in map(_escaped, query.split("&")) if item and not _tracks(item)))


def _tracks(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)
