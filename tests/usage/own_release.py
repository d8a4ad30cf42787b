"""A published release of a few invented models in a data folder, and logs with known truth priced with it."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import duckdb
from small_release import PLAIN, TIERED, TYPE, prices

from orchestration.folders import PROJECT_DIR
from orchestration.publish.price_functions import price_functions
from orchestration.usage.build import build_own
from orchestration.usage.intake import add_logs
from orchestration.usage.simulated import Draw, write_logs

FIRST, LAST = "2026-07-01 00:00:07", "2026-08-20 09:00:00"
CHEAPER = prices(prompt="0.0000029", completion="0.0000145", cache_read="0.00000029", cache_write="0.000003625")
EU = prices(prompt="0.0000033", completion="0.0000165", cache_read="0.00000033", cache_write="0.000004125")
NIGHTLY = prices({"utc_start": 1630, "utc_end": 30, "prompt": "0.00000005"}, prompt="0.0000001", completion="0.0000002")
FREE = prices(prompt="0", completion="0")
BIG = prices(prompt="0.00001", completion="0.00005")
# (model, provider, endpoint, prices, first and last response with them)
Endpoint = tuple[str, str, str, object, str, str]
ENDPOINTS: list[Endpoint] = [
    # A price that changed at 13:00 on 10 July.
    ("acme/plain", "Acme", "acme", PLAIN, FIRST, "2026-07-10 12:59:59"),
    ("acme/plain", "Acme", "acme", CHEAPER, "2026-07-10 13:00:00", LAST),
    ("acme/plain", "Acme", "acme/eu", EU, FIRST, LAST),
    # Two endpoints of a provider at one price.
    ("acme/plain", "Other", "other/fp8", PLAIN, FIRST, LAST),
    ("acme/plain", "Other", "other/bf16", PLAIN, FIRST, LAST),
    ("acme/plain:free", "Acme", "acme", FREE, FIRST, LAST),
    ("acme/tiered", "Acme", "acme", TIERED, FIRST, LAST),
    ("acme/nightly", "Acme", "acme", NIGHTLY, FIRST, LAST),
    # A change that nobody saw: between two responses, either price may hold.
    ("acme/big", "Acme", "acme", BIG, FIRST, "2026-07-20 06:00:00"),
    ("acme/big", "Acme", "acme", PLAIN, "2026-07-21 18:00:00", LAST),
]
LISTED = {
    "acme/plain": PLAIN,
    "acme/plain:free": FREE,
    "acme/tiered": TIERED,
    "acme/nightly": NIGHTLY,
    "acme/big": BIG,
}
NOW = dt.datetime(2026, 8, 21, tzinfo=dt.UTC)
CALLS = 4_000
# Each format has calls of its own, so that no source reports a call of another.
FORMATS = ("openrouter", "activity", "litellm", "langfuse", "opentelemetry", "plain")
# Only OpenRouter's log reports what searches cost. A plain table does not show failed calls and own keys, and a row of
# /activity adds them up with others.
DRAWS = {
    "openrouter": Draw(own_key_share=0.2),
    "litellm": Draw(search_share=0, own_key_share=0.2),
    "langfuse": Draw(search_share=0, own_key_share=0),
}
PLAIN_DRAW = Draw(search_share=0, own_key_share=0, failed_share=0)
_URL = "https://openrouter.ai/models"


def publish(data: Path, name: str, endpoints: Sequence[Endpoint] = ENDPOINTS, last_seen: str = LAST) -> Path:
    """Publish a release with these endpoint prices, and without any other; returns its DuckDB file."""
    folder = data / "releases" / name
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "routerscope.duckdb")) as connection:
        _fill(connection, endpoints, last_seen)
    link = data / "published.new"
    link.symlink_to(folder)
    link.replace(data / "published")
    return folder / "routerscope.duckdb"


def _fill(connection: duckdb.DuckDBPyConnection, endpoints: Sequence[Endpoint], last_seen: str) -> None:
    macros = PROJECT_DIR / "dbt_project" / "macros" / "cost.sql"
    # As in dbt's manifest, which takes seconds to make.
    manifest = {"macros": {"cost": {"original_file_path": str(macros), "macro_sql": macros.read_text("utf-8")}}}
    connection.execute(f"create macro {price_functions(manifest)[0].definition}")
    columns = (
        f"prices {TYPE}, valid_from timestamp, valid_to timestamp, not_before timestamp, last_seen_at timestamp, "
        "source_url varchar, checked_at timestamp, scope_id varchar"
    )
    connection.execute(
        "create table price_endpoint_history "
        f"(model_id varchar, provider_name varchar, endpoint_tag varchar, context_length bigint, {columns})"
    )
    connection.execute(f"create table price_history (model_id varchar, {columns})")
    for model, provider, tag, listed, first, last in endpoints:
        later = [one[4] for one in endpoints if one[:3] == (model, provider, tag) and one[4] > first]
        # The response before the first one with the price.
        earlier = [at for one in endpoints if one[0] == model for at in one[4:] if at < first]
        connection.execute(
            "insert into price_endpoint_history values (?, ?, ?, 200000, ?, ?, ?, ?, ?, ?, ?, 'simulated')",
            [
                model,
                provider,
                tag,
                listed,
                first,
                min(later, default=None),
                max(earlier, default=None),
                last,
                _URL,
                last,
            ],
        )
    for model, listed in LISTED.items():
        connection.execute(
            "insert into price_history values (?, ?, ?, null, null, ?, ?, ?, 'simulated')",
            [model, listed, FIRST, last_seen, _URL, last_seen],
        )
    connection.execute(
        """
        create table model as
        select
            split_part(model_id, ':', 1) || '-20260101' || regexp_extract(model_id, ':.*') as model_permaslug,
            split_part(model_id, ':', 1) || '-20260101' as base_slug,
            if(contains(model_id, ':'), split_part(model_id, ':', 2), 'standard') as variant,
            'acme' as author, model_id, if(model_id = 'acme/big', 'closed', 'open') as weights,
            200000::bigint as context_length, ['text'] as output_modalities, null::varchar as alias_target_slug
        from price_history
        """
    )
    connection.execute("create table price_current as select model_id, prices from price_history")
    shares = "'month' as period, date '2026-07-01' as period_start, 0.5::double as share, 0.6::double as share_high, "
    shares += "1::bigint as rank, timestamp '2026-08-01 00:05:00' as as_of"
    connection.execute(f"create table share_model as select model_permaslug, {shares} from model")
    connection.execute(f"create table share_author as select 'acme' as author, {shares}")
    connection.execute(
        "create table share_segment as "
        f"select 'weights' as segment_type, unnest(['open', 'closed']) as segment, {shares}"
    )
    connection.execute(
        """
        create table model_scorecard as
        select
            model_id, row_number() over (order by model_id) as rank, 0.1::double as share,
            null::double as share_change_28d_pp, null::double as intelligence_index, null::double as coding_index,
            null::double as agentic_index, if(model_id = 'acme/tiered', 'Cheap.', null) as try_reason
        from model where variant = 'standard'
        """
    )
    moments = [dt.datetime.fromisoformat(FIRST), dt.datetime.fromisoformat(last_seen)]
    days = [moments[0] + dt.timedelta(days=number) for number in range((moments[1] - moments[0]).days)]
    connection.execute("create table provenance (surface varchar, as_of timestamp)")
    connection.executemany("insert into provenance values ('models', ?)", [[moment] for moment in (*days, moments[1])])
    connection.execute("create table scopes as select 'simulated' as scope_id, 'Simulated.' as statement")
    connection.execute(
        "create table citations as select unnest(['models', 'endpoints']) as surface, "
        "'Simulated by Routerscope. This is not OpenRouter data.' as citation"
    )


def priced_logs(data: Path) -> None:
    """Publish a release in a data folder, and price logs of all formats; what is true of them is in `truth/`."""
    release = publish(data, "20260820T090000.000000Z")
    for seed, name in enumerate(FORMATS):
        folder = data / "truth" / name
        write_logs(release, folder, CALLS, seed, [name], DRAWS.get(name, PLAIN_DRAW))
        add_logs(data, [folder / "logs"], NOW)
    assert build_own(data)
