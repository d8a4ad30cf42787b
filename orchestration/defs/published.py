"""The published generation: every mart that passed its checks, with what describes them, in one step.

How files are swapped is the warehouse's business, what a generation must pass the audit's. A mart is what stands in the
schema `marts`; the seed `scopes` is published with them.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from orchestration import __version__
from orchestration.defs.dbt import asset_key, compiled, what_was_kept
from orchestration.defs.raw import markdown_table
from orchestration.defs.resources import OWNERS, POOL, code, failures, freshness_policy, open_lake, source_of
from orchestration.errors import RejectedError, ReportError, WarehouseError
from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.audit import CHECKS, Result, audit
from orchestration.publish.candidate import ReleaseCandidate
from orchestration.publish.claim_history import CLAIM_HISTORY, record
from orchestration.publish.datapackage import SCOPE_OF, write_package
from orchestration.publish.freshness import ESSENTIAL, Measure, measures, surfaces
from orchestration.publish.report import BRIEF, FOLDER, PAGE, write_report
from orchestration.settings import Settings
from orchestration.storage.releases import FILE_NAME, Release, Releases, Table
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST

PUBLISHED_SEEDS = ("scopes",)
# The raw table that lists all responses, of whatever surface.
_LEDGER = "responses"
# A model with so much of the tokens should be classified; what is smaller is listed all the same.
_WORTH_CLASSIFYING = 0.01
_SHOWN = 20
_UNCLASSIFIED = """
    SELECT
        model_permaslug,
        sum(share_model.tokens)::BIGINT AS tokens,
        sum(share_model.tokens) / (SELECT sum(total_tokens) FROM days) AS share,
        any_value(model.weights) AS weights,
        any_value(model.size_class) AS size_class,
        coalesce(any_value(author.country), 'unclassified') AS author_country
    FROM share_model
    JOIN days USING (period, period_start)
    JOIN model USING (model_permaslug)
    JOIN author ON author.author = model.author
    GROUP BY model_permaslug
    ORDER BY tokens DESC
"""
_DAYS = """
    SELECT period, period_start, total_tokens FROM traffic_summary
    WHERE period = 'day' AND period_start > (SELECT max(period_start) - 28 FROM traffic_summary WHERE period = 'day')
"""
# What is worth following over time: Dagster draws each number of every run's `published` as a line.
_FOLLOWED = """
    WITH newest AS (
        SELECT * FROM traffic_summary WHERE period = 'day' ORDER BY period_start DESC LIMIT 28
    ),
    restated AS (
        SELECT sum(abs(change_tokens)) AS tokens FROM restatement
        WHERE slice = 'all' AND date >= (SELECT min(period_start) FROM newest)
    )
    SELECT
        (SELECT count(DISTINCT period_start) FROM share_model WHERE period = 'day') AS days_covered,
        max_by(total_tokens, period_start)::DOUBLE AS newest_day_tokens,
        max_by(other_share, period_start) AS newest_day_unlisted_share,
        max_by(priced_coverage, period_start) AS newest_day_priced_coverage,
        coalesce(any_value(restated.tokens), 0) / sum(total_tokens) AS restated_share_of_28_days,
        (SELECT coalesce(sum(requests), 0)::DOUBLE FROM share_app
            WHERE period = 'day' AND period_start = (SELECT max(period_start) FROM share_app WHERE period = 'day'))
            AS newest_day_app_requests,
        (SELECT count(*) FROM anomaly WHERE is_listed AND date >= (SELECT min(period_start) FROM newest))
            AS anomalies_of_28_days
    FROM newest, restated
"""
_NODES: list[dict[str, Any]] = [
    node
    for node in MANIFEST["nodes"].values()
    if (node["resource_type"] == "model" and node["schema"] == "marts")
    or (node["resource_type"] == "seed" and node["name"] in PUBLISHED_SEEDS)
]


# What the audit and the freshness checks are told by.
_READ_SEEDS = [
    node
    for node in MANIFEST["nodes"].values()
    if node["resource_type"] == "seed" and node["name"] in ("freshness", "overclaims", "overclaim_exemptions")
]


def tables() -> list[Table]:
    """The tables to publish, by name, with their documentation, key and sources."""
    return sorted((_table(node) for node in _NODES), key=lambda table: table.name)


def _table(node: dict[str, Any]) -> Table:
    [key] = [
        test["test_metadata"]["kwargs"]["columns"]
        for test in MANIFEST["nodes"].values()
        if test.get("attached_node") == node["unique_id"] and test["test_metadata"]["name"] == "unique_key"
    ]
    return Table(
        name=node["name"],
        schema=node["schema"],
        description=node["description"],
        columns={name: column["description"] for name, column in node["columns"].items()},
        key=tuple(key),
        surfaces=tuple(node["config"]["meta"].get("surfaces") or sorted(upstream_surfaces(node["unique_id"]))),
        third_party_text=tuple(
            name for name, column in node["columns"].items() if column["meta"].get("third_party_text")
        ),
    )


def upstream_surfaces(unique_id: str) -> set[str]:
    """The surfaces that a model can be made from at all."""
    found = set[str]()
    for parent in MANIFEST["parent_map"][unique_id]:
        if parent.startswith("source."):
            name = MANIFEST["sources"][parent]["name"]
            found |= set(SURFACES) if name == _LEDGER else {name}
        else:
            found |= upstream_surfaces(parent)
    return found


def generation(folder: Path, data: Path, marts: list[Table]) -> ReleaseCandidate:
    """A generation of these tables to be audited, which was made from the warehouse of a data folder."""
    sql = {node["name"]: path.read_text() for node in _NODES if (path := compiled(node, data)).exists()}
    lake = open_lake(Settings.load())
    return ReleaseCandidate(folder, marts, lake.kind, Warehouse(data).path, lake, sql)


def describe(
    node: dict[str, Any], publication: Release, connection: duckdb.DuckDBPyConnection
) -> dict[str, dg.MetadataValue[Any]]:
    """What a person wants to know of a published table."""
    name = node["name"]
    shown: dict[str, dg.MetadataValue[Any]] = {
        "dagster/row_count": dg.MetadataValue.int(publication.rows[name]),
        "bytes": dg.MetadataValue.int((publication.folder / f"{name}.parquet").stat().st_size),
        "preview": dg.MetadataValue.md(markdown_table(connection.table(name).limit(10).to_arrow_table())),
    }
    if "scope_id" in node["columns"] and name != "scopes":
        scopes = connection.table(name).project("scope_id").distinct().fetchall()
        shown["scope"] = dg.MetadataValue.text(", ".join(sorted(scope for (scope,) in scopes)))
    if "as_of" in node["columns"]:
        [(newest,)] = connection.table(name).max("as_of").fetchall()
        shown["newest_as_of"] = dg.MetadataValue.text(str(newest))
    return shown


def classified(connection: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    """How much of the last 28 days' tokens the seeds know, and the models they do not know, by tokens."""
    connection.execute(f"CREATE TEMP TABLE days AS {_DAYS}")
    models = connection.sql(_UNCLASSIFIED)
    [(is_simulated,)] = connection.sql("SELECT bool_or(scope_id = 'simulated') FROM traffic_summary").fetchall()
    known = {
        name: models.filter(f"{name} <> 'unclassified'").aggregate("coalesce(sum(share), 0)").fetchall()[0][0]
        for name in ("weights", "size_class", "author_country")
    }
    unknown = models.filter("'unclassified' IN (weights, size_class, author_country)")
    missing = models.filter(f"'unclassified' IN (weights, author_country) AND share >= {_WORTH_CLASSIFYING}")
    return dg.AssetCheckResult(
        check_name="classified",
        # There is nothing to know of models that do not exist.
        passed=bool(is_simulated) or not missing.fetchall(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{f"known_{name}_share": dg.MetadataValue.float(float(share)) for name, share in known.items()},
            "unclassified_models": len(unknown.fetchall()),
            "by_tokens": dg.MetadataValue.md(markdown_table(unknown.limit(_SHOWN).to_arrow_table())),
        },
    )


@dataclass
class Completion:
    """Puts beside the tables the report and what describes them all, and audits the whole.

    Raises RejectedError if it does not pass. A report that could not be made keeps no table from being published.
    """

    settings: Settings
    marts: list[Table]
    results: list[Result] = field(default_factory=list)
    problem: ReportError | None = None
    warnings: list[str] = field(default_factory=list)

    def __call__(self, publication: Release) -> None:
        made = {
            "source": self.settings.source,
            "clock": source_of(self.settings).now.isoformat(),
            "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        name = publication.folder.name.partition("Z")[0] + "Z"
        scope_id = SCOPE_OF[open_lake(self.settings).kind]
        try:
            self.warnings.extend(write_report(publication.folder, self.marts, made))
        except ReportError as error:
            self.problem = error
            shutil.rmtree(publication.folder / FOLDER, ignore_errors=True)
        write_package(publication.folder, self.marts, scope_id, name, made, __version__)
        self.results.extend(audit(generation(publication.folder, self.settings.data, self.marts)))
        if broken := [str(result) for result in self.results if not result.passed]:
            raise RejectedError("\n".join([f"{len(broken)} of the checks of the whole failed.", *broken]))


def _check_result(result: Result) -> dg.AssetCheckResult:
    sample = "\n\n".join("\n".join(f"- {name}: {value}" for name, value in row.items()) for row in result.sample)
    return dg.AssetCheckResult(
        check_name=result.check.name,
        passed=result.passed,
        metadata={"problems": result.count, "sample": dg.MetadataValue.md(sample or "none")},
    )


def _freshness_results(found: list[Measure]) -> Iterator[dg.AssetCheckResult]:
    """One check a surface; what was never observed is none."""
    for surface in surfaces():
        of_surface = [measure for measure in found if measure.surface == surface]
        states = {measure.state for measure in of_surface} or ({"too old"} if surface in ESSENTIAL else set())
        lines = [
            "| measure | value | stale above | too old above | unit | state |",
            "| --- | --: | --: | --: | --- | --- |",
        ]
        lines += [
            f"| {one.name} | {one.value:.1f} | {one.warn_above:g} | {one.error_above:g} | {one.unit} | {one.state} |"
            for one in of_surface
        ]
        yield dg.AssetCheckResult(
            check_name=f"fresh_{surface}",
            passed=states <= {"fresh"},
            severity=dg.AssetCheckSeverity.ERROR if "too old" in states else dg.AssetCheckSeverity.WARN,
            metadata={
                **{one.name: dg.MetadataValue.float(round(one.value, 2)) for one in of_surface},
                "measures": dg.MetadataValue.md("\n".join(lines)),
            },
        )


PUBLISHED, REPORT = dg.AssetKey("published"), dg.AssetKey("report")


@dg.multi_asset(
    name="publish",
    specs=[
        dg.AssetSpec(
            PUBLISHED,
            deps=[asset_key(node) for node in (*_NODES, *_READ_SEEDS)],
            group_name="published",
            kinds={"duckdb", "parquet"},
            owners=OWNERS,
            metadata=code("orchestration/defs/published.py"),
            freshness_policy=freshness_policy(),
            description=(
                "What people read: `published/routerscope.duckdb`, one Parquet file a mart, `datapackage.json` and "
                "`CITATION.txt`. Only a build that passed every blocking check gets here; it replaces the one before "
                "in one step, and readers of that one keep reading it."
            ),
        ),
        dg.AssetSpec(
            REPORT,
            deps=[PUBLISHED],
            group_name="published",
            kinds={"html", "markdown"},
            owners=OWNERS,
            metadata=code("orchestration/publish/report/__init__.py"),
            freshness_policy=freshness_policy(),
            description=(
                "What people look at: `published/report/index.html`, one page that needs no network, a picture of each "
                "chart, and the newest week in a few cited sentences. Made of the published tables, in the same step."
            ),
        ),
    ],
    check_specs=[
        *(dg.AssetCheckSpec(one.name, asset="published", description=one.description, blocking=True) for one in CHECKS),
        *(
            dg.AssetCheckSpec(
                f"fresh_{surface}",
                asset="published",
                description=(
                    f"What is published of {surface} is no older than the seed `freshness` allows, on the clock of the "
                    "source. The data is looked at, not the run. Does not keep newer data from being published."
                ),
            )
            for surface in surfaces()
        ),
        dg.AssetCheckSpec(
            "classified",
            asset="published",
            description=(
                "Every model with a hundredth or more of the last 28 days' tokens has its weights and its author's "
                "country in the seeds. Lists what is not classified, by tokens."
            ),
        ),
    ],
    pool=POOL,
    required_resource_keys={"folder"},
)
def published(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]  # Dagster wants none
    with failures():
        settings = Settings.load()
        warehouse, completion = Warehouse(settings.data), Completion(settings, tables())
        releases = Releases(settings.data)
        try:
            publication = releases.publish(warehouse, completion.marts, completion)
        except RejectedError as error:
            yield from map(_check_result, completion.results)
            kept = warehouse.reject(str(error))
            raise RejectedError(f"{error}\n{what_was_kept(warehouse, kept)}") from error
    yield from map(_check_result, completion.results)
    for warning in completion.warnings:
        context.log.warning(warning)
    try:
        record(releases.list(), settings.data / CLAIM_HISTORY)
    except WarehouseError as error:
        context.log.warning(str(error))
    scopes: set[str] = set()
    with duckdb.connect(str(publication.folder / FILE_NAME), read_only=True) as connection:
        for node in _NODES:
            shown = describe(node, publication, connection)
            scopes |= {str(shown["scope"].value)} if "scope" in shown else set()
            context.log_event(dg.AssetObservation(asset_key(node), metadata=shown))
        yield classified(connection)
        yield from _freshness_results(measures(connection, source_of(settings).now))
        followed = connection.sql(_FOLLOWED)
        numbers = dict(zip(followed.columns, followed.fetchall()[0], strict=True))
    listing = "\n".join(f"| {name} | {rows:,} |" for name, rows in publication.rows.items())
    yield dg.MaterializeResult(
        asset_key=PUBLISHED,
        metadata={
            "file": dg.MetadataValue.path(releases.published / FILE_NAME),
            "generation": publication.folder.name,
            "scope": ", ".join(sorted(scopes - {""})),
            "tables": len(publication.rows),
            "rows": sum(publication.rows.values()),
            "bytes": publication.size_bytes,
            **{name: float(number) for name, number in numbers.items() if number is not None},
            "contents": dg.MetadataValue.md(f"| mart | rows |\n| --- | ---: |\n{listing}"),
        },
    )
    with failures():
        if completion.problem:
            raise completion.problem
    yield _report_result(publication.folder / FOLDER, releases.published / FOLDER)


def _report_result(folder: Path, shown: Path) -> dg.MaterializeResult[Any]:
    [brief] = folder.glob(BRIEF)
    return dg.MaterializeResult(
        asset_key=REPORT,
        metadata={
            "page": dg.MetadataValue.path(shown / PAGE),
            "bytes": (folder / PAGE).stat().st_size,
            "charts": len(list(folder.glob("*.png"))),
            "brief": dg.MetadataValue.md(brief.read_text(encoding="utf-8")),
        },
    )


@dg.definitions
def published_assets() -> dg.Definitions:
    return dg.Definitions(assets=[published])
