"""docs/rules.md says what the tables say."""

from pathlib import Path

from curation.rules.page import rules_page


def test_the_page_is_that_of_the_tables():
    page = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
    assert page.read_text("utf-8") == rules_page(), "python -m curation.rules.page > docs/rules.md"
