"""The questions of docs/questions.md: title, explanation and SQL of each, so that the document is their only source.

A test runs the SQL over the recordings and writes the results into the document. It names no date, so that it answers
the question for any release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestration.errors import QueryError
from orchestration.folders import PROJECT_DIR

DOCUMENT = PROJECT_DIR / "docs" / "questions.md"
_QUESTION = re.compile(r"^## (\d+)\. ([^\n]+)\n\n(.+?)\n\n```sql\n(.+?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Question:
    """A question by its number in the document; `about` says what to know before its answer is quoted."""

    number: int
    title: str
    about: str
    sql: str


def questions() -> list[Question]:
    """The questions in the order of the document. Raises QueryError if it cannot be read."""
    try:
        text = DOCUMENT.read_text(encoding="utf-8")
    except OSError as error:
        raise QueryError(
            f"{DOCUMENT}, which contains the questions, cannot be read: {error.strerror}. Restore it from the project."
        ) from error
    return [
        Question(int(number), title, " ".join(about.split()), sql)
        for number, title, about, sql in _QUESTION.findall(text)
    ]
