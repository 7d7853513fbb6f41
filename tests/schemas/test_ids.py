"""Ids are known answers: a change of any of these would break every store that exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


def test_known_answers():
    assert ids.document_id("web", "2026-11", "a.warc.gz#0") == "33426556b374642b7c1d9b23a39ea782"
    assert ids.settings_hash({"b": 1, "a": [True, None]}) == ids.settings_hash({"a": [True, None], "b": 1})
    assert ids.sample_seed("p", 3) == ids.sample_seed("p", 3) < 2**31


def test_canonical_json_refuses_what_json_has_not():
    with pytest.raises(ValueError, match="Out of range"):
        ids.canonical_json(float("nan"))
    assert ids.canonical_json({"z": "é", "a": 1}) == '{"a":1,"z":"é"}'


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_digest_tells_part_lists_apart(left, right):
    assert (ids.digest(*left) == ids.digest(*right)) == (left == right)


@given(st.text(), st.text(), st.text())
def test_no_part_runs_into_the_next(a, b, c):
    if b:
        assert ids.document_id(a + b, "", c) != ids.document_id(a, b, c)
