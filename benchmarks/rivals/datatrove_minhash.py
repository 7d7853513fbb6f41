"""Runs in datatrove's environment: signs the texts of a JSON file as its first MinHash step does, and prints the processor seconds."""

import json
import sys
import tempfile
import time
from pathlib import Path

from datatrove.pipeline.dedup.minhash import HashConfig, MinhashConfig, MinhashDedupSignature

texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
step = MinhashDedupSignature(tempfile.mkdtemp(), config)
step.get_signature(step.get_shingles(texts[0]))
start = time.process_time()
for text in texts:
    shingles = step.get_shingles(text)
    if shingles.size:
        step.get_signature(shingles)
print(json.dumps({"seconds": time.process_time() - start}))
