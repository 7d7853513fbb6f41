"""Rows of public task sets come in with their task and a gold that their verifier takes; what does not fit is said in one line."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from rewards import get_verifier
from schemas.errors import UserError
from workers.mapping import resolve
from workers.row_files import first_row


def read(row, preset="auto", *, prompts_only=True, columns=None):
    mapping = resolve(preset, columns or {}, list(row), row, "rows.jsonl", prompts_only=prompts_only)
    return mapping.read(row)


def rows_of(path: Path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


MMLU = {"question": "What is 2+2?", "subject": "arithmetic", "choices": ["3", "4", "5", "6"], "answer": 1}
CHOICES = {
    "mmlu": MMLU,
    "mmlu, index as text": MMLU | {"answer": "1"},
    "mmlu, answer as text": {"question": "Which?", "choices": ["red", "blue", "green"], "answer": "blue"},
    "mmlu-pro": {"question": "What?", "options": ["a", "b", "c"], "answer": "B", "answer_index": 1, "category": "law"},
    "arc": {"question": "Why?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"},
    "arc, numbered": {"question": "Why?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
    "c-eval": {"id": 0, "question": "什么?", "A": "甲", "B": "乙", "C": "丙", "D": "丁", "answer": "B"},
    "aqua": {"question": "How many?", "options": ["A)21", "B)21.5", "C)22"], "rationale": "...", "correct": "B"},
    "medqa": {"question": "Which?", "options": {"A": "flu", "B": "cold"}, "answer_idx": "B", "answer": "cold"},
}


@pytest.mark.parametrize("name", CHOICES)
def test_multiple_choice(name):
    found = read(CHOICES[name])
    assert found.task == "choice"
    assert found.gold["answer"]["letter"] == "B"
    assert "B. " + found.gold["answer"]["options"][1] in found.messages[0]["content"].split("\n")
    assert found.domain == CHOICES[name].get("subject")
    assert get_verifier("choice")("The answer is B.", found.gold["answer"]).score == 1.0
    assert get_verifier("choice")(found.gold["answer"]["options"][1], found.gold["answer"]).score in (1.0, 0.0)


def test_gpqa_s_right_answer_is_not_always_the_first():
    letters = []
    for number in range(40):
        row = {"Question": f"Question {number}?", "Correct Answer": f"right {number}"}
        found = read(row | {f"Incorrect Answer {n}": f"wrong {n}" for n in (1, 2, 3)})
        gold = found.gold["answer"]
        assert gold["options"][ord(gold["letter"]) - 65] == f"right {number}"
        letters.append(gold["letter"])
    assert set(letters) == set("ABCD")


def test_samples_beside_a_question_with_options():
    found = read(MMLU | {"outputs": ["B", "The answer is C."]}, prompts_only=False)
    assert [sample.text for sample in found.samples] == ["B", "The answer is C."]
    assert found.gold["answer"]["letter"] == "B"
    asked = read(MMLU | {"prompt": "Q: 2+2? (A) 3 (B) 4", "response": "B"}, prompts_only=False)
    assert asked.messages == [{"role": "user", "content": "Q: 2+2? (A) 3 (B) 4"}]


def test_openai_s_choices_are_samples_not_options():
    row = {"prompt": "2+2?", "choices": [{"text": "4"}, {"text": "5"}], "answer": "4"}
    found = read(row, prompts_only=False)
    assert [sample.text for sample in found.samples] == ["4", "5"]
    assert (found.task, found.gold) == (None, {"answer": "4"})


@pytest.mark.parametrize("name", ["IFBench_test", "eval_results_strict"])
def test_ifbench(reference_data, name):
    rows = rows_of(reference_data("ifbench") / f"{name}.jsonl.gz")
    if name == "eval_results_strict":  # the verdicts have lost the keywords; the prompts have them
        known = {row["prompt"]: row for row in rows_of(reference_data("ifbench") / "IFBench_test.jsonl.gz")}
        rows = [row | {"kwargs": known[row["prompt"]]["kwargs"]} for row in rows if row["prompt"] in known][:50]
    verifier = get_verifier("instructions", all_or_nothing=True)
    agree = 0
    for row in rows:
        found = read(row, prompts_only="response" not in row)
        assert found.task == "instruction"
        gold = found.gold["instructions"]
        assert len(gold["kwargs"]) == len(gold["instruction_id_list"]) > 0
        assert all(value is not None for kwargs in gold["kwargs"] for value in kwargs.values())
        for sample in found.samples:
            verdict = verifier(sample.text, gold)
            assert verdict.score is not None, verdict.detail
            agree += verdict.score == float(row["follow_all_instructions"])
    if name == "eval_results_strict":
        assert agree >= len(rows) - 1


def test_plain_questions(reference_data):
    gsm8k = rows_of(reference_data("gsm8k") / "test.jsonl.gz")[0]
    found = read(gsm8k)
    assert (found.task, found.gold) == ("math", {"answer": "18"})
    assert found.messages[0]["content"].startswith("Janet")
    folder = reference_data("math")
    for name, gold in (("amc23", "27"), ("math500", "\\left( 3, \\frac{\\pi}{2} \\right)"), ("aime24", "204")):
        row = rows_of(folder / f"{name}_test.jsonl.gz")[0]
        assert read(row).gold == {"answer": gold}
    row = rows_of(folder / "olympiadbench_test.jsonl.gz")[0]
    assert read(row).gold == {"answer": ["2"]}
    path = reference_data("mgsm") / "mgsm_de.tsv"
    with path.open() as file:
        question, answer = next(csv.reader(file, delimiter="\t"))
    assert read({"question": question, "answer": answer}).gold == {"answer": answer}


def test_translation():
    row = {"src": "Good morning.", "reference": "Guten Morgen.", "target_language": "de", "source": "flores"}
    found = read(row)
    assert found.task == "translation"
    assert found.messages[0]["content"] == "Translate into German:\n\nGood morning."
    assert found.gold == {
        "translation": {"references": ["Guten Morgen."], "language": "de"},
        "target_language": "de",
    }
    assert get_verifier("translation")("Guten Morgen.", found.gold["translation"]).score == 1.0
    several = read({"prompt": "Auf Deutsch?", "references": ["a", "b"], "tgt_lang": "de-AT"})
    assert several.messages[0]["content"] == "Auf Deutsch?"
    assert several.gold["translation"]["references"] == ["a", "b"]


def test_puzzles():
    gym = pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed")
    entry = json.loads(json.dumps(gym.create_dataset("chain_sum", seed=3, size=1)[0]))
    found = read(entry)
    assert found.messages == [{"role": "user", "content": entry["question"]}]
    gold = found.gold["puzzle"]
    assert gold == {"dataset": "chain_sum", "entry": entry}
    assert get_verifier("puzzle")(f"<answer>{entry['answer']}</answer>", gold).score == 1.0
    assert read(entry | {"metadata": json.dumps(entry["metadata"])}).gold == found.gold


def test_rows_for_a_judge():
    found = read({"prompt": "Write a poem.", "rubric": ["rhymes", "is short"], "reference": "Roses are red."})
    assert found.task == "judge"
    assert found.gold == {"rubric": ["rhymes", "is short"], "answer": "Roses are red."}
    found = read({"question": "Why?", "baseline": "Because."})
    assert (found.messages[0]["content"], found.gold) == ("Why?", {"baseline": "Because."})


@pytest.mark.parametrize(
    ("row", "preset", "says"),
    [
        (MMLU | {"answer": 7}, "choice", r"'answer' is '7', which names none of the 4 options"),
        (MMLU | {"choices": ["3"]}, "choice", "2 to 26 options are needed"),
        (MMLU | {"choices": ["3", "4", "4"]}, "choice", "two options are the same"),
        ({"question": "?", "choices": ["a", "b"]}, "choice", "no column says which option is right"),
        ({"prompt": "x", "instruction_id_list": ["a"], "kwargs": []}, "ifeval", ".* lists of one length"),
        ({"src": "x", "reference": "y", "target_language": "und"}, "translation", ".* 'und' is no ISO 639 code"),
        ({"src": "x", "reference": 3, "target_language": "de"}, "translation", "the references are neither a text"),
        ({"prompt": "x", "instruction_id_list": ["a"], "kwargs": "{"}, "ifeval", ""),
    ],
)
def test_a_row_that_does_not_fit_is_one_clear_line(row, preset, says):
    with pytest.raises(ValueError, match=f"^{preset}: {says}"):
        read(row, preset)


def test_a_file_of_another_shape_is_refused():
    with pytest.raises(
        UserError, match=r"rows.jsonl: no row of preset 'ifeval', which needs instruction_id_list and kwargs"
    ):
        read(MMLU, "ifeval")


def test_named_columns_go_before_what_is_found():
    found = read(MMLU | {"right": "4"}, columns={"gold": "right", "prompt": "question"})
    assert (found.gold, found.task) == ({"answer": "4"}, None)
    found = read(MMLU, columns={"prompt": "question"})
    assert found.messages == [{"role": "user", "content": "What is 2+2?"}]
    assert found.gold["answer"]["letter"] == "B"


def test_the_first_row_of_a_file_tells_its_shape(tmp_path):
    path = tmp_path / "mmlu.jsonl"
    path.write_text(json.dumps(MMLU) + "\n")
    columns, first = first_row(path)
    assert resolve("auto", {}, columns, first, str(path), prompts_only=True).shape.name == "choice"
