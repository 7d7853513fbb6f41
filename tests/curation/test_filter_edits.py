"""The filter step with line edits, lists, languages and conditions: what is kept, what is stored, and what it says of itself."""

import pyarrow as pa
import pytest
from step_kit import batch_of, kept_ids, reasons_of, step_of, step_recipe

from curation.rules.tables import RULE_SETS, edits_before, resolve_filter
from curation.steps.build import build_steps, readings_from_row
from schemas.errors import RecipeError, UserError
from schemas.recipe import CurateRecipe

LINES = [f"This is ordinary sentence number {number} of the page." for number in range(6)]
PAGE = "\n".join(["Menu", *LINES, "Read the privacy policy of this page."])
CLEAN = "\n".join(LINES)


def c4(rules="c4_tfds", **settings):
    return step_of(filter={"rules": rules, **settings})


@pytest.mark.parametrize(
    ("text", "rules", "reasons"),
    [
        (PAGE, "c4_tfds", []),
        (PAGE, "c4_paper", []),
        (PAGE, "c4_datatrove", []),
        (PAGE, "c4_fineweb", []),
        ("\n".join(LINES[:2]), "c4_tfds", ["too_few_sentences"]),
        ("\n".join(LINES[:3]), "c4_tfds", []),
        ("\n".join(LINES[:4]), "c4_paper", ["too_few_sentences"]),
        ("\n".join(LINES[:4]), "c4_datatrove", ["too_few_sentences"]),
        (PAGE + "\nThis line has lorem ipsum and a { in it.", "c4_tfds", ["lorem_ipsum", "curly_bracket"]),
        ("A page of code {\n lorem ipsum", "c4_dolma", ["lorem_ipsum", "curly_bracket", "no_lines_left"]),
        ((LINES[0] + "\n") * 4000, "c4_tfds", ["page_too_long"]),
        ("", "c4_tfds", ["too_few_sentences"]),
    ],
)
def test_c4_page_rules(text, rules, reasons):
    assert reasons_of(c4(rules).apply(batch_of({"text": text}))).get("0", []) == reasons


def test_kept_texts_are_edited_and_rejects_are_as_they_came():
    output = c4().apply(batch_of({"text": PAGE}, {"text": "Menu\nHome"}, {"text": PAGE}))
    assert output.kept.column("text").to_pylist() == [CLEAN, CLEAN]
    assert output.rejects.column("text").to_pylist() == ["Menu\nHome"]
    assert output.kept.column("c4_tfds_lines_removed_policy").to_pylist() == [1, 1]
    assert output.rejects.column("c4_tfds_lines_removed_no_end_mark").to_pylist() == [2]


def test_other_sources_are_not_edited():
    step = step_of(sources=["s"], filter={"rules": "c4_tfds"})
    output = step.apply(batch_of({"text": PAGE}, {"text": PAGE, "source": "other"}))
    assert output.kept.column("text").to_pylist() == [CLEAN, PAGE]
    assert output.kept.column("c4_tfds_lines").to_pylist() == [8, None]


def recipe_of(*steps):
    return CurateRecipe.model_validate(
        {"name": "r", "inputs": [{"source": "s", "path": "*.jsonl"}], "steps": list(steps)}
    )


def test_signals_before_and_after_an_edit_are_two_columns():
    gopher = {"filter": {"rules": "gopher_quality", "thresholds": {"too_few_words": 1}}, "name": "before"}
    recipe = recipe_of(gopher, {"filter": {"rules": "c4_tfds"}}, {**gopher, "name": "after"})
    batch = batch_of({"text": PAGE})
    for step in build_steps(recipe):
        output = step.apply(batch)
        assert {field.name for field in step.output_fields()} <= set(output.kept.schema.names)
        batch = output.kept
    row = batch.to_pylist()[0]
    assert (row["words"], row["c4_tfds__words"]) == (len(PAGE.split()), len(CLEAN.split()))
    for number, step in enumerate(recipe.steps):
        readings = readings_from_row(step, row, recipe.steps[:number])
        assert len(readings) == len(resolve_filter(step.filter))
        assert not any(reading.failed for reading in readings)
        assert all(reading.signal.startswith("c4_tfds") == (number > 0) for reading in readings)


def test_edits_of_other_sources_do_not_count():
    steps = [
        step_recipe(sources=["a"], filter={"rules": "c4_tfds"}),
        step_recipe(filter={"rules": "refinedweb"}),
        step_recipe(sources=["b"], filter={"rules": "gopher_quality"}),
        step_recipe(sources=["a"], filter={"rules": "gopher_quality"}),
    ]
    assert edits_before(steps, 2) == ("refinedweb_lines",)
    assert edits_before(steps, 3) == ("c4_tfds", "refinedweb_lines")


def test_refinedweb_drops_where_much_was_removed():
    some = "\n".join([*LINES * 2, "Menu"])
    much = "\n".join([LINES[0], "3 likes", "12", "MENU"])
    output = step_of(filter={"rules": "refinedweb"}).apply(batch_of({"text": some}, {"text": much}, {"text": "Menu"}))
    assert output.kept.column("text").to_pylist() == ["\n".join(LINES * 2)]
    assert reasons_of(output) == {"1": ["too_many_words_removed"], "2": ["too_many_words_removed", "no_lines_left"]}


def test_bad_words_are_looked_for_in_the_text_that_stays(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("# a remark\nrude\nvery wrong\n坏词\n", "utf-8")
    step = c4(bad_words=str(words))
    texts = [f"{PAGE}\n{line}" for line in ("Rude", "It is a RUDE line of text here.", "Not prudent at all, is this one?",
                                            "And that is very wrong of all of them.", "He wrote 坏词 on the wall of it.")]  # fmt: skip
    output = step.apply(batch_of(*({"text": text} for text in texts)))
    assert reasons_of(output) == {"1": ["bad_words"], "3": ["bad_words"], "4": ["bad_words"]}
    assert next(r for r in step.explain(texts[1]) if r.reason == "bad_words").value == 1
    assert all(rule.reason != "bad_words" for rule in c4().rules)


def test_a_list_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read"):
        c4(bad_words=str(tmp_path / "gone.txt")).apply(batch_of({"text": PAGE}))
    with pytest.raises(RecipeError, match="bad_words: gopher_quality has no rule that needs it"):
        step_of(filter={"rules": "gopher_quality", "bad_words": "x.txt"})


LANGUAGE = pa.field("language", pa.string())


def spoken(*languages, text):
    batch = batch_of(*({"text": text} for _ in languages))
    return batch.append_column(LANGUAGE, pa.array(languages, pa.string()))


def test_a_language_may_have_other_thresholds():
    languages = {"de": {"too_few_stop_words": None, "too_few_words": 5}, "fr": {"too_few_words": 100}}
    step = step_of(filter={"rules": "gopher_quality", "languages": languages})
    batch = spoken("de", "fr", "en", None, text="Die Wörter stehen hier in einer Reihe " * 8)
    output = step.apply(batch)
    rest = ["too_few_stop_words"]
    assert reasons_of(output) == {"1": ["too_few_words", *rest], "2": rest, "3": rest}
    for row in [*output.kept.to_pylist(), *output.rejects.to_pylist()]:
        failed = [reading.reason for reading in step.readings(row) if reading.failed]
        assert failed == reasons_of(output).get(row["id"], [])
    thresholds = {r.reason: r.threshold for r in step.explain("Die Wörter", language="de")}
    assert thresholds["too_few_words"] == 5
    assert "too_few_stop_words" not in thresholds


def test_a_language_with_an_unknown_reason_is_refused():
    with pytest.raises(RecipeError, match="languages: de: gopher_quality has no reason 'to_few_words'; did you mean"):
        step_of(filter={"rules": "gopher_quality", "languages": {"de": {"to_few_words": 1}}})


@pytest.mark.parametrize(
    ("path", "text", "reasons"),
    [
        ("a.py", "value = compute(other)\n" * 20, ["too_few_comments"]),
        ("a.py", "value = compute(other)  # why it is\n" * 20, []),
        ("a.py", "# all of it is comments, and of any use\n" * 20 + "x = 1\n", ["too_many_comments"]),
        ("a.java", "/* a */ int i = 0;\n" * 20, []),
        ("a.js", 'let a = "// not a comment";\n' * 20, ["too_few_comments"]),
        ("a.go", "value := compute(other)\n" * 20, []),
        ("a.md", "word " * 1000, []),
        ("a.go", "word " * 1000, ["lines_too_long", "longest_line_too_long"]),
        ("a.sql", "-- ((((( ))))) ----- [[[[[ \n" * 9, ["too_few_letters_and_digits"]),
    ],
)
def test_starcoder_known_answers(path, text, reasons):
    step = step_of(filter={"rules": "starcoder"})
    assert reasons_of(step.apply(batch_of({"text": text, "path": path}))).get("0", []) == reasons
    assert [r.reason for r in step.explain(text, path) if r.failed] == reasons


def test_characters_a_token_are_those_of_the_given_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    model.save(str(tmp_path / "tokenizer.json"))
    step = step_of(filter={"rules": "starcoder", "tokenizer": str(tmp_path / "tokenizer.json")})
    output = step.apply(batch_of({"text": "a b c d e f"}, {"text": "abc def ghi"}))
    assert reasons_of(output) == {"0": ["too_few_chars_per_token"]}


LONG = " and so on for quite a while, as it were" * 3


@pytest.mark.parametrize(
    ("text", "score", "reasons"),
    [
        (r"We see that \frac{1}{2} holds" + LONG, 0.2, []),
        (r"We see that \frac{1}{2} holds" + LONG, 0.1, ["math_score_too_low_with_latex"]),
        ("We see that $x^2$ holds" + LONG, 0.2, []),
        ("It is $5 or $6" + LONG, 0.9, ["no_math"]),
        ("No formula at all" + LONG, 0.7, ["no_math", "math_score_too_low_without_latex"]),
        (r"\alpha", 0.9, ["too_short"]),
    ],
)
def test_openwebmath_known_answers(text, score, reasons):
    batch = batch_of({"text": text}).append_column("math_score", pa.array([score], pa.float32()))
    step = step_of(filter={"rules": "openwebmath"})
    output = step.apply(batch)
    assert reasons_of(output).get("0", []) == reasons
    row = (output.kept if output.rejects is None else output.rejects).to_pylist()[0]
    assert [r.reason for r in step.readings(row) if r.failed] == reasons


def test_marks_of_the_page_count_before_extraction():
    batch = batch_of({"text": "No formula" + LONG, "html": b'<script src="MathJax.js"></script>'})
    batch = batch.append_column("math_score", pa.array([0.9], pa.float32()))
    assert kept_ids(step_of(filter={"rules": "openwebmath"}).apply(batch)) == ["0"]


def test_a_score_that_no_step_makes_is_missed_before_any_work():
    filtered = {"filter": {"rules": "openwebmath"}}
    with pytest.raises(
        RecipeError, match="needs the column math_score, which no step before it makes: put a quality step"
    ):
        build_steps(recipe_of(filtered))
    disabled = ["math_score_too_low_with_latex", "math_score_too_low_without_latex"]
    assert build_steps(recipe_of({"filter": {"rules": "openwebmath", "disable": disabled}}))


def test_every_table_explains_a_text_by_its_own_rules():
    for name, table in RULE_SETS.items():
        step = step_of(filter={"rules": name})
        reasons = {reading.reason for reading in step.explain(PAGE, "a.txt")}
        always = {r.reason for r in table.rules if not (r.only or r.needs or r.given or r.when or r.unless)}
        assert reasons == always
