"""The warehouse in memory, built or checked with the SQL that dbt compiled for a real run.

Fast enough to try many small histories and corruptions, since neither dbt nor Dagster runs.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.transform.manifest import MANIFEST


class Compiled:
    """Models, data tests and seeds of a finished run, which can run again over other observations.

    `laws` are the data tests that block a release, `models` all models in the order of their dependencies.
    """

    def __init__(self, data: Path) -> None:
        manifest = json.loads((data / "dbt" / "manifest.json").read_text(encoding="utf-8"))
        self.nodes = manifest["nodes"]
        self.sources = manifest["sources"]
        self.warehouse = data / "warehouse.duckdb"
        order = TopologicalSorter({name: set(node["depends_on"].get("nodes", [])) for name, node in self.nodes.items()})
        self.models = [
            self.nodes[name]
            for name in order.static_order()
            if self.nodes.get(name, {}).get("resource_type") == "model"
        ]
        self.laws = [
            self.nodes[name]
            for name, node in MANIFEST["nodes"].items()
            if node["resource_type"] == "test" and node["config"]["severity"].lower() == "error"
        ]

    def build(self, raw: dict[str, list[dict[str, Any]]]) -> "Built":
        """All models over rows of the raw tables; columns not given are null."""
        connection = self.connect()
        for name, rows in raw.items():
            columns = dict.fromkeys(column for row in rows for column in row)
            table = pa.table({column: [row.get(column) for row in rows] for column in columns})
            connection.register("given", table)
            connection.execute(f"insert into raw.{name} by name from given")
            connection.unregister("given")
        return self.run(connection, self.models)

    def build_from(self, lake: Path) -> "Built":
        """All models over the files of a lake."""
        connection = self.connect()
        self.load(connection, lake)
        return self.run(connection, self.models)

    def load(self, connection: duckdb.DuckDBPyConnection, lake: Path) -> None:
        """Fill the raw tables from a lake, as the macro create_raw_views reads it."""
        for source in self.sources.values():
            name = source["name"]
            if name == "responses":
                rows = f"""
                    select replace(file_name, '{lake}/', '') as raw_file, decode(value) as metadata
                    from parquet_kv_metadata('{lake}/*/*/*.parquet') where decode(key) = 'routerscope'
                """
            elif (lake / name).exists():
                rows = f"""
                    select replace(filename, '{lake}/', '') as raw_file, * exclude (filename) from read_parquet(
                        '{lake}/{name}/*/*.parquet', union_by_name = true, filename = true, hive_partitioning = false)
                """
            else:
                continue
            columns = ", ".join(
                f"{column['meta'].get('expression') or column['name']} as {column['name']}"
                for column in source["columns"].values()
            )
            connection.execute(f"insert into raw.{name} by name select {columns} from ({rows})")

    def copy(self) -> "Built":
        """The warehouse that the run built, with its raw views over the lake."""
        connection = self._attach()
        connection.execute("copy from database built to warehouse")
        return Built(self, connection)

    def copy_with_rows(self) -> "Built":
        """The same with raw tables in place of the views, so that raw rows can be changed."""
        built = self.copy()
        for source in self.sources.values():
            view = f"raw.{source['name']}"
            built.connection.execute(f"drop view {view}; create table {view} as from built.{view}")
        return built

    def _attach(self) -> duckdb.DuckDBPyConnection:
        """An empty database in memory, with the warehouse of the run attached as `built`."""
        connection = duckdb.connect()
        # One thread, because threads cost more than they gain on tables this small.
        connection.execute("set threads = 1; set TimeZone = 'UTC'; attach ':memory:' as warehouse; use warehouse")
        connection.execute(f"attach '{self.warehouse}' as built (read_only)")
        return connection

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A database in memory with the seeds and empty raw tables."""
        connection = self._attach()
        for schema in {node["schema"] for node in self.nodes.values() if node["resource_type"] != "test"} | {"raw"}:
            connection.execute(f"create schema if not exists {schema}")
        for seed in (node for node in self.nodes.values() if node["resource_type"] == "seed"):
            connection.execute(f"create table seeds.{seed['name']} as from built.seeds.{seed['name']}")
        for source in self.sources.values():
            columns = [(column["name"], column["data_type"]) for column in source["columns"].values()]
            declared = ", ".join(f"{name} {kind}" for name, kind in columns)
            connection.execute(f"create table raw.{source['name']} ({declared})")
        return connection

    def run(self, connection: duckdb.DuckDBPyConnection, models: list[dict[str, Any]]) -> "Built":
        """Builds these models in the order given, and replaces those that exist."""
        for model in models:
            kind = "view" if model["config"]["materialized"] == "view" else "table"
            connection.execute(f"create or replace {kind} {model['relation_name']} as {model['compiled_code']}")
        return Built(self, connection)

    def laws_of(self, name: str) -> list[dict[str, Any]]:
        """The laws that read a model or seed."""
        return [law for law in self.laws if name in {node.split(".")[2] for node in law["depends_on"]["nodes"]}]

    def downstream(self, *surfaces: str) -> list[dict[str, Any]]:
        """The models that read these raw tables, directly or through others, in the order of their dependencies."""
        reached = {name for name, node in self.sources.items() if node["name"] in surfaces}
        found = []
        for model in self.models:
            if reached & set(model["depends_on"]["nodes"]):
                reached.add(model["unique_id"])
                found.append(model)
        return found


class Built:
    """A warehouse in memory, to query and to check."""

    def __init__(self, compiled: Compiled, connection: duckdb.DuckDBPyConnection) -> None:
        self._compiled = compiled
        self.connection = connection

    def __enter__(self) -> "Built":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def query(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def change(self, statements: Iterable[str]) -> None:
        for statement in statements:
            assert self.query(statement) != [(0,)], f"changes nothing: {statement}"

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Takes back all changes that are made inside."""
        self.connection.execute("begin")
        try:
            yield
        finally:
            self.connection.execute("rollback")

    def warning(self, name: str) -> str:
        """The SQL of a data test that does not block a release."""
        [test] = [node for node in self._compiled.nodes.values() if node["name"] == name]
        return test["compiled_code"]

    @contextmanager
    def changed(self, surface: str, *statements: str) -> Iterator[None]:
        """Changes a raw table and builds the models that read it, and takes that back afterwards."""
        with self.rolled_back():
            self.change(statements)
            self._compiled.run(self.connection, self._compiled.downstream(surface))
            yield

    def broken_laws(self) -> dict[str, list[tuple]]:
        """Data test → the first rows that violate it."""
        found = {
            law["name"]: self.query(f"select * from ({law['compiled_code']}) limit 3") for law in self._compiled.laws
        }
        return {name: rows for name, rows in found.items() if rows}

    def broken_contracts(self) -> dict[str, int]:
        """Column that the contract of its mart declares not null → the number of nulls."""
        found = {}
        for node in self._compiled.models:
            required = [
                name
                for name, column in node["columns"].items()
                if any(constraint["type"] == "not_null" for constraint in column["constraints"])
            ]
            if required:
                missing = ", ".join(f"count(*) - count({name})" for name in required)
                [counts] = self.query(f"select {missing} from {node['relation_name']}")
                found |= {f"{node['name']}.{name}": n for name, n in zip(required, counts, strict=True) if n}
        return found

    def marts(self) -> dict[str, list[tuple]]:
        """Every mart with all rows, without the names of raw files."""
        marts = [node for node in self._compiled.models if node["schema"] == "marts"]
        return {
            node["name"]: self.query(
                f"select * {'exclude (raw_file)' if 'raw_file' in node['columns'] else ''} "
                f"from {node['relation_name']} order by all"
            )
            for node in marts
        }
