"""`routerscope ask`: list the questions of docs/questions.md, or answer one from the release."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from orchestration.cli.rows import Format, FormatOption, Limit, Output, check_output, write_rows
from orchestration.cli.terminal import Data, err, out
from orchestration.folders import PROJECT_DIR


def ask(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", help="Number of a question. Without it, list the questions.")
    ] = None,
    form: FormatOption = Format.table,
    limit: Limit = None,
    output: Output = None,
    data: Data = None,
) -> None:
    """Answer one of fourteen questions from the release.

    Runs the question's SQL in docs/questions.md over the newest period that the release has. Only the answer goes to
    standard output.
    """
    from orchestration.access.questions import DOCUMENT, questions

    known = {question.number: question for question in questions()}
    if number is None:
        for question in known.values():
            out.print(f"{question.number:>3}  {escape(question.title)}")
        out.print("\nAnswer one: routerscope ask 1")
        return
    if number not in known:
        raise typer.BadParameter(f"There is no question {number}. `routerscope ask` lists 1 to {max(known)}.")
    check_output(form, output)
    from orchestration.access.query import run_query, tables_in, units_in
    from orchestration.access.release import open_release

    question = known[number]
    with open_release(data) as release:
        rows = run_query(release, question.sql)
        about, units = release.about(tables_in(question.sql, release)), units_in(question.sql, release)
    err.print(f"[bold]{number}. {escape(question.title)}[/]")
    err.print(f"{escape(question.about)} Its SQL is in {DOCUMENT.relative_to(PROJECT_DIR)}.\n", soft_wrap=True)
    write_rows(rows, about, units, form, output, limit)
