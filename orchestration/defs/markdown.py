"""Tables as Markdown for Dagster's pages."""

from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa

from orchestration.untrusted import plain_text


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str] = ()) -> str:
    """A table; the columns in `numbers` are aligned to the right."""
    alignments = ["--:" if column in numbers else "---" for column in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, alignments, *rows))


def preview(table: pa.Table, columns: int = 6) -> str:
    """The first columns of a small table, with long values cut off."""
    shown = table.select(table.column_names[:columns])
    rows = [
        [plain_text(str(value)[:60]).replace("|", "\\|").replace("\n", " ") for value in row.values()]
        for row in shown.to_pylist()
    ]
    return markdown_table(shown.column_names, rows)
