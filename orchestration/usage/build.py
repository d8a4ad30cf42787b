"""Price a user's own calls: dbt builds models/own in a warehouse of its own, and its checked marts replace a file.

    <data>/own/warehouse.duckdb      dbt's warehouse, built from nothing each time
    <data>/own/published/own.duckdb  the five marts, and `made`: from which logs, release and code they were made

The release is only read. Calls, figures and SQL are in models/own; nothing here knows what a call costs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import UsageError, WarehouseError
from orchestration.settings import Engine
from orchestration.storage.files import (
    check_encoding,
    locked,
    read_json,
    remove_unfinished_writes,
    replace_when_complete,
)
from orchestration.storage.inputs import DBT_INPUTS, project_hash
from orchestration.storage.releases import FILE_NAME, STORAGE_VERSION, Releases
from orchestration.storage.sql import literal, quoted
from orchestration.usage.engines import Progress, run_models
from orchestration.usage.privacy import BUILD_LOCK, private_folder

MARTS = ("own_usage", "own_cost", "own_alternative", "own_mix", "own_check")


def own_file(data: Path) -> Path:
    """The file with the marts about the own calls of a data folder; it may not exist."""
    return data / "own" / "published" / "own.duckdb"


def build_own(data: Path, progress: Progress | None = None) -> bool:
    """Build, check and publish the marts about the own calls, unless they are current; returns whether it built them.

    Raises UsageError if there is no log or no release, and WarehouseError if a model or check fails or a file cannot be
    written; SettingsError if the engine is not installed. Then the marts published before are unchanged.
    """
    check_encoding(data)
    _require_log(data)
    if not (Releases(data).current / FILE_NAME).exists():
        raise UsageError(
            f"{data} has no published release, so there are no prices for your calls. They are stored and stay. "
            "Publish one: make run"
        )
    folder = private_folder(data)
    with locked(folder / BUILD_LOCK):
        _require_log(data)  # it may have been removed meanwhile
        inputs = _inputs(data)
        if _inputs_of(own_file(data)) == inputs:
            return False
        warehouse = folder / "warehouse.duckdb"
        try:
            for old in folder.glob("warehouse.duckdb*"):
                old.unlink()
            run_models(data, Engine.load(), progress or (lambda _stage, _share: None))
            _publish(data, warehouse, inputs)
        except (OSError, duckdb.Error) as error:
            # DuckDB's own message may quote values of a log.
            reason = error if isinstance(error, OSError) else type(error).__name__
            raise WarehouseError(
                f"The marts about your calls could not be written to {folder}: {reason}\nYour logs are unchanged. Run "
                "the command again when this user may write to the folder and it has free space."
            ) from None
        return True


def has_logs(data: Path) -> bool:
    """Whether a log of own calls was added to a data folder."""
    return any((data / "own" / "raw").glob("*/*.parquet"))


def _require_log(data: Path) -> None:
    if not has_logs(data):
        raise UsageError(f"{data} has no log of own usage. Add one: routerscope own add FILE")


def _inputs(data: Path) -> str:
    """The hash of everything that the marts are made from."""
    digest = hashlib.sha256(project_hash((*DBT_INPUTS, "orchestration/usage/build.py")).encode())
    digest.update(str(Releases(data).current.name).encode())
    for path in sorted((data / "own" / "raw").glob("*/*.parquet")):
        digest.update(f"{path.parent.name}/{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def _inputs_of(file: Path) -> str | None:
    """The inputs that a published file was made from; None if it cannot be read."""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            [(inputs,)] = connection.execute("select inputs from made").fetchall()
            return str(inputs)
    except (duckdb.Error, OSError, ValueError):
        return None


def _publish(data: Path, warehouse: Path, inputs: str) -> None:
    """Copy the marts with their documentation into a new file, which replaces the published one in one step."""
    target = own_file(data)
    remove_unfinished_writes(target.parent)
    documented = _documentation(data / "own" / "dbt" / "manifest.json")
    with replace_when_complete(target) as temporary:
        with duckdb.connect() as connection:
            connection.execute(f"attach {literal(temporary)} as own (storage_version '{STORAGE_VERSION}')")
            connection.execute(f"attach {literal(warehouse)} as built (read_only)")
            for name in MARTS:
                connection.execute(f"create table own.{name} as from built.marts.{name}")  # constants
                description, columns = documented[name]
                connection.execute(f"comment on table own.{name} is {literal(description)}")
                for column, text in columns.items():
                    connection.execute(f"comment on column own.{name}.{quoted(column)} is {literal(text)}")
            connection.execute(
                "create table own.made as select ? as made_at, ? as release, ? as inputs",
                [dt.datetime.now(dt.UTC).replace(tzinfo=None), Releases(data).current.name, inputs],
            )
            connection.execute("checkpoint own")
            connection.execute("detach own")
        temporary.chmod(0o600)


def _documentation(manifest: Path) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Mart → its description and those of its columns."""
    nodes: dict[str, Any] = read_json(manifest)["nodes"]
    return {
        node["name"]: (
            node["description"],
            {column["name"]: column["description"] for column in node["columns"].values()},
        )
        for node in nodes.values()
        if node["name"] in MARTS
    }
