"""The output and the figures in the README are those of the sample; those in concepts.md, of the recordings."""

import re

import duckdb
import pytest
from conftest import PROJECT, Run
from test_generated_docs import assert_document

pytestmark = pytest.mark.xdist_group("readme")  # `make docs` writes the file twice

README = PROJECT / "README.md"
QUERIES = re.compile(r"```sql\n(.*?)```\n```\n(.*?)```", re.DOTALL)
RESULT = re.compile(r"```\n(Source sample: .*?)\n```", re.DOTALL)
RESULT_LINES = 10
MAX_WORDS = 900


def test_query_has_its_result(sampled: Run) -> None:
    text = README.read_text(encoding="utf-8")
    with duckdb.connect(str(sampled.published), read_only=True) as connection:

        def with_result(query: re.Match[str]) -> str:
            return f"```sql\n{query[1]}```\n```\n{str(connection.sql(query[1])).strip()}\n```"

        assert len(QUERIES.findall(text)) == 1
        assert_document(README, QUERIES.sub(with_result, text))


def test_output_is_that_of_the_default_run(sampled: Run) -> None:
    lines = sampled.output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Source sample: "))
    output = "\n".join(line.rstrip() for line in lines[first : first + RESULT_LINES])
    text = README.read_text(encoding="utf-8")
    assert len(RESULT.findall(text)) == 1
    assert_document(README, RESULT.sub(lambda _: f"```\n{output}\n```", text))


def test_readme_is_short() -> None:
    text = re.sub(r"```.*?```", "", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = [word for line in text.splitlines() if not line.startswith("|") for word in line.split()]
    assert len(words) <= MAX_WORDS


def test_known_shares_are_stated(everything: Run) -> None:
    known = {
        (segment_type, segment): percent
        for segment_type, segment, percent in everything.query(
            "select segment_type, segment, 100 * sum(tokens) / sum(sum(tokens)) over (partition by segment_type) "
            "from share_segment where period = 'day' and segment <> 'other' group by segment_type, segment"
        )
    }
    stated = " ".join((PROJECT / "docs" / "concepts.md").read_text(encoding="utf-8").split())
    for segment_type, sentence in {
        "weights": "weights are classified for {:.1f}%",
        "author_country": "the author's country for {:.1f}%",
        "size_class": "the size for {:.1f}%",
    }.items():
        assert sentence.format(100 - known.get((segment_type, "unclassified"), 0)) in stated
    assert f"({known['weights', 'undisclosed']:.1f}% as `undisclosed`" in stated
