"""What the audit passes around: its settings, a generation to measure, and the row that `samples.parquet` holds of each. No I/O."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa

from schemas.arrow import CONTRACT_KEY, VERSION_KEY

Mode = Literal["strict", "lenient"]

#: Spans of one generation that `samples.parquet` lists; `num_spans` counts them all.
MAX_SPANS: Final = 100
#: Characters of a span's own text that it keeps.
MAX_SPAN_CHARS: Final = 200
#: Parts of a text are looked at in so many pieces of equal length.
DECILES: Final = 10
#: Where the target language came from: the data or the command, the prompt by rule, the text itself.
TARGET_SOURCES: Final = ("given", "prompt", "text")
#: What a generation is, the gravest first: most words are in another language; it has a span of another script, of another
#: language in the same script, or minor ones alone; nothing was found; no word has a language.
KINDS: Final = ("other_language", "off_script", "same_script", "minor", "clean", "no_words")
#: A generation with a smaller share of target words is in another language altogether.
MIN_TARGET_SHARE: Final = 0.5
SAMPLES_VERSION: Final = b"1"


@dataclass(frozen=True)
class Settings:
    """What the numbers depend on beside the input; another value is another audit.

    Attributes:
        threshold: a generation whose ratio is lower fails the filter.
        mode: whose ratio the filter looks at.
        language: of rows that do not say.
        preset: a key of `workers.mapping.PRESETS`, or `auto`.
        columns: our field -> their column, before the preset's.
        lid_model: fastText model of LPR; none without it.
        words: English word list of WPR; none without it.
        worst: samples that the page shows at most.
        limit: generations that are looked at, at most.
    """

    threshold: float
    mode: Mode
    language: str | None
    preset: str
    columns: dict[str, str]
    lid_model: Path | None
    words: Path | None
    worst: int
    limit: int | None

    def to_json(self) -> dict[str, Any]:
        """Gives the fields as a JSON object, files by their names alone."""
        files = {
            name: path.name if path else None for name, path in (("lid_model", self.lid_model), ("words", self.words))
        }
        return {**asdict(self), **files}


class Generation(NamedTuple):
    """A generation to measure.

    Attributes:
        id: as the data says, or file and row.
        prompt_key: the same for generations of one prompt.
        model: who wrote it.
        sample_index: which sample of its prompt, if known.
        step: training step or checkpoint as text, empty if there is none.
        domain: empty if unknown.
        finish_reason: empty if unknown.
        language: the target language as far as it is known before the prompt is read; None otherwise.
        by_prompt: whether `language` was taken from the prompt by rule, and not given.
        prompt: what was asked, to take the target from and to show; empty if unknown.
        text: what the model wrote.
        locator: file and row, from 1.
        pointer: where the raw bytes stand.
    """

    id: str
    prompt_key: str
    model: str
    sample_index: int | None
    step: str
    domain: str
    finish_reason: str
    language: str | None
    by_prompt: bool
    prompt: str
    text: str
    locator: str
    pointer: str


def _list_of(**fields: pa.DataType) -> pa.DataType:
    return pa.list_(pa.struct(list(fields.items())))


SPANS_TYPE: Final = _list_of(
    start=pa.int64(),
    end=pa.int64(),
    language=pa.string(),
    severity=pa.string(),
    score=pa.float32(),
    part=pa.string(),
    text=pa.string(),
)

#: A row a generation. docs/audit.md tells each column.
SAMPLES: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prompt_key", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("sample_index", pa.int32()),
        pa.field("step", pa.string(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("target_source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("characters", pa.int64(), nullable=False),
        pa.field("words", pa.int64(), nullable=False),
        pa.field("zxx_words", pa.int64(), nullable=False),
        pa.field("strict_words", pa.int64(), nullable=False),
        pa.field("strict_target_words", pa.int64(), nullable=False),
        pa.field("strict_ratio", pa.float64()),
        pa.field("lenient_words", pa.int64(), nullable=False),
        pa.field("lenient_target_words", pa.int64(), nullable=False),
        pa.field("lenient_ratio", pa.float64()),
        pa.field("off_script_share", pa.float64(), nullable=False),
        pa.field("switches", pa.int64(), nullable=False),
        pa.field("failed", pa.bool_(), nullable=False),
        pa.field("num_spans", pa.int32(), nullable=False),
        pa.field("num_off_script", pa.int32(), nullable=False),
        pa.field("num_same_script", pa.int32(), nullable=False),
        pa.field("num_minor", pa.int32(), nullable=False),
        pa.field("spans", SPANS_TYPE, nullable=False),
        pa.field("shares", _list_of(language=pa.string(), share=pa.float64()), nullable=False),
        pa.field("transitions", _list_of(source=pa.string(), target=pa.string(), count=pa.int64()), nullable=False),
        pa.field("thinking_words", pa.int64()),
        pa.field("thinking_target_words", pa.int64()),
        pa.field("answer_words", pa.int64()),
        pa.field("answer_target_words", pa.int64()),
        pa.field("thinking_deciles", pa.list_(pa.int64())),
        pa.field("answer_deciles", pa.list_(pa.int64())),
        pa.field("lines_pass", pa.bool_()),
        pa.field("words_pass", pa.bool_()),
        pa.field("locator", pa.string(), nullable=False),
        pa.field("pointer", pa.string(), nullable=False),
    ],
    metadata={CONTRACT_KEY: b"audit_samples", VERSION_KEY: SAMPLES_VERSION},
)
