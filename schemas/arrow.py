"""The Arrow schemas of everything that Tamis writes as Parquet: one contract each, with its name and version in the metadata.

Pure: builds and compares schemas, touches no file. The SQL tables in `schemas.tables` agree with these field by field, and a
test holds them together.
"""

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

from schemas.errors import ContractError

CONTRACT_VERSION = 1
CONTRACT_KEY = b"tamis.contract"
VERSION_KEY = b"tamis.contract_version"

#: Columns that may differ between two runs that are otherwise identical.
VOLATILE_COLUMNS = frozenset({"elapsed_ms"})

_STRING = pa.string()
_TEXT = pa.large_string()


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _schema(contract: str, fields: list[pa.Field]) -> pa.Schema:
    return pa.schema(fields, metadata={CONTRACT_KEY: contract.encode(), VERSION_KEY: str(CONTRACT_VERSION).encode()})


_DOCUMENT_FIELDS = [
    _required("id", _STRING),
    _required("text", _TEXT),
    _required("source", _STRING),
    pa.field("url", _STRING),
    pa.field("path", _STRING),
    pa.field("repo", _STRING),
    pa.field("dump", _STRING),
    pa.field("timestamp", pa.timestamp("us", tz="UTC")),
    pa.field("language", _STRING),
    pa.field("language_score", pa.float32()),
    _required("meta", _TEXT),  # JSON object
]

#: A document that stays. Signal columns follow these fields as steps add them.
DOCUMENTS = _schema("documents", _DOCUMENT_FIELDS)

#: A document that was removed: the document, the step that removed it and every rule of that step that it failed.
REJECTS = _schema(
    "rejects",
    [*_DOCUMENT_FIELDS, _required("step", _STRING), _required("reasons", pa.list_(pa.field("item", _STRING)))],
)

#: Evidence for a removed duplicate: `similarity` is the true shingle Jaccard to `kept_id` (1.0 for exact duplicates).
DUPLICATES = _schema(
    "duplicates",
    [
        _required("id", _STRING),
        _required("kept_id", _STRING),
        _required("similarity", pa.float64()),
        pa.field("kept_dump", _STRING),
        _required("cluster_id", _STRING),
        _required("step", _STRING),
        # The first halves of the three ids as numbers: a document's evidence is searched for in these, a quarter of the bytes.
        _required("key", pa.uint64()),
        _required("kept_key", pa.uint64()),
        _required("cluster_key", pa.uint64()),
    ],
)

#: Evidence for a contaminated document: the passage that it shares with an item of an evaluation set.
CONTAMINATION = _schema(
    "contamination",
    [
        _required("id", _STRING),
        _required("step", _STRING),
        _required("benchmark", _STRING),
        _required("item", _STRING),
        _required("start", pa.int64()),  # characters of the text as it entered the step
        _required("end", pa.int64()),
        _required("words", pa.int32()),  # length of the passage
        _required("text", _TEXT),  # the passage as it stands in the document
    ],
)

#: Evidence for passages that span deduplication has cut: what stood there, and which document has it first.
CUTS = _schema(
    "cuts",
    [
        _required("id", _STRING),
        _required("step", _STRING),
        _required("start", pa.int64()),  # characters of the text as it entered the step
        _required("end", pa.int64()),
        _required("text", _TEXT),  # the beginning of what stood there
        _required("kept_id", _STRING),  # may be the document itself
        pa.field("kept_dump", _STRING),
        _required("key", pa.uint64()),  # the first half of the id, to search in
    ],
)

#: What could not be read or processed: where it stands, which stage refused it and why, and where its raw bytes are.
QUARANTINE = _schema(
    "quarantine",
    [
        _required("locator", _STRING),
        _required("source", _STRING),
        _required("stage", _STRING),
        _required("error", _STRING),
        _required("pointer", _STRING),  # file, byte offset and length as far as known: "path@offset+length"
    ],
)

#: Where every id of a run ended up: sorted by id, in files by id range.
INDEX = _schema(
    "index",
    [
        _required("id", _STRING),
        _required("outcome", _STRING),  # kept, or the name of the step that rejected
        _required("file", _STRING),  # relative to the run's folder
        _required("row", pa.int64()),
    ],
)

#: A question with its gold. `messages` is a JSON list of {role, content}; `gold` a JSON object or null.
PROMPTS = _schema(
    "prompts",
    [
        _required("id", _STRING),
        _required("task", _STRING),
        _required("messages", _TEXT),
        pa.field("gold", _TEXT),
        pa.field("language", _STRING),
        pa.field("domain", _STRING),
        _required("source", _STRING),
    ],
)

TASKS = ("math", "code", "choice", "instruction", "translation", "judge", "chat")

#: One sample of a prompt. `sampling` is a JSON object without secrets.
GENERATIONS = _schema(
    "generations",
    [
        _required("id", _STRING),
        _required("prompt_id", _STRING),
        _required("sample_index", pa.int32()),
        _required("text", _TEXT),
        _required("model", _STRING),
        _required("sampling", _STRING),
        pa.field("finish_reason", _STRING),
        pa.field("tokens", pa.int32()),
    ],
)

#: One verifier's word on one generation. `score` is null when the failure is ours (see `rewards.verdict`).
VERDICTS = _schema(
    "verdicts",
    [
        _required("generation_id", _STRING),
        _required("verifier", _STRING),
        _required("version", pa.int32()),
        _required("settings_hash", _STRING),
        pa.field("score", pa.float64()),
        _required("status", _STRING),
        _required("detail", _TEXT),  # JSON object
        _required("elapsed_ms", pa.float64()),
    ],
)

#: A gold that its own verifier does not accept: what was given to the verifier for it, and what the verifier said.
REFUSED_GOLDS = _schema(
    "refused_golds",
    [
        _required("prompt_id", _STRING),
        _required("source", _STRING),
        _required("verifier", _STRING),
        _required("version", pa.int32()),
        _required("settings_hash", _STRING),
        _required("gold", _TEXT),  # JSON value
        pa.field("score", pa.float64()),
        _required("status", _STRING),
        pa.field("reason", _STRING),
        pa.field("completion", _TEXT),  # null where none could be written
        _required("detail", _TEXT),  # JSON object
    ],
)

#: A pair of answers to one prompt and what a judge says of them; `preference` is 2.0 where A is far better to -2.0.
COMPARED_PAIRS = _schema(
    "compared_pairs",
    [
        _required("prompt_id", _STRING),
        _required("pair", pa.int32()),  # of its prompt, from 0
        pa.field("winner", _STRING),  # a, b or tie; null where the pair was not judged
        pa.field("preference", pa.float64()),
        _required("status", _STRING),
        pa.field("rule", _STRING),  # what decided, where no model was asked
        pa.field("reason", _STRING),  # why it was not judged
        pa.field("rounds", pa.list_(pa.float64())),  # preference of each round, null where a vote is lost
        pa.field("conflicts", pa.int32()),  # rounds whose two orders contradict each other
        pa.field("analysis", _TEXT),
        _required("chars_a", pa.int64()),  # of the answer, without the thinking
        _required("chars_b", pa.int64()),
        _required("messages", _TEXT),  # JSON
        _required("text_a", _TEXT),
        _required("text_b", _TEXT),
    ],
)

#: Which generation a set holds, in which role, and why.
SELECTION = _schema(
    "selection",
    [
        _required("selection_id", _STRING),
        _required("generation_id", _STRING),
        _required("role", _STRING),
        _required("rank", pa.int32()),
        _required("why", _STRING),
    ],
)

#: What the samples of one prompt, by one model under one sampling, say of it. Counts and rates leave out unscored samples.
PROMPT_ESTIMATES = _schema(
    "prompt_estimates",
    [
        _required("prompt_id", _STRING),
        _required("source", _STRING),
        pa.field("domain", _STRING),
        _required("model", _STRING),
        _required("sampling_hash", _STRING),
        _required("samples", pa.int32()),
        _required("scored", pa.int32()),
        _required("correct", pa.int32()),
        pa.field("pass_rate", pa.float64()),  # correct of scored; null where nothing is scored
        _required("band", _STRING),  # too_hard, learnable, too_easy, unscored
        pa.field("mean_reward", pa.float64()),
        pa.field("answers", pa.int32()),  # distinct answers; null where the verifier gives none
        pa.field("majority_answer", _STRING),
        pa.field("majority_share", pa.float64()),  # of all samples
        pa.field("majority_correct", pa.bool_()),
    ],
)

#: A generation's reward and its advantage over the samples of its prompt; null where the reward cannot be known.
ADVANTAGES = _schema(
    "advantages",
    [
        _required("generation_id", _STRING),
        _required("prompt_id", _STRING),
        _required("sample_index", pa.int32()),
        _required("band", _STRING),  # of its prompt
        pa.field("reward", pa.float64()),
        pa.field("advantage", pa.float64()),
    ],
)

ROLES = ("sft", "chosen", "rejected")

CONTRACTS: Mapping[str, pa.Schema] = MappingProxyType(
    {
        "documents": DOCUMENTS,
        "rejects": REJECTS,
        "duplicates": DUPLICATES,
        "contamination": CONTAMINATION,
        "cuts": CUTS,
        "quarantine": QUARANTINE,
        "index": INDEX,
        "prompts": PROMPTS,
        "generations": GENERATIONS,
        "verdicts": VERDICTS,
        "selection": SELECTION,
        "prompt_estimates": PROMPT_ESTIMATES,
        "advantages": ADVANTAGES,
        "refused_golds": REFUSED_GOLDS,
        "compared_pairs": COMPARED_PAIRS,
    }
)


def check_contract(schema: pa.Schema, contract: str, where: str = "table") -> None:
    """Raises unless `schema` holds every field of the contract with its type; further columns may follow.

    Args:
        schema: the schema to judge.
        contract: a key of `CONTRACTS`.
        where: the file or table that the message names.

    Raises:
        ContractError: names `where`, the column and both types, or the contract version that was found.
    """
    metadata = schema.metadata or {}
    version = metadata.get(VERSION_KEY)
    if version is not None and int(version) > CONTRACT_VERSION:
        raise ContractError(
            f"{where}: written under contract version {int(version)}, this Tamis reads up to {CONTRACT_VERSION}; upgrade it"
        )
    for field in CONTRACTS[contract]:
        position = schema.get_field_index(field.name)
        if position < 0:
            raise ContractError(f"{where}: column {field.name!r} of the {contract} contract is missing")
        found = schema.field(position).type
        if found != field.type:
            raise ContractError(f"{where}: column {field.name!r} is {found}, the {contract} contract says {field.type}")


def extended(contract: str, fields: list[pa.Field]) -> pa.Schema:
    """Gives the contract's schema with `fields` after its own, and its metadata kept."""
    base = CONTRACTS[contract]
    return pa.schema([*base, *fields], metadata=base.metadata)
