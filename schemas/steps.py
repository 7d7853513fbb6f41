"""What a user asks of each step of `tamis curate`: one validated model a kind. Pure.

Every field has a description: `tamis schema curate` and the documentation are made of them.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.stored_steps import STEP_KINDS

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
RelativePath = Annotated[
    str, Field(min_length=1, description="A path, relative to the recipe's folder, or a URL (s3://, gs://).")
]


class Strict(BaseModel):
    """A part of a recipe: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExtractRecipe(Strict):
    """HTML to text. Documents that are text already pass."""

    engine: Literal["resiliparse", "trafilatura"] = "resiliparse"
    formulas: bool = Field(True, description="Keep MathJax, KaTeX, MathML and pictured formulas as `$...$`.")
    main_content: bool = Field(True, description="Leave out navigation, footers and the like.")


class LanguageRecipe(Strict):
    """Identify the language of each document, and keep some languages."""

    engine: Literal["py3langid", "langdetect", "fasttext"] = "py3langid"
    model_path: RelativePath | None = Field(None, description="Model file of the fasttext engine, .bin or .ftz.")
    keep: list[str] = Field(default_factory=list, description="Languages to keep; none means all, and only labels.")
    min_score: Share = Field(0.65, description="Least score of the label (FineWeb: 0.65).")
    candidates: list[str] = Field(
        default_factory=list, description="Languages that are considered at all; none means all that the engine knows."
    )
    max_chars: int | None = Field(
        None, ge=100, description="Only so many characters from the start are looked at; none means the whole text."
    )


class FilterRecipe(Strict):
    """A table of named thresholds over signals. `tamis rules` lists the tables."""

    rules: str = Field(description="Name of a table.")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="Reason -> threshold, in place of the table's."
    )
    disable: list[str] = Field(default_factory=list, description="Reasons that are not applied.")
    languages: dict[str, dict[str, float | None]] = Field(
        default_factory=dict,
        description="Language -> reason -> threshold for documents of that language; null turns the rule off for them.",
    )
    bad_words: RelativePath | None = Field(
        None,
        description="A list, one word or phrase a line, for tables with a bad-words rule; without it the rule is off.",
    )
    tokenizer: RelativePath | None = Field(
        None,
        description="A tokenizer.json, for tables with a rule over characters a token; without it the rule is off.",
    )


class UrlsRecipe(Strict):
    """Judge documents by their URL: lists of domains and URLs, and words in the address. Documents without a URL pass."""

    blocked_domains: RelativePath | None = Field(None, description="A list, one domain a line; subdomains too.")
    blocked_urls: RelativePath | None = Field(None, description="A list, one URL a line, compared after normalisation.")
    banned_words: RelativePath | None = Field(None, description="Any of these words in the address: dropped.")
    banned_subwords: RelativePath | None = Field(None, description="Any of these anywhere in the address: dropped.")
    soft_banned_words: RelativePath | None = Field(None, description="Two of these words in the address: dropped.")
    soft_threshold: int = Field(2, ge=1, description="How many of the soft words drop.")


class BenchmarkRecipe(Strict):
    """An evaluation set that must not be in the corpus."""

    name: Name
    path: RelativePath = Field(description="JSONL, Parquet, CSV or TSV, compressed or not; file or glob.")
    fields: list[str] = Field(min_length=1, description="Columns (dotted for nested ones) whose texts are looked for.")
    id_field: str | None = Field(None, description="Column that names an item; by default its place in the file.")
    ngram: int | None = Field(
        None,
        ge=2,
        le=64,
        description="Words a passage of this set; by default the step's. About 13 for Japanese, 20 for Thai.",
    )


class DecontaminateRecipe(Strict):
    """Remove documents that hold a passage of an evaluation set (DeepSeekMath and DeepSeek-Coder: 10-grams)."""

    benchmarks: list[BenchmarkRecipe] = Field(min_length=1)
    ngram: int = Field(10, ge=2, le=64, description="A document with this many words of an item in a row goes.")
    min_ngram: int = Field(3, ge=1, description="A shorter item must be found whole; below this it is left out.")
    compare: Literal["words", "exact"] = Field(
        "words",
        description="`words` folds case and leaves off punctuation around a word; `exact` compares as it stands.",
    )
    action: Literal["drop", "label"] = Field("drop", description="`label` keeps the document and only writes evidence.")
    exclude: RelativePath | None = Field(
        None, description="Passages that are no contamination, a JSONL of {text, reason}: boilerplate of many items."
    )


PiiKind = Literal["email", "ip", "phone", "secret"]


class PiiRecipe(Strict):
    """Find personal data and secrets; mask them in the text or drop the document. Counted by kind."""

    kinds: list[PiiKind] = Field(default=["email", "ip"], min_length=1)
    action: Literal["mask", "drop"] = "mask"
    regions: list[str] = Field(
        default_factory=lambda: ["US"], description="Regions whose national phone number formats are known, ISO 3166."
    )


class QualityRecipe(Strict):
    """Score documents by a fastText classifier, and drop those with a low score."""

    model_path: RelativePath = Field(description="fastText model, .bin or .ftz; `tamis train` makes one.")
    label: str = Field(description="The label whose probability is the score, without `__label__`.")
    signal: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")] = Field(
        "quality", description="The score's column is called `<signal>_score`."
    )
    min_score: Share | None = Field(None, description="Documents below it are dropped; none means only scores.")
    max_chars: int | None = Field(None, ge=100, description="Only so many characters from the start are scored.")


LanguageCode = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9_-]{1,20})?$")]


class MixingRecipe(Strict):
    """Measure how much of each document is in other languages than its own, and drop those that mix too much."""

    target: LanguageCode | None = Field(
        None,
        description="ISO 639 code for every document; by default its `language`, or without one the main language.",
    )
    candidates: list[LanguageCode] = Field(
        default_factory=list, description="Languages that may occur beside the target; none means the 25 commonest."
    )
    compare: Literal["words", "scripts"] = Field(
        "words", description="`scripts` tells languages by their letters alone: fast, and blind to French in English."
    )
    max_foreign_share: Share | None = Field(
        0.1, description="A document with a larger share of its characters in other languages goes; null only measures."
    )
    max_off_script_share: Share | None = Field(
        0.05, description="The same for its letters in fragments of another script; null only measures."
    )


class ExactDedupRecipe(Strict):
    """Remove documents whose text (white space apart) or normalised URL is that of an earlier one."""

    by: Literal["text", "url"] = "text"


Keep = Literal["first", "longest", "newest", "best"]


class NearDedupRecipe(Strict):
    """Remove documents whose shingles overlap an earlier staying document's; every pair is verified by true Jaccard."""

    threshold: Share = Field(0.8, description="Least Jaccard similarity that removes.")
    ngram: int = Field(5, ge=1, le=32, description="Words a shingle.")
    bands: int = Field(14, ge=1, le=128, description="FineWeb: 14 bands of 8 rows.")
    rows: int = Field(8, ge=1, le=64)
    bucket_leaders: int = Field(
        32, ge=1, description="In a larger bucket a document meets only this many earliest ones."
    )
    partitions: int = Field(
        16, ge=1, le=4096, description="Hash ranges of the shuffle; more means less memory a worker."
    )
    keep: Keep = Field(
        "first", description="Which copy stays; all but `first` are for one-shot jobs and exclude `index`."
    )
    keep_by: str | None = Field(None, description="For `keep: best`: the signal whose highest value stays.")
    index: RelativePath | None = Field(
        None,
        description="A signature index that outlives the job: what earlier dumps hold is removed, and this dump is added.",
    )

    @model_validator(mode="after")
    def _one_shot(self) -> "NearDedupRecipe":
        if self.keep != "first" and self.index is not None:
            raise ValueError(f"keep: {self.keep} is for one-shot jobs; with an index the first stays")
        if (self.keep == "best") != (self.keep_by is not None):
            raise ValueError("keep: best needs keep_by, the name of a signal, and nothing else does")
        return self


class SemanticDedupRecipe(Strict):
    """Remove documents whose embedding is close to an earlier staying document's of the same cluster (SemDeDup)."""

    threshold: Share = Field(0.95, description="Least cosine similarity that removes.")
    model_path: RelativePath | None = Field(
        None, description="Folder with an ONNX sentence encoder (model.onnx, tokenizer.json); by default MiniLM-L6."
    )
    clusters: int | None = Field(None, ge=1, description="k of k-means; by default about one for 1,000 documents.")
    max_tokens: int = Field(256, ge=8, le=8192, description="Tokens from the start that are embedded.")


class SpanDedupRecipe(Strict):
    """Cut passages that an earlier document has, or an earlier place of the same one, out of the texts that stay."""

    unit: Literal["line", "paragraph", "sentence", "ngram"] = "paragraph"
    ngram: int = Field(50, ge=5, le=1024, description="For `ngram`: words in a row that must agree.")
    sentences: int = Field(3, ge=1, le=64, description="For `sentence`: sentences in a row that must agree (C4: 3).")
    min_chars: int = Field(20, ge=1, description="A shorter line, paragraph or run of sentences is never cut.")
    min_copies: int = Field(2, ge=2, description="Cut from the second copy on, when there are at least so many.")
    max_cut_share: Share = Field(0.8, description="A document that loses a larger share of its characters is removed.")


#: In the order of the job.


class StepRecipe(Strict):
    """One step: exactly one of the kinds, for all sources or some."""

    name: Name | None = Field(None, description="By default the rule table's name or the kind.")
    sources: list[str] = Field(default_factory=list, description="Sources it applies to; none means all.")
    extract: ExtractRecipe | None = None
    language: LanguageRecipe | None = None
    filter: FilterRecipe | None = None
    urls: UrlsRecipe | None = None
    decontaminate: DecontaminateRecipe | None = None
    pii: PiiRecipe | None = None
    quality: QualityRecipe | None = None
    mixing: MixingRecipe | None = None
    exact_dedup: ExactDedupRecipe | None = None
    near_dedup: NearDedupRecipe | None = None
    semantic_dedup: SemanticDedupRecipe | None = None
    span_dedup: SpanDedupRecipe | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "StepRecipe":
        given = [kind for kind in STEP_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a step has exactly one of {', '.join(STEP_KINDS)}; this one has {', '.join(given) or 'none'}"
            )
        return self

    @property
    def kind(self) -> str:
        """The one kind that is given."""
        return next(kind for kind in STEP_KINDS if getattr(self, kind) is not None)

    @property
    def title(self) -> str:
        """The step's name in funnels, rejects and reports."""
        return self.name or (self.filter.rules if self.filter else self.kind)


_PATH_KINDS = ("language", "filter", "urls", "decontaminate", "quality")
_PATH_FIELDS = (
    "model_path",
    "bad_words",
    "tokenizer",
    "blocked_domains",
    "blocked_urls",
    "banned_words",
    "banned_subwords",
    "soft_banned_words",
    "exclude",
)


def replace_step_paths(step: StepRecipe, change: Callable[[str], str]) -> StepRecipe:
    """Gives the step with each of `step_paths` changed; the same step if none changes."""
    settings = getattr(step, step.kind)
    given = {name: getattr(settings, name, None) for name in _PATH_FIELDS if step.kind in _PATH_KINDS}
    changed: dict[str, Any] = {name: change(path) for name, path in given.items() if path is not None}
    if step.decontaminate is not None:
        sets = step.decontaminate.benchmarks
        changed["benchmarks"] = [item.model_copy(update={"path": change(item.path)}) for item in sets]
    if all(getattr(settings, name) == value for name, value in changed.items()):
        return step
    return step.model_copy(update={step.kind: settings.model_copy(update=changed)})


def step_paths(step: StepRecipe) -> list[str]:
    """Gives the files and globs that a step reads, as the recipe writes them; a folder or an index is not among them."""
    settings = [getattr(step, kind) for kind in _PATH_KINDS]
    found = [getattr(item, name, None) for item in settings for name in _PATH_FIELDS]
    if step.decontaminate is not None:
        found += [item.path for item in step.decontaminate.benchmarks]
    return [path for path in found if path is not None]
