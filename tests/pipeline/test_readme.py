"""What the README shows is what comes out."""

import os
import re

import duckdb
from conftest import PROJECT, Run

README = PROJECT / "README.md"
QUESTIONS = re.compile(r"```sql\n(.*?)```\n```\n(.*?)```", re.DOTALL)


def test_every_question_gives_the_output_beside_it(everything: Run) -> None:
    text = README.read_text()
    with duckdb.connect(str(everything.published), read_only=True) as connection:

        def answered(question: re.Match[str]) -> str:
            return f"```sql\n{question[1]}```\n```\n{str(connection.sql(question[1])).strip()}\n```"

        fresh = QUESTIONS.sub(answered, text)
    if os.environ.get("UPDATE_DOCS"):
        README.write_text(fresh)
    assert len(QUESTIONS.findall(text)) == 5
    assert fresh == text


def test_the_known_shares_are_stated(everything: Run) -> None:
    known = {
        (division, part): share
        for division, part, share in everything.query(
            "select segment_type, segment, 100 * sum(tokens) / sum(sum(tokens)) over (partition by segment_type) "
            "from share_segment where period = 'day' and segment <> 'other' group by segment_type, segment"
        )
    }
    stated = README.read_text().replace("\n  ", " ")
    for division, sentence in {
        "weights": "weights are known for {:.1f} %",
        "author_country": "the author's country for {:.1f} %",
        "size_class": "the size for {:.1f} %",
    }.items():
        assert sentence.format(100 - known.get((division, "unclassified"), 0)) in stated
    assert f"({known['weights', 'undisclosed']:.1f} % are of stealth models" in stated


SHOWN = re.compile(r"```\n(Routerscope: source replay.*?)```", re.DOTALL)


def test_the_output_shown_is_that_of_a_run(everything: Run) -> None:
    # In a folder below the project, which need not be named.
    real = (
        everything.output.replace(f" --data {everything.data}", "").replace(str(everything.data), "data/replay").strip()
    )
    real = "\n".join(line for line in real.splitlines() if not re.search("asked and read|models and checks done", line))
    text = README.read_text()
    [shown] = SHOWN.findall(text)

    def timeless(output: str) -> list[str]:
        return [re.sub(r"^ *\d+ s|\d+ s\b", "", line).strip() for line in output.strip().splitlines()]

    is_the_same = timeless(shown) == timeless(real)
    if os.environ.get("UPDATE_DOCS") and not is_the_same:
        README.write_text(SHOWN.sub(lambda _: f"```\n{real}\n```", text))
    assert is_the_same
