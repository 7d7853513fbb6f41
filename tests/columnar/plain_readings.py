"""The readings of repetition, lines and words in plain Python, with patterns and counters: they share no code with the kernels."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
from test_signals import plain_words

from columnar import tokens_tables
from columnar.tokens_tables import bare_tables

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
# datatrove's own sets, as `bench_agreement.py` checks them on real text: texts of any character are drawn here.
_CLASSES = bare_tables().classes
TERMINAL = {chr(point) for point in np.flatnonzero(_CLASSES & tokens_tables.TERMINAL)}
PUNCTUATION = {chr(point) for point in np.flatnonzero(_CLASSES & tokens_tables.NO_WORD)}


def share(part, whole):
    return part / max(1, whole)


def windows(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def most_common(words, n):
    """The most common n-gram, the first of several, and its count."""
    grams = windows(words, n)
    return Counter(grams).most_common(1)[0] if grams else ((), 0)


def copies(items):
    """How many items have been seen before, and their characters."""
    seen, count, chars = set(), 0, 0
    for item in items:
        if item in seen:
            count += 1
            chars += len(item)
        seen.add(item)
    return count, chars


def paper(text):
    words = plain_words(text)
    lines = [line.strip() for line in text.split("\n")]
    paragraphs = [part for part in "\n".join(lines).split("\n\n") if part.strip("\n")]
    paragraphs = [part.strip("\n") for part in paragraphs]
    lines = [line for line in lines if line]
    chars = sum(map(len, lines))
    line_copies, line_chars = copies(lines)
    paragraph_copies = copies(paragraphs)[0]
    copied, seen = 0, set()
    for part in paragraphs:
        copied += len(part.replace("\n", "")) if part in seen else 0
        seen.add(part)
    found = {
        "duplicate_paragraph_share": share(paragraph_copies, len(paragraphs)),
        "duplicate_paragraph_char_share": share(copied, chars),
        "duplicate_line_share": share(line_copies, len(lines)),
        "duplicate_line_char_share": share(line_chars, chars),
    }
    total = sum(map(len, words))
    for n in (2, 3, 4):
        gram, count = most_common(words, n)
        found[f"top_{n}gram_char_share"] = min(1.0, share(len("".join(gram)) * count * (count > 1), total))
    for n in range(5, 11):
        counts = Counter(windows(words, n))
        covered = {k for i, gram in enumerate(windows(words, n)) if counts[gram] > 1 for k in range(i, i + n)}
        found[f"duplicate_{n}gram_char_share"] = share(sum(len(words[k]) for k in covered), total)
    return found


def scanned(words, n):
    seen, chars, at = set(), 0, 0
    while at < len(words) - n + 1:
        gram = tuple(words[at : at + n])
        if gram in seen:
            chars += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return chars


def datatrove(text, tokens):
    paragraphs = re.split(r"\n{2,}", text.strip())
    lines = re.split(r"\n+", text) if text else []
    real = [token for token in tokens if set(token) - PUNCTUATION]
    every_line = text.splitlines()
    starts = [line.lstrip()[:1] for line in every_line]
    (paragraph_count, paragraph_chars), (line_count, line_chars) = copies(paragraphs), copies(lines)
    found = {
        "datatrove_tokens": len(tokens),
        "datatrove_words": len(real),
        "datatrove_mean_word_length": share(sum(map(len, real)), len(real)),
        "datatrove_hash_to_word_ratio": share(text.count("#"), len(tokens)),
        "datatrove_ellipsis_to_word_ratio": share(text.count("...") + text.count("…"), len(tokens)),
        "datatrove_bullet_line_share": share(starts.count("-") + starts.count("•"), len(every_line)),
        "datatrove_alpha_word_share": share(sum(any(map(str.isalpha, token)) for token in tokens), len(tokens)),
        "datatrove_stop_words": len(STOP_WORDS & set(tokens)),
        "datatrove_duplicate_paragraph_share": share(paragraph_count, len(paragraphs)),
        "datatrove_duplicate_paragraph_char_share": share(paragraph_chars, len(text)),
        "datatrove_duplicate_line_share": share(line_count, len(lines)),
        "datatrove_duplicate_line_char_share": share(line_chars, len(text)),
    }
    for n in (2, 3, 4):
        gram, count = most_common(tokens, n)
        found[f"datatrove_top_{n}gram_char_share"] = share(len(" ".join(gram)) * count, len(text))
    for n in range(5, 11):
        found[f"datatrove_duplicate_{n}gram_char_share"] = share(scanned(tokens, n), len(text))
    return found


def dolma(text):
    words, lines = text.split(), text.split("\n")
    chars = sum(map(len, words))
    lengths = sorted(min(len(word), 256) for word in words) or [0]
    counts = Counter(lines)
    twice = [line for line in lines if counts[line] > 1]
    found = {
        "dolma_words": len(words),
        "dolma_median_word_length": (lengths[(len(lengths) - 1) // 2] + lengths[len(lengths) // 2]) / 2,
        "dolma_symbol_to_word_ratio": share(sum("#" in word or "…" in word for word in words), len(words)),
        "dolma_alpha_word_share": share(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "dolma_stop_words": sum(word in STOP_WORDS for word in words),
        "dolma_bullet_line_share": share(sum(line.startswith(("*", "-")) for line in lines), len(lines)),
        "dolma_ellipsis_line_share": share(sum(line.endswith("…") for line in lines), len(lines)),
        "dolma_duplicate_line_share": share(len(twice), len(lines)),
        "dolma_duplicate_line_char_share": share(sum(map(len, twice)), chars),
    }
    for n in (2, 3, 4):
        gram, count = most_common(words, n)
        found[f"dolma_top_{n}gram_char_share"] = share(len("".join(gram)) * count, chars)
    for n in range(5, 11):
        grams = Counter(windows(words, n))
        everything = sum(len("".join(gram)) * count for gram, count in grams.items())
        repeated = sum(len("".join(gram)) * count for gram, count in grams.items() if count > 1)
        found[f"dolma_duplicate_{n}gram_char_share"] = share(repeated, everything)
    return found


def fineweb(text, tokens):
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "fineweb_terminal_line_share": share(sum(line[-1] in TERMINAL for line in lines), len(lines)),
        "fineweb_short_line_share": share(sum(len(line) <= 30 for line in lines), len(lines)),
        "fineweb_duplicate_line_char_share": share(copies(lines)[1], len(text.replace("\n", ""))),
        "fineweb_newline_to_word_ratio": share(text.count("\n"), len(tokens)),
    }


# English tokens: the same rules as patterns, for ASCII and the special cases below alone.
_OPENING = re.compile(r"\.\.+|[%=,:;!?()\[\]{}<>_#*&'\"`$]|\+(?![0-9])")
_CLOSING = re.compile(
    r"(?:\.\.+|[,:;!?()\[\]{}<>_#*&'\"`]|'s|'S|(?<=[0-9])(?:\+|\$|km|m|kg|g|%|t|K|M|G|T)"
    r"|(?<=[0-9a-z%+\-,:;!?()\[\]{}<>_#*&'\"`|])\.|(?<=[A-Z][A-Z])\.)$"
)
_MIDDLE = re.compile(
    r"\.\.+|(?<=[0-9])[+\-*^](?=[0-9-])|(?<=[a-z'\"`,])\.(?=[A-Z'\"`,])|(?<=[A-Za-z]),(?=[A-Za-z])"
    r"|(?<=[A-Za-z0-9])(?:-|--|---|~)(?=[A-Za-z])|(?<=[A-Za-z0-9])[:<>=/](?=[A-Za-z])"
)
SPECIAL = {
    "don't": ["do", "n't"],
    "it's": ["it", "'s"],
    "I'm": ["I", "'m"],
    "cannot": ["can", "not"],
}


def plain_tokens(text):
    return [token for chunk in text.split() for token in plain_chunk(chunk)]


def plain_chunk(chunk):
    before, after = [], []
    while chunk and chunk not in SPECIAL:
        opening = _OPENING.match(chunk)
        head = opening.group() if opening else ""
        if head and chunk[len(head) :] in SPECIAL:
            before.append(head)
            chunk = chunk[len(head) :]
            break
        closing = _CLOSING.search(chunk[len(head) :])
        tail = closing.group() if closing else ""
        if tail and chunk[: -len(tail)] in SPECIAL:
            after.append(tail)
            chunk = chunk[: -len(tail)]
            break
        if not head and not tail:
            break
        chunk = chunk[len(head) : len(chunk) - len(tail)]
        before += [head] if head else []
        after += [tail] if tail else []
    if chunk in SPECIAL:
        middle = SPECIAL[chunk]
    else:
        cuts = {0, len(chunk)}
        for match in _MIDDLE.finditer(chunk):
            if match.start():
                cuts |= set(match.span())
        middle = [chunk[start:end] for start, end in pairwise(sorted(cuts)) if start < end]
    return before + middle + after[::-1]
