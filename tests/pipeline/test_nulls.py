"""A field that the API omits does not prevent a release: models, data tests, contracts and readers handle its null.

In a small simulated world, every nullable field of the raw schema is set to null in the leading members of its surface:
in the newest response, or in every response. Many fields are null at a time; the long tests set them one by one.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import Run, new_responses
from in_memory import Built, Compiled

from orchestration.alerts.events import release_alerts
from orchestration.cli.run_summary import result_lines
from orchestration.errors import RouterscopeError
from orchestration.openrouter.schemas import PRICES
from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.audit import CHECKS
from orchestration.publish.candidate import ReleaseCandidate
from orchestration.publish.catalog import published_tables
from orchestration.publish.classification import classify
from orchestration.publish.report import writer
from orchestration.settings import Settings
from orchestration.storage.lake import Lake
from orchestration.storage.releases import FILE_NAME
from orchestration.transform.manifest import MANIFEST

pytestmark = pytest.mark.xdist_group("nulls")

# The smallest world with a whole week, growth over 28 days, and every surface.
SIMULATION = json.dumps({"models": 60, "days": 62, "observations": 4})
# Release checks that need only the published tables and the report.
RELEASE_CHECKS = ("provenance", "scope", "overclaims")

# The key of each surface's rows, and the SQL that selects the three leading members.
NEWEST_DAY = "period = 'day' and period_start = (select max(period_start) from marts.share_model where period = 'day')"
LEADING_SLUGS = f"select model_permaslug from marts.share_model where {NEWEST_DAY} order by rank limit 3"
LEADING_IDS = f"""
    select model_id from marts.spend_model
    where {NEWEST_DAY} and price_class = 'paid'
        and model_id in (select model_id from raw.endpoints where endpoint_no is not null)
    order by tokens desc limit 3
"""
LEADERS = {
    "rankings": ("model_permaslug", LEADING_SLUGS),
    "rankings_export": ("model_permaslug", LEADING_SLUGS),
    "models": ("id", LEADING_IDS),
    "endpoints": ("model_id", LEADING_IDS),
    "apps": (
        "app_id",
        "select app_id from marts.share_app where period = 'day' order by period_start desc, rank limit 3",
    ),
    "tasks": ("tag", "select tag from raw.tasks group by tag order by max(token_share) desc limit 3"),
    "session_cost": ("app_slug", "select distinct app_slug from raw.session_cost order by app_slug limit 3"),
    "benchmarks": (
        "model_permaslug",
        "select model_permaslug from raw.benchmarks group by all order by max(intelligence_index) desc nulls last "
        "limit 3",
    ),
    "providers": (
        "slug",
        "select provider_slug from marts.provider where provider_slug is not null order by endpoints desc limit 3",
    ),
}
# Fields that come from the request or the parser, so that the API cannot omit them.
NOT_FROM_API = {
    ("rankings", "modality"),
    ("rankings", "context_bucket"),
    ("rankings", "category"),
    ("rankings", "language_type"),
    ("apps", "category"),
    ("endpoints", "endpoint_no"),
}


@dataclass(frozen=True)
class Null:
    """A field of a raw table, and the SQL assignment that sets it to null."""

    surface: str
    field: str
    assignment: str

    def __str__(self) -> str:
        return f"{self.surface}.{self.field}"


def _nulls(surface: str) -> Iterator[Null]:
    """Every nullable field of a surface, and every nullable field inside its lists and structs."""
    for field in SURFACES[surface].schema:
        if not field.nullable or (surface, field.name) in NOT_FROM_API:
            continue
        yield Null(surface, field.name, f"{field.name} = null")
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            inside = field.type.value_type
            for part in (part for part in inside if part.nullable):
                changed = f"list_transform({field.name}, lambda one: {_without(part.name, inside, 'one')})"
                yield Null(surface, f"{field.name}[].{part.name}", f"{field.name} = {changed}")
        elif pa.types.is_struct(field.type):
            for part in field.type:
                changed = _without(part.name, field.type, field.name)
                yield Null(surface, f"{field.name}.{part.name}", f"{field.name} = {changed}")


def _without(name: str, struct: pa.StructType, value: str) -> str:
    parts = (f"'{part.name}': {'null' if part.name == name else f'{value}.{part.name}'}" for part in struct)
    return f"{{{', '.join(parts)}}}"


NULLS = [null for surface in LEADERS for null in _nulls(surface)]
# A model without one of these is used in fewer places, so its other fields would not be tested together with them.
PERMASLUG = [null for null in NULLS if null.field == "canonical_slug"]
PROMPT_PRICE = [null for null in NULLS if null.field == "pricing_prompt"]
# A list or struct that is null has no fields inside, so these are tested separately too.
FIELDS_INSIDE = [null for null in NULLS if "." in null.field]
WHOLE_FIELDS = [null for null in NULLS if null not in [*PERMASLUG, *PROMPT_PRICE, *FIELDS_INSIDE]]


@dataclass(frozen=True)
class Omission:
    """Fields that responses lack about one member of their surface.

    `place`: 0 for the leading member, 1 for the next; `responses`: newest or every.
    """

    nulls: list[Null]
    place: int
    responses: str

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.nulls))} of member {self.place} in {self.responses}"


class World:
    """A simulated world in a built warehouse; `nulled` rebuilds it without some fields, then rolls back."""

    def __init__(self, compiled: Compiled, lake: Path) -> None:
        self.compiled = compiled
        self.connection = compiled.connect()
        compiled.load(self.connection, lake)
        # Simulated overrides lack some fields; with these, each can be set to null.
        prices = ", ".join(f"'{name}': 0.000002" for name in PRICES)
        override = f"{{'min_prompt_tokens': 200000, 'utc_start': 100, 'utc_end': 900, {prices}, 'extra': '{{}}'}}"
        self.connection.execute(f"update raw.models set pricing_overrides = [{override}]")
        self.connection.execute(
            f"update raw.endpoints set pricing_overrides = [{override}] where endpoint_no is not null"
        )
        self.built = compiled.run(self.connection, compiled.models)
        self.members = {surface: [one for (one,) in self.built.query(sql)] for surface, (_, sql) in LEADERS.items()}

    @contextmanager
    def nulled(self, omissions: list[Omission]) -> Iterator[Built]:
        with self.built.rolled_back():
            for one in omissions:
                for null in one.nulls:
                    key, _ = LEADERS[null.surface]
                    where = f"{key} = $member"
                    if one.responses == "newest":
                        where += f" and as_of = (select max(as_of) from raw.{null.surface} where {where})"
                    [(changed,)] = self.connection.execute(
                        f"update raw.{null.surface} set {null.assignment} where {where}",
                        {"member": self.members[null.surface][one.place]},
                    ).fetchall()
                    assert changed, f"no row to change: {one}"
            surfaces = {null.surface for one in omissions for null in one.nulls}
            yield self.compiled.run(self.connection, self.compiled.downstream(*surfaces))

    def problems(self, omissions: list[Omission], folder: Path) -> dict[str, object]:
        """What fails without these fields, by name: a model, data test, contract, release check or reader."""
        try:
            with self.nulled(omissions) as built:
                broken = built.broken_laws() | built.broken_contracts()
                return broken or _broken_readers(built, folder)
        except (duckdb.Error, RouterscopeError) as error:
            return {type(error).__name__: str(error)}


def _broken_readers(built: Built, folder: Path) -> dict[str, object]:
    """The release checks that fail, after every reader of the published tables has read these."""
    published = folder / "published"
    published.mkdir(parents=True)
    marts = published_tables(MANIFEST)
    for mart in marts:
        built.query(f"copy {mart.schema}.{mart.name} to '{published / mart.name}.parquet'")
    with duckdb.connect(str(published / FILE_NAME)) as file:
        for mart in marts:
            file.execute(f"create table {mart.name} as from read_parquet('{published / mart.name}.parquet')")
    made = {"source": "simulator", "clock": "2026-11-26", "created": "2026-11-26"}
    found: dict[str, object] = {"pictures": writer.write_report(published, marts, made)}
    assert release_alerts(published)
    assert result_lines(Settings.load().model_copy(update={"data_dir": folder}))
    with duckdb.connect(str(published / FILE_NAME)) as file:
        classify(file)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published / FILE_NAME}' as published (read_only); use published")
        candidate = ReleaseCandidate(published, marts, "simulated", published, Lake(folder / "raw"))
        found |= {one.name: list(one.find(candidate, connection)) for one in CHECKS if one.name in RELEASE_CHECKS}
    return {name: rows for name, rows in found.items() if rows}


@pytest.fixture(scope="module")
def world(everything: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("nulls")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("SOURCE", "simulator"), ("SIMULATOR", SIMULATION), ("DATA_DIR", str(data))):
            patched.setenv(f"ROUTERSCOPE_{name}", value)
        new_responses()
        world = World(Compiled(everything.data), data / "raw")
        assert world.built.broken_laws() == {}
        yield world
        world.connection.close()


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts take most of the time, so they are drawn in one case only."""
    monkeypatch.setattr(writer, "_draw", lambda *_: [])


@pytest.fixture
def without_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG is made of a finished SVG, which has no nulls."""
    render = writer.render
    monkeypatch.setattr(writer, "render", lambda charts: render(one for one in charts if one[0].suffix == ".svg"))


def _assert_nothing_breaks(world: World, omissions: list[Omission], folder: Path) -> None:
    """On failure, each field is tested by itself to find the cause."""
    if found := world.problems(omissions, folder / "all"):
        single = [Omission([null], one.place, one.responses) for one in omissions for null in one.nulls]
        causes = [one for one in single if world.problems([one], folder / str(one))]
        pytest.fail(f"without {'; '.join(map(str, causes or omissions))}: {found}")


@pytest.mark.usefixtures("without_png")
def test_omitted_fields_break_nothing(world: World, tmp_path: Path) -> None:
    _assert_nothing_breaks(world, [Omission(WHOLE_FIELDS, 0, "every"), Omission(WHOLE_FIELDS, 1, "newest")], tmp_path)


@pytest.mark.usefixtures("without_charts")
def test_omitted_fields_that_hide_others_break_nothing(world: World, tmp_path: Path) -> None:
    groups = [PERMASLUG, PROMPT_PRICE, FIELDS_INSIDE]
    _assert_nothing_breaks(world, [Omission(group, place, "newest") for place, group in enumerate(groups)], tmp_path)


# Half an hour each: in groups of their own, they run side by side.
@pytest.mark.long
@pytest.mark.parametrize(
    "responses", [pytest.param(one, marks=pytest.mark.xdist_group(f"nulls_{one}")) for one in ("newest", "every")]
)
@pytest.mark.parametrize("place", [0, 1], ids=["leader", "follower"])
@pytest.mark.usefixtures("without_charts")
def test_each_omitted_field_breaks_nothing(world: World, tmp_path: Path, place: int, responses: str) -> None:
    together = [WHOLE_FIELDS, FIELDS_INSIDE, PERMASLUG, PROMPT_PRICE]
    for number, nulls in enumerate([*together, *([null] for null in NULLS)]):
        _assert_nothing_breaks(world, [Omission(nulls, place, responses)], tmp_path / f"{number}")


def test_null_that_breaks_a_model_is_reported(world: World, tmp_path: Path) -> None:
    """Proves that `problems` finds a fault: every app share needs the omitted field."""
    required = Null("apps", "total_tokens", "total_tokens = null")
    assert world.problems([Omission([required], 0, "every")], tmp_path)
