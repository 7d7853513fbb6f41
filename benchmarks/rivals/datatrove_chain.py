"""Runs in datatrove's environment: FineWeb's chain over the texts of a JSON file, one document at a time as its pipelines do.

    python datatrove_chain.py TEXTS.json LID_MODEL

Language, Gopher repetition, Gopher quality, C4, FineWeb, MinHash signature; a document that a filter drops goes no further. Prints the
processor seconds and how many documents came through.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import HashConfig, MinhashConfig, MinhashDedupSignature
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from fasttext.FastText import _FastText

texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
language = LanguageFilter(["en"])
language.model._model = _FastText(sys.argv[2])  # noqa: SLF001 - it would fetch the model otherwise
filters = [
    language,
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
]
signer = MinhashDedupSignature(
    tempfile.mkdtemp(),
    MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64)),
)


def passes(text: str) -> bool:
    document = Document(text=text, id="0", metadata={})
    for step in filters:
        verdict = step.filter(document)
        if (verdict[0] if isinstance(verdict, tuple) else verdict) is False:
            return False
    shingles = signer.get_shingles(document.text)
    if shingles.size:
        signer.get_signature(shingles)
    return True


passes(texts[0])
start = time.process_time()
kept = sum(passes(text) for text in texts)
print(json.dumps({"seconds": time.process_time() - start, "kept": kept}))
