"""The audit's page: what it shows, that hostile texts stay text, that it stays small, and what its script does in a browser."""

import html
import json
import re
import shutil

import pytest
from test_report_page import HOSTILE, Page, dumped

from service.audit import page
from service.audit.measure import measure
from service.audit.model import Generation, Settings
from service.audit.page import MEASURES, found_instead, heat_map, level_of, matrices, render_audit, trends
from service.audit.summary import Summary
from service.audit.worst import Worst, key_of
from service.report.page import content_hash

ZH = "我们先把两边同时减去三，然后再除以二，得到答案是七。"
AR = "نطرح أولاً ثلاثة من الطرفين ثم نقسم على اثنين فنحصل على الجواب وهو سبعة."
RU = "Поэтому ответ равен семи, и мы закончили решение."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def settings(**fields):
    defaults = {
        "threshold": 0.95, "mode": "strict", "language": None, "preset": "auto", "columns": {}, "lid_model": None,
        "words": None, "worst": 50, "limit": None,
    }  # fmt: skip
    return Settings(**{**defaults, **fields})


def generation(number, text, *, model="alpha", language="zh", step="", prompt="", domain=""):
    name = f"g{number}"
    return Generation(name, name, model, None, step, domain, "stop", language, False, prompt, text, f"f:{number}", "")


def audited(rows, wanted=None):
    """The summary and the worst samples of generations, as a run gives them."""
    wanted = wanted or settings()
    measured = measure(rows, wanted)
    assert not measured.faults
    summary, kept = Summary(), Worst(wanted.worst)
    summary.add(measured.batch)
    kept.add(measured.batch, {key_of(row.locator, row.id): row for row in rows})
    told = {"settings": wanted.to_json(), "inputs": [{"name": "gens.jsonl", "bytes": 1, "sha256": "0"}], "code_version": "1", "rows": len(rows),
            "bad_rows": 0, "bad": []}  # fmt: skip
    return {**summary.to_json(), **told}, kept.chosen()


@pytest.fixture(scope="module")
def facts():
    rows = [
        generation(n, text, model=model, language=language, step=f"ckpt-{step}", prompt="解方程。", domain="math")
        for n, (text, model, language, step) in enumerate(
            (text, model, language, step)
            for text, language in ((ZH + RU + ZH, "zh"), (ZH, "zh"), (AR + ZH + AR, "ar"), (AR, "ar"), (RU, "fr"))
            for model in ("alpha", "beta")
            for step in (9, 10)
        )
    ]
    return audited(rows)


@pytest.fixture(scope="module")
def markup(facts):
    return render_audit(*facts)


def test_the_page_is_well_formed_and_loads_nothing(markup):
    parsed = Page(markup)
    assert parsed.open == []
    assert len(parsed.ids()) == len(set(parsed.ids()))
    links = {a["href"].removeprefix("#") for tag, a in parsed.elements if tag == "a"}
    assert links <= set(parsed.ids())
    assert parsed.sections() == [
        "models",
        "heat",
        "instead",
        "switches",
        "ratios",
        "positions",
        "trends",
        "groups",
        "samples",
        "reading",
    ]
    loading = {"src", "srcset", "data", "action", "background", "style"}
    assert not [attributes for _, attributes in parsed.elements if loading & attributes.keys()]
    assert not [a for _, a in parsed.elements if any(name.startswith("on") for name in a)]
    assert not re.search(r"https?://|url\(|@import", markup)
    drawings = [attributes for tag, attributes in parsed.elements if tag == "svg"]
    assert all(a.get("aria-label") if a.get("role") == "img" else a.get("aria-hidden") == "true" for a in drawings)
    assert all(a.get("scope") in ("col", "row") for tag, a in parsed.elements if tag == "th")


def test_the_policy_names_the_page_s_own_style_and_script(markup):
    parsed = Page(markup)
    policy = next(a["content"] for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert f"script-src '{content_hash(''.join(parsed.text['script']))}'" in policy
    assert f"style-src '{content_hash(''.join(parsed.text['style']))}'" in policy
    assert policy.startswith("default-src 'none'")


def test_the_same_numbers_give_the_same_page(facts, markup):
    assert render_audit(*facts) == markup


def test_the_heat_map_and_the_switches_are_those_of_the_summary(facts):
    summary, _ = facts
    measure_ = next(m for m in MEASURES if m.name == "reported")
    rows = dict(heat_map(summary, measure_, ["alpha", "beta"]))
    assert {language: [cell.found["value"] for cell in cells] for language, cells in rows.items()} == {
        "zh": [0.5, 0.5, 0.5], "ar": [0.5, 0.5, 0.5], "fr": [1, 1, 1],
    }  # fmt: skip
    assert [cell.level for cell in rows["fr"]] == [10, 10, 10]
    every, alpha, beta = matrices(summary, ["alpha", "beta"])
    assert every.total == alpha.total + beta.total == sum(entry["count"] for entry in summary["transitions"])
    cells = {(one, other): cell[0] for one, row in every.rows for other, cell in zip(every.languages, row, strict=True)}
    assert cells["zh", "ru"] == cells["ru", "zh"] == cells["ar", "zh"] == cells["zh", "ar"] == 4
    assert cells["zh", "zh"] == 0
    instead = found_instead(summary, ["alpha", "beta"])[0]
    told = {
        (one, other): cell[0] for one, row in instead.rows for other, cell in zip(instead.languages, row, strict=True)
    }
    assert {pair: count for pair, count in told.items() if count} == {("zh", "ru"): 4, ("ar", "zh"): 4, ("fr", "ru"): 4}


def test_a_little_is_told_from_nothing_and_good_from_bad():
    ratio = next(m for m in MEASURES if m.good)
    share = next(m for m in MEASURES if not m.good)
    values = (0.0, 0.001, 0.01, 0.25, 1.0)
    assert [level_of(share, {"value": value}) for value in values] == [0, 1, 1, 5, 10]
    assert [level_of(ratio, {"value": 1 - value}) for value in values] == [0, 1, 1, 5, 10]
    assert level_of(share, {"value": None}) == level_of(share, None) == 0


def test_steps_make_a_trend_and_one_step_does_not(facts):
    found = trends(facts[0], ["alpha", "beta"])
    assert (found["steps"], found["numbers"]) == (["ckpt-9", "ckpt-10"], [9, 10])
    assert found["reported"].keys() == {"alpha", "beta"}
    one, _ = audited([generation(1, ZH, step="9")])
    assert trends(one, ["alpha"]) is None


def test_spans_are_highlighted_with_their_language_and_text_has_its_direction(markup):
    assert f'<mark title="ru, off_script">{RU.removesuffix(".")}' in markup
    arabic = re.search(r'<article[^>]*data-target="ar".*?</article>', markup, re.DOTALL)
    assert arabic is not None
    assert 'dir="auto"' in arabic[0]
    assert "نطرح" in arabic[0]
    for name, codes in (
        ("model", {"alpha", "beta"}),
        ("target", {"zh", "ar", "fr"}),
        ("kind", {"off_script", "other_language"}),
    ):
        assert set(re.findall(rf'<article[^>]*data-{name}="(\w+)"', markup)) == codes


def test_an_audit_of_nothing_still_has_a_page():
    summary = {**Summary().to_json(), "settings": settings().to_json(), "inputs": [], "code_version": "1", "rows": 1, "bad_rows": 1,
               "bad": [{"locator": "f:1", "error": HOSTILE, "pointer": ""}]}  # fmt: skip
    parsed = Page(render_audit(summary, []))
    assert parsed.sections() == ["reading"]
    assert "1 of 1 rows could not be measured" in parsed.all_text()


def hostile_facts():
    texts = [HOSTILE + ZH + HOSTILE, RU + HOSTILE * 50, "\u202e" + AR + "\u2066</article>" + ZH]
    rows = [
        generation(n, text, model=HOSTILE + str(n), step=HOSTILE + str(n), prompt=HOSTILE, domain=HOSTILE)
        for n, text in enumerate(texts)
    ]
    return audited(rows)


def test_hostile_text_is_shown_and_opens_no_element():
    written = render_audit(*hostile_facts())
    parsed = Page(written)
    assert parsed.open == []
    assert len([tag for tag, _ in parsed.elements if tag == "script"]) == 1
    assert not [tag for tag, _ in parsed.elements if tag in ("img", "iframe")]
    assert "onerror" in parsed.all_text()
    for character in "\u202e\u202c\u2066\x00\x1b\u2028":
        assert character not in html.unescape(written)
    assert "⟦RLO⟧" in parsed.all_text()


def test_the_page_stays_below_its_bound(facts, markup, monkeypatch):
    summary, samples = facts
    bound = len(markup.encode()) - 100
    monkeypatch.setattr(page, "MAX_PAGE_BYTES", bound)
    small = render_audit(summary, samples)
    assert len(small.encode()) <= bound
    assert small.count("<article") == len(samples) // 2
    assert Page(small).sections()[:2] == ["models", "heat"]


def test_a_hundred_thousand_generations_and_many_models_leave_the_page_small():
    block = [generation(n, ZH + RU * (n % 3), model=f"model {n % 100}", language="zh") for n in range(500)]
    measured = measure(block, settings())
    summary, kept = Summary(), Worst(200)
    by_key = {key_of(row.locator, row.id): row for row in block}
    for _ in range(200):
        summary.add(measured.batch)
    kept.add(measured.batch, by_key)
    told = {
        "settings": settings().to_json(),
        "inputs": [],
        "code_version": "1",
        "rows": 100_000,
        "bad_rows": 0,
        "bad": [],
    }
    written = render_audit({**summary.to_json(), **told}, kept.chosen())
    assert "100,000 generations" in written
    assert "The 12 models of 100" in written
    assert len(written.encode()) < 2 << 20


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: hostile text is tested by the parser alone")
def test_no_hostile_script_runs_in_chromium_and_the_page_s_own_does(tmp_path):
    target = tmp_path / "audit.html"
    target.write_text(render_audit(*hostile_facts()), encoding="utf-8")
    dom = dumped(target, tmp_path / "profile")
    assert "<title>Language mixing - Tamis audit</title>" in dom
    assert 'class="no-script"' not in dom
    assert 'data-lang="ru"' in dom
    assert 'title="Russian (ru), off_script"' in dom


FILTER = """
const pick = (name, value) => { const s = document.querySelector(`select[data-by=${name}]`); s.value = value; s.dispatchEvent(new Event("change")); };
const shown = () => [...document.querySelectorAll(".sample")].filter((item) => !item.hidden).length;
const said = [shown()];
pick("target", "ar"); said.push(shown());
pick("model", "alpha"); said.push(shown());
pick("target", ""); pick("model", ""); pick("kind", "other_language"); said.push(shown());
pick("kind", "");
const search = document.querySelector("[data-search]");
search.value = "نطرح"; search.dispatchEvent(new Event("input")); said.push(shown());
search.value = "nobody wrote this"; search.dispatchEvent(new Event("input")); said.push(shown(), document.querySelector(".none").hidden);
document.title = JSON.stringify(said);
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the filters need one")
def test_filters_show_what_they_name_in_chromium(facts, markup, tmp_path):
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", markup)
    target = tmp_path / "audit.html"
    target.write_text(bare.replace("</body>", f"<script>{FILTER}</script></body>"), encoding="utf-8")
    dom = dumped(target, tmp_path / "profile")
    said = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", dom)[1]))
    rows = [sample.row for sample in facts[1]]
    arabic = [row for row in rows if row["target"] == "ar"]
    assert said == [
        len(rows),
        len(arabic),
        len([row for row in arabic if row["model"] == "alpha"]),
        len([row for row in rows if row["kind"] == "other_language"]),
        len(arabic),
        0,
        False,
    ]
    assert 0 < said[2] < said[1] < said[0]
