"""Documents of mixed quality, on which our rules and others' are compared: real text, and real text spoilt in each way a rule is for."""

import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "benchmarks")]

from machine_text import machine_text  # noqa: E402

from columnar.clean import clean_text  # noqa: E402

_MACHINE_BYTES = 6_000_000
_MAX_CHARS = 20_000  # of a document: the rivals take a second a megabyte, and more
_SPOILT = 1500


class Sample(NamedTuple):
    """A document and where it is from."""

    source: str
    text: str


def agreement_documents(data: Path, limit: int = 0) -> list[Sample]:
    """Gathers the documents, the same ones on every machine with the same packages.

    Args:
        data: the reference data.
        limit: at most this many, spread over all; 0 is all.
    """
    real = [Sample(source, clean_text(text)[0][:_MAX_CHARS]) for source, text in _real(data) if text.strip()]
    chance = random.Random(20)
    spoilt = []
    for sample in chance.sample(real, min(_SPOILT, len(real))):
        name, spoil = chance.choice(list(_WAYS.items()))
        spoilt.append(Sample(f"spoilt: {name}", spoil(sample.text, chance)[:_MAX_CHARS]))
    everything = real + [sample for sample in spoilt if sample.text]
    return chance.sample(everything, limit) if 0 < limit < len(everything) else everything


def _real(data: Path) -> Iterator[Sample]:
    yield from _pages(data)
    yield from _answers(data)
    for kind in ("docs", "code"):
        for text in machine_text(kind, _MACHINE_BYTES)[::3]:
            yield Sample(kind, text)


def _pages(data: Path) -> Iterator[Sample]:
    for path in sorted(data.glob("html_article_extraction/*.html.gz")) + sorted(
        data.glob("html_readability/*/source.html.gz")
    ):
        page = HTMLTree.parse_from_bytes(gzip.decompress(path.read_bytes()), "utf-8")
        for main in (True, False):
            yield Sample("page, main text" if main else "page, all text", extract_plain_text(page, main_content=main))
    for path in sorted(data.glob("tatoeba/*-eng.eng")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for at in range(0, min(len(lines), 400), 50):
            yield Sample("sentences", "\n".join(lines[at : at + 50]))


def _answers(data: Path) -> Iterator[Sample]:
    for path in sorted(data.glob("zeroeval_outputs/*.json.gz")):
        for item in json.loads(gzip.decompress(path.read_bytes()))[::40]:
            yield Sample("model reasoning", "\n\n".join([*item["chat_history"], *item["output"]]))
    for path in sorted(data.glob("arena_hard_outputs/gpt-*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().split("\n")[:-1][::4]:
            messages = json.loads(line).get("messages", [])
            answers = [m["content"].get("answer") for m in messages if isinstance(m.get("content"), dict)]
            yield Sample("model answer", "\n".join(filter(None, answers)))
    problems = gzip.decompress((data / "gsm8k" / "test.jsonl.gz").read_bytes()).decode().split("\n")[:-1]
    for line in problems[::5]:
        item = json.loads(line)
        yield Sample("problem", f"{item['question']}\n{item['answer']}")


def _truncate(text: str, chance: random.Random) -> str:
    return text[: chance.randint(1, 500)]


def _repeat_piece(text: str, chance: random.Random) -> str:
    pieces = [piece for piece in text.split("\n\n") if piece.strip()] or [text]
    piece = chance.choice(pieces)
    for _ in range(chance.randint(1, 12)):
        pieces.insert(chance.randrange(len(pieces) + 1), piece)
    return "\n\n".join(pieces)


def _repeat_line(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    line = chance.choice(lines)
    for _ in range(chance.randint(1, 1 + len(lines))):
        lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _repeat_phrase(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at, length = chance.randrange(len(words)), chance.randint(2, 12)
    phrase = words[at : at + length]
    for _ in range(chance.randint(1, 3 + len(words) // (4 * length))):
        place = chance.randrange(len(words) + 1)
        words[place:place] = phrase
    return " ".join(words)


def _change_lines(change: Callable[[str], str], share: float) -> Callable[[str, random.Random], str]:
    return lambda text, chance: "\n".join(
        change(line) if chance.random() < share else line for line in text.split("\n") if line.strip()
    )


def _wrap(text: str, chance: random.Random) -> str:
    words, lines = text.split(), []
    while words:
        count = chance.randint(1, 6)
        lines.append(" ".join(words[:count]))
        words = words[count:]
    return "\n".join(lines)


def _without_common_words(text: str, _chance: random.Random) -> str:
    common = {"the", "be", "to", "of", "and", "that", "have", "with"}
    return " ".join(word for word in text.split() if word.lower().strip(".,") not in common)


def _with_what_c4_looks_for(text: str, chance: random.Random) -> str:
    marked = (
        "Lorem ipsum dolor sit amet.",
        "a { color: red; }",
        "Please enable JavaScript in your browser.",
        "Cookie policy.",
    )
    lines = text.split("\n")
    for line in chance.sample(marked, chance.randint(1, 2)):
        lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines)


_WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "truncated": _truncate,
    "a piece repeated": _repeat_piece,
    "a line repeated": _repeat_line,
    "a phrase repeated": _repeat_phrase,
    "bullets": _change_lines(lambda line: f"- {line.lstrip()}", 0.92),
    "ellipses": _change_lines(lambda line: f"{line.rstrip('. ')}...", 0.4),
    "hashes": lambda text, chance: " ".join(f"#{w}" if chance.random() < 0.12 else w for w in text.split(" ")),
    "dots": lambda text, chance: " ".join(f"{w}..." if chance.random() < 0.12 else w for w in text.split(" ")),
    "short lines": _wrap,
    "no common words": _without_common_words,
    "words run together": lambda text, _chance: text.replace(" ", "", text.count(" ") // 2),
    "letters apart": lambda text, _chance: " ".join(text[:3000]),
    "numbers": lambda text, chance: " ".join(
        str(chance.randrange(10**4)) if chance.random() < 0.3 else w for w in text.split(" ")
    ),
    "what C4 looks for": _with_what_c4_looks_for,
}
