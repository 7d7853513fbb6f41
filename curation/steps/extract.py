"""The step that turns pages into text, with their formulas kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from columnar.clean import clean_text
from curation.meta import add_to_meta
from curation.model import RAW, Reading, StepOutput
from curation.readers.html import decode_page
from curation.steps.formulas import hold_formulas
from curation.steps.metadata import Metadata, read_metadata
from curation.steps.outcome import part, rows_of
from curation.steps.pages import parse_page
from schemas.arrow import DOCUMENTS
from schemas.steps import ExtractRecipe, StepRecipe

Engine = Literal["resiliparse", "trafilatura"]

NO_TEXT = "no_text"

#: Beyond this depth, which browsers do not build either, finding the main content takes the square of the depth: the page's
#: whole text is taken then, and formulas are left as they stand.
MAX_DEPTH = 512
_TOO_DEEP = " > ".join("*" * MAX_DEPTH)
#: A page with fewer tags is quick at any depth.
_MANY_TAGS = 4096

_FILLED = ("text", "url", "meta", "replaced_characters")
_PAGE_COLUMNS = ("html", "html_encoding")


class Extraction(NamedTuple):
    """What a page says.

    Attributes:
        text: its text; paragraphs are parted by an empty line.
        metadata: its title, date and the like.
        num_formulas: how many formulas were kept.
        replaced: characters of the text that became U+FFFD.
    """

    text: str
    metadata: Metadata
    num_formulas: int
    replaced: int


def extract_page(
    page: str,
    *,
    engine: Engine = "resiliparse",
    main_content: bool = True,
    formulas: bool = True,
    url: str | None = None,
) -> Extraction:
    """Extracts the text of an HTML page.

    Args:
        page: the decoded page.
        engine: resiliparse (native, some 40 MB/s of HTML) or trafilatura (more precise on articles, some 30 times slower).
        main_content: leave out navigation, footers and the like.
        formulas: keep formulas as TeX between dollar signs.
        url: where the page was fetched; relative addresses start from there.

    Raises:
        ValueError: see `curation.steps.pages.parse_page`.
    """
    tree = parse_page(page)
    document = tree.document
    if page.count("<") > _MANY_TAGS and document is not None and document.query_selector(_TOO_DEEP) is not None:
        main_content = formulas = False
    metadata = read_metadata(tree, url)
    held = hold_formulas(tree) if formulas else None
    found = _ENGINES[engine](tree, main_content)
    text, replaced = clean_text(held.restore(found) if held else found)
    return Extraction(text.strip(), metadata, len(held) if held else 0, replaced)


def _with_resiliparse(tree: HTMLTree, main_content: bool) -> str:  # noqa: FBT001 - the engines' one signature
    # Alternative texts of pictures are seldom sentences; those that are formulas are in the tree as text already.
    return str(extract_plain_text(tree, preserve_formatting=True, main_content=main_content, alt_texts=False))


def _with_trafilatura(tree: HTMLTree, main_content: bool) -> str:  # noqa: FBT001 - see above
    import trafilatura  # noqa: PLC0415 - a third of a second that only this engine needs

    if not main_content:
        return str(trafilatura.html2txt(str(tree)))
    return trafilatura.extract(str(tree), include_comments=False, include_tables=True, deduplicate=False) or ""


_ENGINES: Mapping[Engine, Callable[[HTMLTree, bool], str]] = MappingProxyType(
    {"resiliparse": _with_resiliparse, "trafilatura": _with_trafilatura}
)


@dataclass
class ExtractStep:
    """Fills `text` from `html`, puts title, date, canonical address and language hint into `meta`, and rejects pages without text.

    A page without an address takes its canonical one. Documents that are text pass.

    Attributes:
        keep_pages: leave the columns of pages in place, for a later extract step of other sources. The last one drops them.
    """

    name: str
    recipe: ExtractRecipe
    sources: frozenset[str] = field(default_factory=frozenset)
    keep_pages: bool = False
    version: int = field(default=2, init=False)

    def output_fields(self) -> Sequence[pa.Field]:
        """Gives nothing: the step fills columns that are there."""
        return ()

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        """Extracts the pages of the step's sources.

        Raises:
            ValueError: this is the last extract step, and a page of another source would be left without text.
        """
        empty = np.zeros(batch.num_rows, np.bool_)
        if "html" in batch.schema.names:
            pages = rows_of(batch, self.sources) & ~np.asarray(
                batch.column("html").is_null().to_numpy(zero_copy_only=False)
            )
            if pages.any():
                batch, empty = self._extracted(batch, np.flatnonzero(pages).tolist())
            if not self.keep_pages:
                batch = _without_pages(batch)
        return part(batch, self.name, [NO_TEXT], empty[np.newaxis])

    def explain(self, text: str) -> list[Reading]:
        """Extracts `text` as a page and tells how much came out."""
        found = self._extract(text, None)
        return self.readings({"text": found.text})

    def readings(self, row: Mapping[str, Any]) -> list[Reading]:
        """Judges a row by the length of its text."""
        length = len(row.get("text") or "")
        return [Reading(self.name, "extracted_chars", length, "<", 1, NO_TEXT, length < 1)]

    def _extract(self, page: str, url: str | None) -> Extraction:
        settings = self.recipe
        return extract_page(
            page, engine=settings.engine, main_content=settings.main_content, formulas=settings.formulas, url=url
        )

    def _extracted(self, batch: pa.RecordBatch, pages: list[int]) -> tuple[pa.RecordBatch, Any]:
        """Gives the batch with the texts of these rows, and which of them are empty."""
        columns = {name: batch.column(name).to_pylist() for name in ("html_encoding", *_FILLED)}
        html = batch.column("html")
        empty = np.zeros(batch.num_rows, np.bool_)
        for row in pages:
            page = decode_page(html[row].as_py(), columns["html_encoding"][row])
            found = self._extract(page, columns["url"][row])
            columns["text"][row] = found.text
            empty[row] = not found.text
            columns["replaced_characters"][row] += found.replaced
            columns["url"][row] = columns["url"][row] or found.metadata.canonical_url or None
            if said := found.metadata.to_meta():
                columns["meta"][row] = add_to_meta(columns["meta"][row], said)
        gone = np.zeros(batch.num_rows, np.bool_)
        gone[pages] = True
        for name in _FILLED:
            values = pa.array(columns[name], RAW.field(name).type)
            batch = batch.set_column(batch.schema.get_field_index(name), RAW.field(name), values)
        rest = pa.array(np.where(gone, None, html.to_numpy(zero_copy_only=False)), RAW.field("html").type)
        return batch.set_column(batch.schema.get_field_index("html"), RAW.field("html"), rest), empty


def _without_pages(batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = batch.column("text")
    if texts.null_count:
        row = int(np.flatnonzero(texts.is_null().to_numpy(zero_copy_only=False))[0])
        raise ValueError(f"a page of source {batch.column('source')[row].as_py()!r} has no extract step for it")
    batch = batch.set_column(batch.schema.get_field_index("text"), DOCUMENTS.field("text"), texts)
    return batch.drop_columns([name for name in _PAGE_COLUMNS if name in batch.schema.names])


def build(recipe: StepRecipe, _base: Path) -> ExtractStep:
    """Builds the step of a recipe."""
    if recipe.extract is None:
        raise ValueError(f"step {recipe.title!r} extracts nothing")
    return ExtractStep(recipe.title, recipe.extract, frozenset(recipe.sources))
