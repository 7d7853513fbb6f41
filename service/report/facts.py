"""What the page shows, as plain data: numbers and bounded texts that the gathering modules fill and the templates read.

No I/O and no markup but for texts that are already highlighted (`Markup`). Everything may be empty: the page leaves out what is.
Sizes are bytes of UTF-8 text, lengths are characters, shares are from 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from service.report.estimate_facts import EstimateFact
from service.report.highlight import Hunk

#: What a sample can be, and how the page says it.
SAMPLE_TAGS: Mapping[str, str] = MappingProxyType(
    {
        "selected": "Selected",
        "right": "Right",
        "wrong": "Wrong",
        "malformed": "Malformed",
        "mixed": "Mixed languages",
        "unscored": "Without a score",
    }
)


@dataclass(frozen=True)
class RunFact:
    """One run under the `--out`."""

    id: str
    kind: str
    name: str
    status: str
    code_version: str
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Tile:
    """A headline number with its unit or share below it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class ReasonFact:
    """How many documents a rule removed: as the first reason (they sum up to the step's removals), and at all."""

    reason: str
    first: int
    any: int


@dataclass(frozen=True)
class FunnelStep:
    """What one step let through."""

    name: str
    docs_in: int
    docs_out: int
    bytes_in: int
    bytes_out: int
    reasons: Sequence[ReasonFact] = ()
    more_reasons: int = 0
    sources: Sequence[str] = ()  # that the step is for; none means all

    @property
    def removed(self) -> int:
        """Documents that this step removed."""
        return self.docs_in - self.docs_out


@dataclass(frozen=True)
class Funnel:
    """The steps in order for one source, or for all of them when `source` is empty."""

    source: str
    docs_in: int
    bytes_in: int
    docs_out: int
    bytes_out: int
    steps: Sequence[FunnelStep]


@dataclass(frozen=True)
class InputFact:
    """What one source brought: files and bytes as stored, documents and bytes as read from them."""

    source: str
    files: int
    stored_bytes: int
    documents: int
    text_bytes: int


@dataclass(frozen=True)
class FaultFact:
    """One quarantined row or file."""

    locator: str
    source: str
    stage: str
    error: str
    pointer: str


@dataclass(frozen=True)
class LengthFact:
    """Document lengths of one source before and after curation, in bins between `edges` (characters)."""

    source: str
    edges: Sequence[float]
    before: Sequence[int]
    after: Sequence[int]
    median_before: int
    median_after: int


@dataclass(frozen=True)
class LanguageFact:
    """Documents of one language before and after curation."""

    language: str
    before: int
    after: int


@dataclass(frozen=True)
class ThresholdFact:
    """One rule: the document fails when `signal operator threshold` holds."""

    step: str
    reason: str
    signal: str
    operator: str
    threshold: str
    first: int
    any: int
    words: str = ""


@dataclass(frozen=True)
class SignalFact:
    """The values of one rule's signal over the documents that entered its step, in bins between `edges`, parted by the rule."""

    step: str
    reason: str
    signal: str
    operator: str
    threshold: float
    edges: Sequence[float]
    passing: Sequence[int]
    failing: Sequence[int]
    log: bool
    num_failing: int


@dataclass(frozen=True)
class DomainFact:
    """Documents of one host before and after curation."""

    domain: str
    before: int
    after: int


@dataclass(frozen=True)
class BrowsedFact:
    """One document to look at: kept, or rejected for its first reason. `tag` names the filter button that shows it."""

    id: str
    tag: str
    step: str
    reasons: Sequence[str]
    readings: Sequence[str]  # why, in numbers: "words 12 < 50"
    source: str
    where: str
    language: str
    characters: int
    text: Markup


@dataclass(frozen=True)
class TwinSide:
    """One document of a pair."""

    id: str
    source: str
    where: str
    characters: int


@dataclass(frozen=True)
class TwinFact:
    """A removed document beside the one that stayed, with their differences."""

    step: str
    similarity: float
    kept: TwinSide
    removed: TwinSide
    hunks: Sequence[Hunk]
    more_hunks: int


@dataclass(frozen=True)
class ClusterFact:
    """Documents that were found near each other: one stays, `removed` went; `farthest` is the least similar of them."""

    id: str
    removed: int
    kept_where: str
    removed_where: Sequence[str]
    farthest: TwinFact | None = None


@dataclass(frozen=True)
class Sampled:
    """How much of a table was looked at: all of it, or evenly spread row groups."""

    rows_read: int = 0
    rows_total: int = 0

    @property
    def partial(self) -> bool:
        """Whether less than all was looked at."""
        return self.rows_read < self.rows_total


@dataclass(frozen=True)
class PassageFact:
    """A passage that a document shares with an item of an evaluation set, as it stands in the document."""

    item: str
    id: str
    words: int
    text: Markup


@dataclass(frozen=True)
class BenchmarkFact:
    """An evaluation set: documents that share passages with it, its items that are hit, passages, and the longest one's words."""

    benchmark: str
    documents: int
    items: int
    passages: int
    words: int
    examples: Sequence[PassageFact]


@dataclass(frozen=True)
class CurationFact:
    """Everything of one curation."""

    name: str
    run_id: str
    funnels: Sequence[Funnel]
    inputs: Sequence[InputFact] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    faults: Sequence[FaultFact] = ()
    num_faults: int = 0
    lengths: Sequence[LengthFact] = ()
    languages: Sequence[LanguageFact] = ()
    documents_sampled: Sampled = Sampled()
    thresholds: Sequence[ThresholdFact] = ()
    signals: Sequence[SignalFact] = ()
    domains: Sequence[DomainFact] = ()
    num_domains: int = 0
    browsed: Sequence[BrowsedFact] = ()
    benchmarks: Sequence[BenchmarkFact] = ()
    benchmarks_sampled: Sampled = Sampled()
    duplicates_by_step: Mapping[str, int] = field(default_factory=dict)
    num_near_duplicates: int = 0
    twins: Sequence[TwinFact] = ()
    similarity_edges: Sequence[float] = ()
    similarity_counts: Sequence[int] = ()
    clusters: Sequence[ClusterFact] = ()
    duplicates_sampled: Sampled = Sampled()
    files: Sequence[tuple[str, int, int, int]] = ()  # kind, files, rows, bytes

    @property
    def browsed_tags(self) -> list[tuple[str, str, int]]:
        """What there is to look at, as (tag, words, documents), in order."""
        words = {item.tag: item.reasons[0] if item.reasons else "kept" for item in self.browsed}
        return [(tag, word, sum(item.tag == tag for item in self.browsed)) for tag, word in words.items()]


@dataclass(frozen=True)
class RateFact:
    """A pass rate with its 95 % interval; `unscored` rows are in neither."""

    label: str
    passed: int
    scored: int
    unscored: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Passed of scored."""
        return self.passed / self.scored if self.scored else 0.0


@dataclass(frozen=True)
class VerifierFact:
    """One verifier, version and settings over all generations."""

    name: str
    version: int
    settings_hash: str
    latest: bool
    statuses: Mapping[str, int]
    total: RateFact
    mean: float | None
    mean_ms: float | None
    all_or_nothing: bool  # every score is 0 or 1: a histogram would say no more than the rate
    score_edges: Sequence[float]
    score_counts: Sequence[int]
    domains: Sequence[RateFact]


@dataclass(frozen=True)
class Chip:
    """One verdict on a sample."""

    verifier: str
    status: str
    score: float | None
    why: str


@dataclass(frozen=True)
class SampleFact:
    """One generation with its prompt and verdicts. `tags` say which filter buttons show it."""

    id: str
    prompt_id: str
    tags: Sequence[str]
    prompt: Markup
    text: Markup
    gold: str
    characters: int
    tokens: int | None
    model: str
    domain: str
    language: str
    selected_in: Sequence[str]
    chips: Sequence[Chip]


@dataclass(frozen=True)
class LeftFact:
    """How many generations were left at one point of a selection."""

    label: str
    count: int


@dataclass(frozen=True)
class SelectionFact:
    """One selected set."""

    id: str
    name: str
    role: str
    items: int
    prompts: int
    warnings: Sequence[str]
    steps: Sequence[LeftFact]
    reasons: Sequence[ReasonFact]
    tokens_total: int
    token_edges: Sequence[float]
    token_counts: Sequence[int]
    files: Sequence[tuple[str, int, int]]  # path relative to the out folder, rows, bytes


@dataclass(frozen=True)
class GenerationFact:
    """What was sampled or imported."""

    prompts: int
    generations: int
    models: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class ReportFacts:
    """The whole page."""

    title: str
    code_version: str
    runs: Sequence[RunFact]
    tiles: Sequence[Sequence[Tile]]  # rows of tiles
    curation: CurationFact | None
    generations: GenerationFact | None
    verifiers: Sequence[VerifierFact]
    estimates: Sequence[EstimateFact]
    samples: Sequence[SampleFact]
    selections: Sequence[SelectionFact]
    numbers: Mapping[str, Any]  # the same numbers for machines

    @property
    def sample_tags(self) -> list[tuple[str, str, int]]:
        """The tags that samples have, as (tag, words, samples)."""
        counted = (
            (tag, words, sum(tag in sample.tags for sample in self.samples)) for tag, words in SAMPLE_TAGS.items()
        )
        return [item for item in counted if item[2]]
