"""The index of a decontaminate step: the passages of its evaluation sets, made once a process. Reads the files of the sets."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from columnar.passage_build import build_index
from columnar.passage_search import find_passages
from columnar.passage_words import segment
from columnar.passages import PassageIndex
from columnar.text import buffers
from curation.decontamination.benchmarks import ItemText, read_excluded, read_items
from curation.step_files import step_files
from schemas.steps import DecontaminateRecipe

_LOG = logging.getLogger(__name__)

#: A passage of so many items of one set is told as a likely template, if it is in at least this share of them too.
FREQUENT_ITEMS = 20
FREQUENT_SHARE = 0.05


@dataclass(frozen=True)
class Template:
    """A passage that many items of an evaluation set share: a candidate for the list of exclusions."""

    benchmark: str
    text: str
    items: int


@dataclass(frozen=True)
class Evidence:
    """A passage that a document shares with an item.

    Attributes:
        document: row of the document in its batch.
        benchmark: number of the evaluation set in the recipe.
        item: name of the item.
        start: character of the document at which the passage begins.
        end: the character after its end.
        words: its length.
    """

    document: int
    benchmark: int
    item: str
    start: int
    end: int
    words: int


@dataclass(frozen=True)
class BenchmarkIndex:
    """What a decontaminate step looks for.

    Attributes:
        passages: the index.
        texts: the items' texts, as the index numbers them.
        benchmarks: names of the sets, as the index numbers its groups.
        too_short: texts of each set that are too short to be looked for.
        excluded: texts of each set that exclusions leave nothing of.
        templates: the passages of most items, most frequent first.
    """

    passages: PassageIndex
    texts: tuple[ItemText, ...]
    benchmarks: tuple[str, ...]
    too_short: tuple[int, ...]
    excluded: tuple[int, ...]
    templates: tuple[Template, ...]

    def search(self, texts: pa.LargeStringArray) -> tuple[list[Evidence], list[int]]:
        """Gives the evidence of all documents, and the words of each document that lie in passages.

        Evidence is in the order of documents, sets, places and items; of an item that holds a passage twice it is told once.
        """
        found = find_passages(self.passages, texts)
        groups = self.passages.groups
        rows = {
            Evidence(document, int(groups[text]), self.texts[text].item, start, end, words)
            for document, text, start, end, words in zip(*(column.tolist() for column in found[:5]), strict=True)
        }
        order = sorted(rows, key=lambda row: (row.document, row.benchmark, row.start, -row.end, row.item))
        return order, found.covered.tolist()


def benchmark_index(recipe: DecontaminateRecipe, base: Path) -> BenchmarkIndex:
    """Gives the index of a recipe; made on the first call of a process, and again when a file has changed.

    Raises:
        UserError: see `curation.decontamination.benchmarks`.
    """
    paths = [item.path for item in recipe.benchmarks] + ([recipe.exclude] if recipe.exclude else [])
    stats = [path.stat() for pattern in paths for path in step_files(pattern, base)]
    return _index(recipe.model_dump_json(), str(base), tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


@lru_cache(maxsize=4)
def _index(settings: str, folder: str, _files: tuple[tuple[int, int], ...]) -> BenchmarkIndex:
    recipe, base = DecontaminateRecipe.model_validate_json(settings), Path(folder)
    texts: list[ItemText] = []
    groups: list[int] = []
    for number, benchmark in enumerate(recipe.benchmarks):
        texts += read_items(benchmark, base)
        groups += [number] * (len(texts) - len(groups))
    built = build_index(
        pa.array([item.text for item in texts], pa.large_string()),
        groups,
        ngram=[recipe.benchmarks[number].ngram or recipe.ngram for number in groups],
        min_ngram=recipe.min_ngram,
        excluded=read_excluded(recipe.exclude, base) if recipe.exclude else (),
        reading=recipe.compare,
        frequent_texts=FREQUENT_ITEMS,
    )
    names = tuple(benchmark.name for benchmark in recipe.benchmarks)
    totals = [groups.count(number) for number in range(len(names))]
    templates = []
    for item in built.frequent:
        if item.texts >= FREQUENT_SHARE * totals[item.group]:
            passage = _passage(texts[item.text].text, item.first, item.words, built.passages)
            templates.append(Template(names[item.group], passage, item.texts))
    short, out = (
        [int((marks & (built.passages.groups == n)).sum()) for n in range(len(names))] for marks in built[1:3]
    )
    for number, name in enumerate(names):
        _LOG.info("benchmark %s: %d texts, %d too short, %d excluded", name, totals[number], short[number], out[number])
    for template in templates:
        _LOG.warning(
            "benchmark %s: %d texts share the passage %r: if it is a template, list it under `exclude`",
            template.benchmark, template.items, template.text,
        )  # fmt: skip
    return BenchmarkIndex(built.passages, tuple(texts), names, tuple(short), tuple(out), tuple(templates))


def _passage(text: str, first: int, length: int, index: PassageIndex) -> str:
    offsets, data = buffers(pa.array([text], pa.large_string()))
    words = segment(data, offsets[0], offsets[1], index.table)
    return text[words.first[first] : words.last[first + length - 1]]
