"""Names that are the same everywhere: ids and hashes made from content, never from clocks, paths or batches.

Pure functions of their arguments. A change here breaks every store, so each function has a known-answer test.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import xxhash

_UNIT_SEPARATOR = "\x1f"


def canonical_json(value: Any) -> str:
    """Gives JSON with sorted keys, no spaces and no NaN, the same text for equal values.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
        TypeError: for values that JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(*parts: str) -> str:
    """Gives the xxh3-128 of the parts as 32 hex digits; each part is prefixed by its length, so that none runs into the next."""
    joined = _UNIT_SEPARATOR.join(f"{len(part)}:{part}" for part in parts)
    return xxhash.xxh3_128_hexdigest(joined.encode("utf-8", "surrogatepass"))


def settings_hash(settings: Any) -> str:
    """Gives 16 hex digits for a JSON value of settings; equal settings give equal hashes whatever their key order."""
    return digest(canonical_json(settings))[:16]


def document_id(source: str, dump: str, locator: str) -> str:
    """Gives the 32 hex digits that name a document.

    Args:
        source: name of the input as the recipe has it.
        dump: name of the dump, or an empty string.
        locator: path relative to the input's root, then ``#`` and the record offset, line or row. Never an absolute
            path, a batch or an output shard, so that the id survives a resume, other batch sizes and another clone.
    """
    # What `digest` of these parts gives, written out: this is called once a document.
    joined = f"8:document\x1f{len(source)}:{source}\x1f{len(dump)}:{dump}\x1f{len(locator)}:{locator}"
    return xxhash.xxh3_128_hexdigest(joined.encode("utf-8", "surrogatepass"))


def prompt_id(source: str, task: str, messages: Sequence[Mapping[str, Any]], gold: Any) -> str:
    """Gives the 32 hex digits that name a prompt: the same question with the same gold is the same prompt."""
    return digest("prompt", source, task, canonical_json(list(messages)), canonical_json(gold))


def generation_id(prompt: str, model: str, sampling: Mapping[str, Any], sample_index: int) -> str:
    """Gives the 32 hex digits that name one sample of a prompt by a model under sampling settings."""
    return digest("generation", prompt, model, canonical_json(dict(sampling)), str(sample_index))


def sample_seed(prompt: str, sample_index: int) -> int:
    """Gives the 31-bit seed of one sample, so that samples come out the same in whatever order they are asked for."""
    return int(digest("seed", prompt, str(sample_index))[:8], 16) & 0x7FFFFFFF
