"""Runs a rival's C4 rules over documents; for its own environment, so it imports nothing of ours.

    python c4_runner.py datatrove|dolma < documents.json > outcome.json

Reads a JSON list of texts; writes `seconds` of processor time and, for each preset, one [kept, reason, edited text] a document.
"""

import json
import sys
import time
from typing import Any


def datatrove(texts: list[str]) -> dict[str, Any]:
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter

    outcome: dict[str, Any] = {"seconds": {}}
    for preset, settings in (("c4_datatrove", {}), ("c4_fineweb", {"filter_no_terminal_punct": False})):
        step = C4QualityFilter(**settings)
        step.filter(Document("Warm up. It loads its tokenizer.", "0"))
        rows, start = [], time.process_time()
        for text in texts:
            document = Document(text, "0")
            answer = step.filter(document)
            kept = answer is True
            rows.append([kept, "" if kept else answer[1], document.text if kept else ""])
        outcome["seconds"][preset] = time.process_time() - start
        outcome[preset] = rows
    return outcome


def dolma(texts: list[str]) -> dict[str, Any]:
    from dolma.core.data_types import Document
    from dolma.taggers.c4 import FasterC4Tagger

    tagger = FasterC4Tagger()
    rows, start = [], time.process_time()
    for text in texts:
        spans = tagger.predict(Document(source="", id="0", text=text)).spans
        flags = sorted(
            span.type for span in spans if span.type in ("has_curly_brace", "has_lorem_ipsum", "has_javascript")
        )
        gone = {(span.start, span.end) for span in spans if span.type.startswith("lines_")}
        lines = next(int(span.score) for span in spans if span.type == "line_count")
        rows.append([not flags and len(gone) < lines, ",".join(flags), lines - len(gone)])
    return {"seconds": {"c4_dolma": time.process_time() - start}, "c4_dolma": rows}


if __name__ == "__main__":
    json.dump({"datatrove": datatrove, "dolma": dolma}[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
