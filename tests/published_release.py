"""Releases of two small tables in a data folder, with a data package, for tests of a site."""

from pathlib import Path

import duckdb

from orchestration.publish.datapackage import write_package
from orchestration.storage.releases import FILE_NAME, Table

FIRST, SECOND, THIRD = (f"2026080{day}T000519.123456Z" for day in (6, 7, 8))
SCOPES = {"live": "openrouter_public_traffic", "sample": "openrouter_public_traffic", "simulator": "simulated"}


def add_release(data: Path, name: str, source: str = "live") -> Path:
    """Publish a release of the tables `citations` and `scopes` in a data folder; returns its folder."""
    folder = data / "releases" / name
    (folder / "report").mkdir(parents=True)
    (folder / "report" / "index.html").write_text(f"Report of {name}", encoding="utf-8")
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        connection.execute(
            "create table citations as select 'models' as surface, 'Source: M' as citation, 'none stated' as licence, "
            "'https://openrouter.ai' as source_url, timestamp '2026-08-06 01:00:00' as as_of, "
            "timestamp '2026-08-06 02:00:00' as checked_at; "
            f"create table scopes as select '{SCOPES[source]}' as scope_id, 'Tokens & <prices>' as statement, "
            "'the rest' as left_out, 'None.' as caveats"
        )
        tables = [
            Table(name, "marts", name, dict.fromkeys(connection.table(name).columns, "A column."), (), ("models",))
            for name in ("citations", "scopes")
        ]
        for table in tables:
            connection.execute(f"copy {table.name} to '{folder / table.name}.parquet'")
    made = {"source": source, "clock": "2026-08-07T00:05:19+00:00", "created": "2026-08-07T00:05:19+00:00"}
    write_package(folder, tables, SCOPES[source], name, made, "1.2.3")
    link = data / "link"
    link.symlink_to(folder.absolute())
    link.replace(data / "published")
    return folder
