"""The urls step: each list, all reasons, and a row that explains itself without the lists."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_kit import batch_of, kept_ids, reasons_of, step_of

from curation.steps.urls import _Subwords, _subwords
from schemas.errors import RecipeError, UserError

LISTS = {
    "blocked_domains": "# remarks\nbad.com\nsub.mixed.org\nWWW.Upper.NET\nbücher.example\n",
    "blocked_urls": "http://fine.com/one?utm_source=x\nfine.com/two/\n",
    "banned_words": "casino\nhot girls\n",
    "soft_banned_words": "free\nbet\nwin\n",
    "banned_subwords": "xxx\nviagra\nqq\n",
}


@pytest.fixture
def lists(tmp_path):
    for name, content in LISTS.items():
        (tmp_path / f"{name}.txt").write_text(content, "utf-8")
    return {name: str(tmp_path / f"{name}.txt") for name in LISTS}


@pytest.mark.parametrize(
    ("url", "reasons"),
    [
        ("http://good.com/page", []),
        ("http://bad.com/page", ["blocked_domain"]),
        ("https://www.deep.sub.BAD.com:8080/page", ["blocked_domain"]),
        ("http://notbad.com/page", []),
        ("http://bad.com.good.org/page", []),
        ("http://mixed.org/page", []),
        ("http://a.sub.mixed.org/page", ["blocked_domain"]),
        ("http://upper.net", ["blocked_domain"]),
        ("http://xn--bcher-kva.example/x", ["blocked_domain"]),
        ("https://www.fine.com/one", ["blocked_url"]),
        ("https://fine.com/two#top", ["blocked_url"]),
        ("https://fine.com/two/three", []),
        ("http://good.com/Casino-night", ["banned_word_in_url"]),
        ("http://good.com/casinos", []),
        ("http://good.com/hotgirls/1", ["banned_word_in_url"]),
        ("http://good.com/free/stuff", []),
        ("http://good.com/free/bet", ["too_many_soft_banned_words_in_url"]),
        ("http://good.com/free/free/free", []),
        ("http://good.com/my%58xx", ["banned_subword_in_url"]),
        ("http://good.com/via-gra", ["banned_subword_in_url"]),
        ("http://good.com/q?q", ["banned_subword_in_url"]),
        ("http://bad.com/casino/free-bet/xxx", ["blocked_domain", "banned_word_in_url", "too_many_soft_banned_words_in_url",
                                                "banned_subword_in_url"]),
        (None, []),
        ("", []),
        ("http://[broken/xxx", ["banned_subword_in_url"]),
    ],
)  # fmt: skip
def test_known_answers(lists, url, reasons):
    step = step_of(urls=lists)
    output = step.apply(batch_of({"text": "x", "url": url}))
    assert reasons_of(output).get("0", []) == reasons
    row = (output.kept if output.rejects is None else output.rejects).to_pylist()[0]
    assert [reading.reason for reading in step.readings(row) if reading.failed] == reasons
    assert (url is None) == (step.readings(row) == [])


def test_only_rows_of_the_sources_are_judged(lists):
    step = step_of(sources=["s"], urls=lists)
    batch = batch_of({"text": "x", "url": "http://bad.com"}, {"text": "x", "url": "http://bad.com", "source": "t"})
    output = step.apply(batch)
    assert kept_ids(output) == ["1"]
    assert output.kept.column("url_host").to_pylist() == [None]
    assert output.rejects.column("url_blocked_domain").to_pylist() == ["bad.com"]
    assert step.apply(batch.slice(0, 0)).kept.num_rows == 0


def test_the_soft_threshold_is_taken(lists):
    step = step_of(urls={"soft_banned_words": lists["soft_banned_words"], "soft_threshold": 3})
    urls = ["http://a.com/free-bet", "http://a.com/free-bet-win"]
    output = step.apply(batch_of(*({"text": "x", "url": url} for url in urls)))
    assert reasons_of(output) == {"1": ["too_many_soft_banned_words_in_url"]}


def test_bad_settings_are_one_line(tmp_path):
    with pytest.raises(RecipeError, match="urls: needs at least one of blocked_domains"):
        step_of(urls={})
    with pytest.raises(UserError, match="gone: cannot be read"):
        step_of(urls={"banned_words": str(tmp_path / "gone")}).apply(batch_of({"text": "x", "url": "http://a.com"}))


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.text("abc", min_size=1, max_size=5), max_size=6), text=st.text("abc", max_size=12))
def test_subwords_are_found_where_they_stand(tmp_path_factory, words, text):
    path = tmp_path_factory.mktemp("subwords") / "list"
    path.write_text("\n".join(words), "utf-8")
    found = _subwords(str(path)).find(text)
    assert (found is not None) == any(word in text for word in words)
    assert found is None or (found in words and found in text)
    assert isinstance(_subwords(str(path)), _Subwords)


def test_a_long_list_of_domains(tmp_path):
    path = tmp_path / "domains"
    path.write_text("".join(f"site{number}.example{number % 97}.com\n" for number in range(300_000)))
    step = step_of(urls={"blocked_domains": str(path)})
    urls = [f"http://a.b.site{number}.example{number % 97}.com/x/{number}" for number in range(299_000, 301_000)]
    output = step.apply(batch_of(*({"text": "x", "url": url} for url in urls)))
    assert output.kept.num_rows == 1000
