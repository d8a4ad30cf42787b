"""What the documents show is what comes out. `make docs` writes anew what was made by a program in them."""

import os
import re
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, Run

QUESTIONS = PROJECT / "docs" / "questions.md"
DICTIONARY = PROJECT / "docs" / "data-dictionary.md"
ASKED = re.compile(r"```sql\n(.*?)\n```\n\n(\|.*?\|\n)(?=\n|\Z)", re.DOTALL)
GROUPS = {
    "entities": "Who",
    "share": "How much",
    "growth": "How it grows",
    "price": "At what price",
    "spend": "Usage and price together",
    "quality": "How well known",
}


def assert_document(path: Path, fresh: str) -> None:
    """The document is what it should be; it becomes so where that was asked for."""
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(fresh)
    assert path.read_text() == fresh, f"{path.name} is not what comes out: make docs writes it anew"


def as_table(rows: duckdb.DuckDBPyRelation) -> str:
    lines = [rows.columns, ["---"] * len(rows.columns)]
    lines += [["" if cell is None else str(cell) for cell in row] for row in rows.fetchall()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def test_every_question_has_the_answer_beside_it(everything: Run) -> None:
    text = QUESTIONS.read_text()
    with duckdb.connect(str(everything.published), read_only=True) as connection:
        fresh = ASKED.sub(lambda one: f"```sql\n{one[1]}\n```\n\n{as_table(connection.sql(one[1]))}", text)
    assert_document(QUESTIONS, fresh)


def test_fourteen_questions_each_one_short_select() -> None:
    asked = [one[0] for one in ASKED.findall(QUESTIONS.read_text())]
    assert len(asked) == 14
    for sql in asked:
        assert len(sql.splitlines()) <= 8, sql
        assert not re.search(r"\b(with|over|union)\b", sql), sql


def test_every_question_has_an_answer_where_every_surface_does(simulated: Run) -> None:
    """The recordings hold no slices: what they cannot answer is answered from the simulator."""
    [category] = [sql for sql, _ in ASKED.findall(QUESTIONS.read_text()) if "slice_kind = 'category'" in sql]
    rows = simulated.query(category)
    assert len(rows) >= 10
    assert all(tokens > 0 and 0 < listed <= 100 for _, tokens, listed, _ in rows)


def dictionary(manifest: dict) -> str:
    """The published tables, column by column, as the models' YAML describes them."""
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    lines = ["# Data dictionary", ""]
    lines += ["Every published table, column by column. Made from the YAML beside the models: `make docs`.", ""]
    for group, title in GROUPS.items():
        lines += [f"## {title}", ""]
        tables = [
            node
            for node in nodes
            if (node["schema"] == "marts" and node["fqn"][-2] == group)
            or (node["name"] == "scopes" and group == "quality")
        ]
        for node in sorted(tables, key=lambda one: one["name"]):
            lines += [f"### {node['name']}", "", node["description"].strip(), ""]
            keys = [
                test["test_metadata"]["kwargs"]["columns"]
                for test in manifest["nodes"].values()
                if test["resource_type"] == "test"
                and test.get("attached_node") == node["unique_id"]
                and test["test_metadata"]["name"] == "unique_key"
            ]
            lines += [f"Key: {', '.join(f'`{column}`' for column in keys[0])}.", "", "| column | type | meaning |"]
            lines += ["| --- | --- | --- |"]
            for column in node["columns"].values():
                meaning = column["description"].strip().replace("|", r"\|")
                lines += [f"| `{column['name']}` | {column['data_type']} | {meaning} |"]
            lines += [""]
    return "\n".join(lines)


def test_the_data_dictionary_is_that_of_the_models(manifest: dict) -> None:
    assert_document(DICTIONARY, dictionary(manifest))


def test_every_figure_says_its_unit(manifest: dict) -> None:
    """A number without a unit is no figure: it stands in the column's name or in its description."""
    unit = re.compile(
        r"tokens|fraction|percent|USD|days?\b|hours|points|seconds|place|index|rank|number|requests|endpoints|providers|"
        r"models|authors|observations|rows|ids|unit|parameters|score|price|status",
        re.IGNORECASE,
    )
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] == "marts":
            for column in node["columns"].values():
                if column["data_type"] in ("bigint", "double", "integer"):
                    assert unit.search(f"{column['name']} {column['description']}"), (node["name"], column["name"])


@pytest.mark.parametrize("document", ["questions.md", "data-dictionary.md", "requests.md"])
def test_the_readme_leads_to_every_document(document: str) -> None:
    assert f"docs/{document}" in (PROJECT / "README.md").read_text()
