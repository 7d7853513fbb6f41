"""A row that makes a step raise becomes a fault; nothing else of its batch is lost."""

import json
import pickle
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_kit import recipe_of
from step_kit import batch_of, kept_ids, reasons_of, step_of, texts_of

from curation.model import StepOutput
from curation.steps.build import build_steps, guarded_apply
from curation.steps.language import LanguageStep
from schemas.errors import RecipeError, UserError

GOOD = "the cat and the dog have to be with that bird of prey " * 6


@dataclass
class Choking:
    """A filter that raises when a batch holds a poisonous text, as a library does on a hostile one."""

    inner: Any = field(default_factory=lambda: step_of(filter={"rules": "gopher_quality"}))
    name: str = "choking"
    version: int = 1
    sources: frozenset[str] = frozenset()
    error: type[Exception] = ValueError
    on_nothing: bool = False

    def output_fields(self):
        return self.inner.output_fields()

    def apply(self, batch: pa.RecordBatch) -> StepOutput:
        if "poison" in batch.column("text").to_pylist() or (self.on_nothing and batch.num_rows < 5):
            raise self.error("bad\n text")
        return self.inner.apply(batch)

    def explain(self, text: str):
        return self.inner.explain(text)

    def readings(self, row):
        return self.inner.readings(row)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["poison", "short", GOOD]), min_size=1, max_size=20))
def test_only_the_poisonous_rows_are_lost(texts):
    output = guarded_apply(Choking(), texts_of(*texts))
    expected = {kind: [str(i) for i, text in enumerate(texts) if text == kind] for kind in ("poison", "short", GOOD)}
    assert kept_ids(output) == expected[GOOD]
    assert sorted(reasons_of(output)) == sorted(expected["short"])
    assert [fault.locator for fault in output.faults] == [f"f#{row}" for row in expected["poison"]]
    assert output.kept.schema.names[-1] == "xml_declaration"
    for fault in output.faults:
        assert (fault.source, fault.stage, fault.error, fault.pointer) == ("s", "choking", "ValueError: bad text", "f")


def test_what_is_no_rows_fault_is_raised():
    with pytest.raises(UserError):
        guarded_apply(Choking(error=UserError), texts_of("poison"))
    with pytest.raises(ValueError, match="bad"):
        guarded_apply(Choking(on_nothing=True), texts_of("x", "poison"))


def test_a_hostile_page_is_a_fault_of_its_own():
    attributes = " ".join(f"a{i}=1" for i in range(30_000)).encode()
    batch = batch_of({"html": b"<p>fine"}, {"html": b"<p " + attributes + b">x"}, {"html": b"<p>also fine"})
    output = guarded_apply(step_of(extract={}), batch)
    assert kept_ids(output) == ["0", "2"]
    assert [fault.locator for fault in output.faults] == ["f#1"]
    assert "attributes" in output.faults[0].error


def test_steps_are_built_in_order_and_travel_between_processes():
    recipe = recipe_of(
        {"source": "a", "path": "x"},
        {"source": "b", "path": "y"},
        steps=[
            {"name": "first", "sources": ["a"], "extract": {}},
            {"name": "second", "sources": ["b"], "extract": {"main_content": False}},
            {"language": {}},
            {"filter": {"rules": "gopher_quality"}},
            {"exact_dedup": {}},
            {"near_dedup": {}},
        ],
    )
    steps = build_steps(recipe)
    assert [step.name for step in steps] == ["first", "second", "language", "gopher_quality"]
    assert [step.version for step in steps] == [2, 2, 2, 2]
    assert pickle.loads(pickle.dumps(steps)) == steps
    batch = batch_of(
        {"html": b"<p>of a", "source": "a"}, {"html": b"<p>of b", "source": "b"}, {"text": "plain", "source": "b"}
    )
    for step in steps[:3]:
        batch = guarded_apply(step, batch).kept
    assert batch.column("text").to_pylist() == ["of a", "of b", "plain"]
    assert "html" not in batch.schema.names
    assert isinstance(steps[2], LanguageStep)


def test_a_page_that_no_step_extracts_is_a_fault_not_an_empty_document():
    output = guarded_apply(
        step_of(sources=["a"], extract={}), batch_of({"html": b"x", "source": "b"}, {"text": "y", "source": "b"})
    )
    assert kept_ids(output) == ["1"]
    assert output.faults[0].error == "ValueError: a page of source 'b' has no extract step for it"


def test_a_rule_that_does_not_exist_is_refused_when_steps_are_built():
    with pytest.raises(RecipeError, match=r"step 'gopher_quality': thresholds: .* did you mean 'too_few_words'"):
        step_of(filter={"rules": "gopher_quality", "thresholds": {"too_few_word": 1}})
    with pytest.raises(ValueError, match="is no map step"):
        step_of(exact_dedup={})


def test_meta_of_a_page_holds_locator_and_title():
    output = step_of(extract={}).apply(batch_of({"html": b"<title> A\n title </title><p>text"}))
    assert json.loads(output.kept.column("meta")[0].as_py()) == {"locator": "f#0", "title": "A title"}
