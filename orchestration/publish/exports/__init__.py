"""The exports of a release: its prices in the formats of other tools, in `exports/` beside the tables.

    exports/<tool>/<file>     one module per tool, each a function from the published tables to the text of its files

Exact prices come from the column `prices`, never from a DOUBLE. Nothing here sends anything anywhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from orchestration.errors import ExportError
from orchestration.publish.exports import genai_prices, langfuse, litellm, promptfoo
from orchestration.publish.exports.source import ExportSource
from orchestration.storage.releases import FILE_NAME

FOLDER = "exports"

Exporter = Callable[[ExportSource], Mapping[str, str]]
EXPORTERS: dict[str, Exporter] = {
    "genai-prices": genai_prices.export,
    "langfuse": langfuse.export,
    "litellm": litellm.export,
    "promptfoo": promptfoo.export,
}


def write_exports(folder: Path) -> None:
    """Write the files of every tool below the folder of a release that has its tables.

    Raises ExportError if those of a tool cannot be made or written. The release then has only the other tools' files.
    """
    problems = {}
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        source = ExportSource.of(connection)
        for tool, export in EXPORTERS.items():
            try:
                for name, text in export(source).items():
                    path = folder / FOLDER / tool / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
            except Exception as error:  # an error in one format must not block the release or the other formats
                problems[tool] = error
                shutil.rmtree(folder / FOLDER / tool, ignore_errors=True)
    if problems:
        reasons = "; ".join(f"{tool}: {type(error).__name__}: {error}" for tool, error in problems.items())
        raise ExportError(
            f"Some exports could not be made: {reasons}. The tables are published without them. Please report this "
            "error; the next run tries again."
        ) from next(iter(problems.values()))
