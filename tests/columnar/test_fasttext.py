"""The compiled reader and scorer of fastText models beside the library itself: lid.176, and small models of every kind."""

import itertools
import struct
import threading

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import columns, large_strings

from columnar.fasttext_classifier import Classifier, load_classifier
from columnar.fasttext_model import ModelFileError, read_labels, read_model

LINES = {
    "en": "the river runs through the old town and the people walk over the bridge to the market every day",
    "de": "der Fluss fließt durch die alte Stadt und die Leute gehen jeden Tag über die Brücke zum Markt",
    "ru": "река течёт через старый город и люди каждый день ходят через мост на рынок",
    "zh": "河 流 穿过 老城 人们 每天 过桥 去 市场",
}
KINDS = [
    {"loss": loss, "minn": minn, "maxn": maxn, "wordNgrams": ngrams, "dim": dim}
    for loss, (minn, maxn), ngrams, dim in (
        ("softmax", (0, 0), 1, 10),
        ("softmax", (2, 4), 2, 16),
        ("hs", (1, 3), 1, 10),
        ("hs", (0, 0), 3, 20),
        ("ova", (3, 6), 3, 8),
        ("ns", (0, 0), 2, 7),
    )
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    rows = []
    for number, (label, line) in itertools.product(range(60), LINES.items()):
        words = line.split()
        rows.append(f"__label__{label} {' '.join(words[number % 5 :])} {label}{number}")
    path.write_text("\n".join(rows * 2), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=range(len(KINDS) * 3), ids=str)
def pair(request, corpus):
    """The library's model and ours, of one kind: dense, quantised whole, or quantised with some of its rows only."""
    kind, form = KINDS[request.param // 3], ("dense", "quantised", "pruned")[request.param % 3]
    # Eleven threads: fastText has each initialise a tenth of the weights, and the eleventh the rest of that division.
    theirs = fasttext.train_supervised(str(corpus), epoch=20, lr=0.5, bucket=900, thread=11, verbose=0, **kind)
    path = corpus.parent / f"model{request.param}.{'bin' if form == 'dense' else 'ftz'}"
    if form != "dense":
        # Without norms: from so few rows the library makes some that are no numbers. lid.176 has norms.
        theirs.quantize(cutoff=300 if form == "pruned" else 0, input=str(corpus), dsub=3)
    theirs.save_model(str(path))
    theirs = fasttext.load_model(str(path))
    return theirs, Classifier(read_model(path))


def library_says(model, text):
    """Label -> probability, by the library: one line, and at most 1."""
    names, values = model.predict(text.replace("\n", " "), k=-1)
    return {name.removeprefix("__label__"): min(1.0, float(p)) for name, p in zip(names, values, strict=True)}


def assert_agree(theirs, ours, values, tolerance=1e-4):
    found = ours.probabilities(large_strings(values))
    assert found.dtype == np.float32
    for text, row in zip(values, found, strict=True):
        expected = library_says(theirs, text)
        for label, probability in zip(ours.labels, row.tolist(), strict=True):
            # Hierarchical softmax lists no label that is less likely than 1e-5.
            assert probability == pytest.approx(expected.get(label, 0.0), abs=tolerance), (text[:80], label)


FIXED = [
    *LINES.values(),
    "",
    "unheard-of xqzt",
    "the\nriver\r\truns\x0b\x0c through",
    "the river </s> der Fluss",
    "__label__de the river __label__unknown",
    "the" * 40,
    "Fluss" + "ß" * 50,
    "\x00the\x00river\x00",
    "a",
    "я 河",
]


def test_every_kind_of_model_agrees_with_the_library(pair):
    theirs, ours = pair
    assert sorted(ours.labels) == sorted(LINES)
    assert_agree(theirs, ours, FIXED)


@settings(max_examples=25)
@given(columns)
def test_any_text_agrees_with_the_library(lid, values):
    assert_agree(*lid, values)


@pytest.fixture(scope="module")
def lid(language_model):
    return fasttext.load_model(str(language_model)), load_classifier(str(language_model))


def test_lid176_agrees_on_thousands_of_sentences(lid, reference_data):
    """Real sentences of 21 languages: the same label, and the same probability to 1e-4."""
    theirs, ours = lid
    texts = []
    for path in sorted(reference_data("tatoeba").glob("tatoeba.*")):
        texts += path.read_text(encoding="utf-8").splitlines()[:150]
    texts += [" ".join(texts[i : i + 100]) for i in range(0, len(texts), 100)]
    assert len(texts) > 5000
    found = ours.probabilities(large_strings(texts))
    names, values = theirs.predict(texts, k=1)
    best = [ours.labels[i] for i in found.argmax(axis=1)]
    assert best == [name[0].removeprefix("__label__") for name in names]
    assert np.abs(found.max(axis=1) - np.minimum(1.0, [value[0] for value in values])).max() < 1e-4


def test_the_same_text_has_the_same_answer_whatever_is_remembered(lid, language_model):
    _, ours = lid
    texts = large_strings([*LINES.values(), "x" * 100, *(f"word{n} " * 3 for n in range(500))])
    first = ours.probabilities(texts)
    threads = []
    others = []
    for _ in range(2):
        threads.append(threading.Thread(target=lambda: others.append(ours.probabilities(texts))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    alone = np.concatenate(
        [Classifier(read_model(language_model)).probabilities(texts.slice(i, 1)) for i in (0, 3, 4, 200)]
    )
    for found in (ours.probabilities(texts), *others):
        assert np.array_equal(first, found)
    assert np.array_equal(alone, first[[0, 3, 4, 200]])


def test_groups_add_up(lid):
    _, ours = lid
    texts = large_strings(list(LINES.values()))
    each = ours.probabilities(texts)
    groups = [0 if label in {"en", "de"} else -1 for label in ours.labels]
    summed = ours.probabilities(texts, groups, 2)
    wanted = each[:, ours.labels.index("en")] + each[:, ours.labels.index("de")]
    assert summed[:, 0] == pytest.approx(np.minimum(wanted, 1), abs=1e-6)
    assert not summed[:, 1].any()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000,
        "\x00" * 10_000_000,
        "的" * 1_000_000,
        "a " * 2_000_000,
        "\n" * 5_000_000,
        "__label__" * 100_000,
    ],
    ids=["one word", "NUL only", "unspaced", "tiny words", "line breaks", "labels"],
)
def test_hostile_texts_take_bounded_time(lid, text):
    _, ours = lid
    found = ours.probabilities(large_strings([text, "the river"]))
    assert np.isfinite(found).all()
    assert np.array_equal(found[1], ours.probabilities(large_strings(["the river"]))[0])


def test_labels_alone_are_read(language_model):
    assert read_labels(language_model) == load_classifier(str(language_model)).labels


@pytest.fixture(scope="module")
def model_bytes(corpus):
    model = fasttext.train_supervised(str(corpus), epoch=5, dim=4, bucket=300, minn=2, maxn=3, thread=11, verbose=0)
    path = corpus.parent / "good.bin"
    model.save_model(str(path))
    dense = path.read_bytes()
    model.quantize(cutoff=260, input=str(corpus), retrain=False)
    model.save_model(str(path))
    return dense, path.read_bytes()


def error_of(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_broken_files_are_one_clear_error(model_bytes, tmp_path):
    path = tmp_path / "m.bin"
    for content in model_bytes:
        for size in (0, 7, 8, 40, 70, 100, len(content) // 2, len(content) - 1):
            assert "short" in error_of(path, content[:size])
        assert "1 bytes follow" in error_of(path, content + b"x")
    dense = model_bytes[0]
    assert "not a fastText model" in error_of(path, b"PK" + dense[2:])
    assert "version 7" in error_of(path, dense[:4] + struct.pack("<i", 7) + dense[8:])
    assert "out of range" in error_of(path, dense[:8] + struct.pack("<i", 1 << 30) + dense[12:])
    assert "not a supervised model" in error_of(path, dense[:36] + struct.pack("<i", 1) + dense[40:])
    with pytest.raises(ModelFileError, match="no such fastText model"):
        read_model(tmp_path / "none.bin")
    assert "not finite" in error_of(path, dense[:-4] + struct.pack("<f", float("nan")))


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(model_bytes, tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(model_bytes)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(400, len(content) - 1)))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.bin"
    path.write_bytes(bytes(content))
    try:
        model = read_model(path)
    except ModelFileError:
        return
    found = Classifier(model).probabilities(large_strings(["the river runs", ""]))
    assert found.shape == (2, len(model.labels))


def test_nothing_to_score(lid):
    _, ours = lid
    assert ours.probabilities(pa.array([], pa.large_string())).shape == (0, 176)
