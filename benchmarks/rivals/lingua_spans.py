"""Labels texts by lingua's spans; for its own environment, so it imports nothing of ours.

    python lingua_spans.py < runs.json > outcome.json

Reads a JSON list of {"texts": [...], "languages": [ISO 639-1, ...]}; writes for each {"seconds": processor time of the second
half of the texts, "spans": [[[start, end, language], ...], ...]}. Models are loaded, and met once, before the clock starts.
"""

import json
import sys
import time

from lingua import IsoCode639_1, Language, LanguageDetectorBuilder


def label(texts, languages):
    chosen = [Language.from_iso_code_639_1(getattr(IsoCode639_1, code.upper())) for code in languages]
    detector = LanguageDetectorBuilder.from_languages(*chosen).with_preloaded_language_models().build()
    found, half = [], len(texts) // 2
    start = time.process_time()
    for i, text in enumerate(texts):
        if i == half:
            start = time.process_time()
        found.append(detector.detect_multiple_languages_of(text))
    seconds = time.process_time() - start
    spans = [[[s.start_index, s.end_index, s.language.iso_code_639_1.name.lower()] for s in row] for row in found]
    return {"seconds": seconds, "spans": spans}


if __name__ == "__main__":
    json.dump([label(run["texts"], run["languages"]) for run in json.load(sys.stdin)], sys.stdout)
