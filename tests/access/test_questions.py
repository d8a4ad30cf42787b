"""The questions of the document, as `ask` reads them: fourteen, and answerable from any release."""

import re

import pytest
from conftest import Run

from orchestration.access.query import run_query
from orchestration.access.questions import DOCUMENT, Question, questions
from orchestration.access.release import open_release

# The newest 80 days of a small simulated world have no price cut, and no cheap model whose share grows.
# test_generated_docs answers both questions from the recordings.
WITHOUT_ROWS = {4, 8}


def test_every_question_of_the_document_is_found() -> None:
    found = questions()
    assert [question.number for question in found] == list(range(1, 15))
    assert [question.title for question in found] == re.findall(
        r"^## \d+\. (.*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert all(question.about and "```" not in question.about + question.sql for question in found)


def test_no_question_names_a_day() -> None:
    assert [question.number for question in questions() if re.search(r"\d{4}-\d\d", question.sql)] == []


@pytest.mark.parametrize("question", questions(), ids=lambda question: str(question.number))
def test_simulated_release_answers(simulated: Run, question: Question) -> None:
    with open_release(simulated.data) as release:
        rows = run_query(release, question.sql)
    assert rows.num_rows or question.number in WITHOUT_ROWS


def test_question_on_categories_has_rows_in_the_simulator(simulated: Run) -> None:
    """The recordings have no slices."""
    [category] = [question.sql for question in questions() if "slice_kind = 'category'" in question.sql]
    rows = simulated.query(category)
    assert len(rows) >= 10
    assert all(tokens > 0 and 0 < listed <= 100 for _, tokens, listed, _ in rows)
