"""The report over a real store and real files: what it says, what it never does, and how large it may be."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_world import VERSION, ReportWorld, small_world

from schemas.errors import UserError
from service.report import page, samples
from service.report.gather import gather
from service.report.page import content_hash, render, render_within, script_json, write_report

HOSTILE = (
    "</script><script>document.title='RAN'</script><img src=x onerror=\"document.title='RAN'\">"
    "</style></title></textarea><svg onload=\"document.title='RAN'\">\u202egnp.exe\u202c\x00\x1b[31m"
    "<a href='javascript:document.title=1'>x</a><iframe srcdoc=\"<script>parent.document.title='RAN'</script>\"></iframe>"
    "{{ 7 * 7 }}{% raw %}<!--\u2028--> ]]> &lt;"
)
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The page's elements, with the text and the ids, and a check that what is opened is closed."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data)

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def all_text(self) -> str:
        return " ".join("".join(pieces) for tag, pieces in self.text.items() if tag not in ("script", "style"))

    def sections(self) -> list[str]:
        return [attributes["id"] for tag, attributes in self.elements if tag == "section"]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> ReportWorld:
    return small_world(tmp_path_factory.mktemp("small") / "out")


@pytest.fixture(scope="module")
def markup(world) -> str:
    target = write_report(world.engine, world.out, world.out / "report.html")
    assert target == world.out / "report.html"
    return target.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(markup) -> Page:
    return Page(markup)


def test_the_page_is_well_formed_and_every_link_leads_somewhere(parsed):
    assert parsed.open == []
    ids = parsed.ids()
    assert len(ids) == len(set(ids))
    targets = [attributes["href"] for tag, attributes in parsed.elements if tag == "a"]
    assert targets
    assert {target.removeprefix("#") for target in targets} <= set(ids)


def test_the_page_loads_nothing(parsed, markup):
    loading = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "xlink:href"}
    assert not [attributes for _, attributes in parsed.elements if loading & attributes.keys()]
    assert not [
        tag for tag, _ in parsed.elements if tag in ("link", "img", "iframe", "object", "embed", "base", "form")
    ]
    style = "".join(parsed.text["style"])
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"https?://", markup)


def test_the_policy_allows_the_page_s_own_style_and_script_and_nothing_else(parsed):
    policy = next(a["content"] for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    scripts = "".join(parsed.text["script"])
    own = scripts[scripts.index('"use strict"') :]
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'{content_hash(''.join(parsed.text['style']))}'",
        "script-src": f"'{content_hash(own)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not [a for _, a in parsed.elements if "style" in a or any(name.startswith("on") for name in a)]


def test_charts_and_tables_can_be_read_without_eyes(parsed):
    drawings = [attributes for tag, attributes in parsed.elements if tag == "svg"]
    assert drawings
    assert all(a.get("aria-label") if a.get("role") == "img" else a.get("aria-hidden") == "true" for a in drawings)
    headers = [attributes for tag, attributes in parsed.elements if tag == "th"]
    assert all(attributes.get("scope") in ("col", "row") for attributes in headers)


def test_sections_without_facts_are_left_out(parsed):
    assert parsed.sections() == ["verdicts", "samples", "selection", "runs"]


def test_headline_numbers(world):
    tiles = {tile.label: (tile.value, tile.note) for row in gather(world.engine, world.out).tiles for tile in row}
    assert tiles == {
        "Generations": ("20", "of 2 prompts"),
        "Right answers": ("10", "55.6 % of 18 scored, 2 without"),
        "Well-formed": ("18", "90 % of 20 scored"),
        "One language": ("18", "90 % of 20 scored"),
        "Selected": ("2", "of 2 prompts"),
    }


def test_verdicts_count_what_is_unscored_apart(world):
    facts = {fact.name: fact for fact in gather(world.engine, world.out).verifiers}
    math = facts["math"]
    assert list(math.statuses.items()) == [("correct", 10), ("incorrect", 6), ("unparseable", 2), ("error", 2)]
    assert (math.total.passed, math.total.scored, math.total.unscored) == (10, 18, 2)
    assert math.mean == pytest.approx(10 / 18)
    assert math.all_or_nothing
    assert not facts["mixing"].all_or_nothing
    assert sum(math.score_counts) == 18
    assert (math.score_counts[0], math.score_counts[-1]) == (8, 10)
    assert [(rate.label, rate.passed, rate.scored, rate.unscored) for rate in math.domains] == [
        ("sums", 5, 9, 1),
        ("words", 5, 9, 1),
    ]
    assert facts["mixing"].score_counts[10] == 2


def test_only_the_newest_version_counts_and_the_older_stays_in_sight(tmp_path):
    world = small_world(tmp_path / "out")
    facts = gather(world.engine, world.out)
    ids = [sample.id for sample in facts.samples]
    run_id = world.run("verify", "r2")
    world.add_verdicts(run_id, "math", {number: (0.0, "incorrect", {}) for number in ids}, version=2)
    after = gather(world.engine, world.out)
    assert [(fact.version, fact.latest) for fact in after.verifiers if fact.name == "math"] == [(2, True), (1, False)]
    assert {tile.label: tile.value for row in after.tiles for tile in row}["Right answers"] == "0"
    assert not [sample for sample in after.samples if "right" in sample.tags]


def test_samples_show_every_kind_with_text_prompt_spans_and_verdicts(world):
    found = gather(world.engine, world.out).samples
    tags = {tag for sample in found for tag in sample.tags}
    assert tags == {"selected", "right", "wrong", "malformed", "mixed", "unscored"}
    mixed = next(sample for sample in found if "mixed" in sample.tags)
    assert '<mark title="zh, off_script">&lt;th</mark>' in mixed.text
    assert mixed.prompt.startswith("What is 17 + 25?")
    assert mixed.gold == "42"
    assert [(chip.verifier, chip.status) for chip in mixed.chips] == [
        ("format", "correct"),
        ("math", "correct"),
        ("mixing", "partial"),
    ]
    selected = [sample for sample in found if sample.selected_in]
    assert [sample.selected_in for sample in selected] == [["sft-set"], ["sft-set"]]
    assert all("selected" in sample.tags for sample in selected)


def test_samples_are_bounded_and_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "SAMPLES_OF_KIND", 1)
    world = small_world(tmp_path / "out")
    first, second = gather(world.engine, world.out), gather(world.engine, world.out)
    assert first.samples == second.samples
    assert len(first.samples) <= 6
    assert render(first) == render(second)


def test_selection_says_what_was_left_out(world):
    fact = gather(world.engine, world.out).selections[0]
    assert (fact.name, fact.items, fact.prompts, fact.role) == ("sft-set", 2, 2, "sft")
    assert [(step.label, step.count) for step in fact.steps][-1] == ("selected", 2)
    assert [(reason.reason, reason.first, reason.any) for reason in fact.reasons] == [
        ("math_below_minimum", 8, 8),
        ("format_below_minimum", 0, 2),
        ("beyond_per_prompt", 6, 6),
    ]
    assert fact.tokens_total == 8
    assert sum(fact.token_counts) == 2


def test_a_store_without_runs_under_the_folder_is_refused(world, tmp_path):
    with pytest.raises(UserError, match="no run under this folder"):
        write_report(world.engine, tmp_path / "elsewhere", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_was_moved_with_its_store_still_reports(tmp_path):
    small_world(tmp_path / "old").engine.dispose()
    shutil.move(tmp_path / "old", tmp_path / "new")
    facts = gather(ReportWorld(tmp_path / "new").engine, tmp_path / "new")
    assert facts.samples


def test_a_missing_file_costs_its_samples_and_nothing_else(tmp_path):
    world = small_world(tmp_path / "out")
    whole = gather(world.engine, world.out)
    next(iter(sorted((world.out / "generations").iterdir()))).unlink()
    rest = gather(world.engine, world.out)
    assert 0 < len(rest.samples) < len(whole.samples)
    assert rest.verifiers == whole.verifiers


def test_no_secret_and_no_absolute_path_reaches_the_page(world, monkeypatch):
    monkeypatch.setenv("TAMIS_STORE", "postgresql://user:hunter2@host/name")
    again = render(gather(world.engine, world.out))
    for secret in ("hunter2", "postgresql", "sqlite", str(world.out), "tamis.db"):
        assert secret not in again
    assert VERSION in again


def test_hostile_text_is_shown_and_opens_no_element(tmp_path):
    world = hostile_world(tmp_path / "out")
    target = write_report(world.engine, world.out, tmp_path / "report.html")
    markup = target.read_text(encoding="utf-8")
    parsed = Page(markup)
    assert parsed.open == []
    assert len([tag for tag, _ in parsed.elements if tag == "script"]) == 2
    assert not [tag for tag, _ in parsed.elements if tag in ("img", "iframe")]
    assert "onerror" in parsed.all_text()
    assert "7 * 7" in parsed.all_text()
    for character in "\u202e\u202c\x00\x1b\u2028":
        assert character not in markup
    assert "⟦RLO⟧" in parsed.all_text()


def hostile_world(out: Path) -> ReportWorld:
    world = small_world(out, HOSTILE)
    run_id = world.run("import", HOSTILE, code_version=HOSTILE)
    prompt = world.add_prompt(run_id, HOSTILE, HOSTILE, HOSTILE.replace("\x00", ""), "source")
    ids = world.add_generations(run_id, prompt, [HOSTILE * 200, HOSTILE], model=HOSTILE.replace("\x00", ""))
    span = {"start": 3, "end": 40, "language": HOSTILE, "severity": HOSTILE}
    said = {number: (0.5, "partial", {"reason": HOSTILE, "answer": HOSTILE, "spans": [span]}) for number in ids}
    world.add_verdicts(run_id, "mixing", said)
    world.select("set</script>", ids)
    return world


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: hostile text is tested by the parser alone")
def test_no_hostile_script_runs_in_chromium(tmp_path):
    world = hostile_world(tmp_path / "out")
    target = write_report(world.engine, world.out, tmp_path / "report.html")
    dom = dumped(target, tmp_path / "profile")
    assert "<title>RAN" not in dom
    assert re.search(r"<title>[^<]* - Tamis report</title>", dom)
    # The page's own script has run: the class that hides its buttons is gone, and its first button is pressed.
    assert 'class="no-script"' not in dom
    assert 'aria-pressed="true"' in dom


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the policy is tested by its text alone")
def test_the_policy_holds_a_foreign_script_back_in_chromium(tmp_path, markup):
    smuggled = markup.replace("</main>", "<script>document.title='RAN'</script></main>")
    target = tmp_path / "report.html"
    target.write_text(smuggled, encoding="utf-8")
    assert "<title>RAN" not in dumped(target, tmp_path / "profile")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", smuggled)
    target.write_text(bare, encoding="utf-8")
    assert "<title>RAN" in dumped(target, tmp_path / "other"), "without the policy it would have run"


def dumped(target: Path, profile: Path) -> str:
    command = [
        str(CHROMIUM),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={profile}",
        "--dump-dom",
        target.as_uri(),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=500).stdout


def test_json_for_the_page_s_script_cannot_end_its_element():
    written = script_json({"a": "</script><!--", "b": "\u2028\u2029", "c": "\ud800", "d": "&"})
    assert not set("<>&\u2028\u2029") & set(written)
    assert '"c": "\\ud800"' in written


def test_the_page_stays_below_its_bound_and_keeps_its_numbers(world):
    facts = gather(world.engine, world.out)
    whole = render(facts)
    bound = len(whole.encode()) - 2000
    small = render_within(facts, bound)
    assert len(small.encode()) <= bound
    assert Page(small).sections()[0] == "verdicts"
    assert render_within(facts, page.MAX_PAGE_BYTES) == whole


def test_texts_of_any_size_leave_the_page_small(tmp_path):
    world = small_world(tmp_path / "out", "\u202e<\u2066>" * 100_000)
    target = write_report(world.engine, world.out, tmp_path / "report.html")
    assert target.stat().st_size < page.MAX_PAGE_BYTES // 4


def test_postgresql_gives_the_same_facts_as_sqlite(world, tmp_path, postgresql_url):
    other = small_world(tmp_path / "out", url=postgresql_url)
    ours, theirs = gather(world.engine, world.out), gather(other.engine, other.out)
    other.engine.dispose()
    assert theirs.verifiers == ours.verifiers
    assert theirs.samples == ours.samples
    assert theirs.tiles == ours.tiles
    assert theirs.selections == ours.selections
    page_of = render(theirs)
    assert "postgres" not in page_of.lower()
