"""C4's line rules once more, in plain Python over `str`, as the oracle of the compiled pass."""

import re
from collections import Counter

from columnar.line_c4 import COUNTS
from columnar.line_phrases import POLICY_PHRASES

CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
#: preset -> (end marks, ellipsis allowed, fewest words, counted before citations go, sentences are counted)
SETTINGS = {
    "c4_tfds": ((".", "?", "!", '"'), 5, False),
    "c4_paper": ((".", "?", "!", '"'), 3, True),
    "c4_datatrove": ((".", "?", "!", '"', "'"), 3, True),
    "c4_fineweb": (None, 3, True),
}


def edit(text, preset):
    """Gives the edited text and the counts, less the sentences."""
    if preset == "c4_dolma":
        return edit_as_dolma(text)
    marks, fewest, before = SETTINGS[preset]
    counts = Counter(dict.fromkeys(COUNTS, 0))
    counts["page_chars"] = len(text)
    kept = []
    for raw in text.splitlines():
        counts["lines"] += 1
        line = raw.strip()
        words = line.split()
        if any(len(word) > 1000 for word in words):
            counts["lines_removed_long_word"] += 1
            continue
        line, cut = CITATION.subn("", line)
        counts["citations_removed"] += cut
        if marks and (not line.endswith(marks) or line.endswith("...")):
            counts["lines_removed_no_end_mark"] += 1
            continue
        if len(words if before else line.split()) < fewest:
            counts["lines_removed_few_words"] += 1
            continue
        lowered = line.lower()
        counts["lorem_ipsum_lines"] += "lorem ipsum" in lowered
        counts["javascript_lines"] += "javascript" in lowered
        if "javascript" in lowered:
            counts["lines_removed_javascript"] += 1
            continue
        counts["curly_bracket_lines"] += "{" in line
        if any(phrase in lowered for phrase in POLICY_PHRASES):
            counts["lines_removed_policy"] += 1
            continue
        counts["lines_kept"] += 1
        kept.append(line)
    return "\n".join(kept).strip(), counts, kept


def edit_as_dolma(text):
    counts = Counter(dict.fromkeys(COUNTS, 0))
    counts["page_chars"] = len(text)
    kept = []
    for raw in text.split("\n"):
        counts["lines"] += 1
        line = raw.strip()
        lowered = line.lower()
        counts["lorem_ipsum_lines"] += "lorem ipsum" in lowered
        counts["javascript_lines"] += "javascript" in lowered
        counts["curly_bracket_lines"] += "{" in line
        if not line.endswith((".", "?", "!", '"')):
            counts["lines_removed_no_end_mark"] += 1
        elif len(line.split()) < 3:
            counts["lines_removed_few_words"] += 1
        else:
            counts["lines_kept"] += 1
            kept.append(line)
    return "\n".join(kept).strip(), counts, kept
