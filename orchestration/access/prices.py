"""Prices of a release for a decision: what a call costs at a model's listed price and at each endpoint, and which
models can serve it at which cost.

The arithmetic is the macro `cost_usd` of the release, and the rules for the price of a day are in `price_on`. How the
answers are shown belongs to the command line.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.access.release import PublishedRelease
from orchestration.errors import QueryError, SettingsError
from orchestration.publish.freshness import limits, measures
from orchestration.storage.sql import literal, rows_as_dicts

# The tables behind each answer, for its citations.
PRICE_TABLES = ("price_history", "price_endpoint_history")
FIND_TABLES = ("price_current", "price_endpoint", "endpoint_uptime", "model", "growth_model", "model_scorecard")
UPTIME_DAYS = 7
# The last days on which endpoints were observed, up to a day, and each endpoint's mean uptime on them.
_UPTIME = f"""
    observed_days as (
        select distinct date from endpoint_uptime where date <= $day order by date desc limit {UPTIME_DAYS}
    ),
    uptime as (
        select
            model_id,
            provider_name,
            endpoint_tag,
            avg(median_uptime_30m_pct) as uptime_7d_pct
        from endpoint_uptime
        inner join observed_days using (date)
        group by model_id, provider_name, endpoint_tag
    )
"""  # noqa: S608  # a constant
# Up to the newest sweep, the endpoints that its responses list; on earlier days, those of the newest response by then.
_ENDPOINTS = f"""
    with {_UPTIME},
    responses as (
        select model_id, max(as_of) as observed_at
        from endpoint_uptime
        where as_of < cast($day + 1 as timestamp)
        group by model_id
    )
    select
        history.*,
        responses.observed_at,
        coalesce(case when newest.as_of = responses.observed_at then newest.is_up end, that_day.up_share = 1) as is_up,
        uptime.uptime_7d_pct
    from price_endpoint_history as history
    inner join responses using (model_id)
    left join uptime using (model_id, provider_name, endpoint_tag)
    left join price_endpoint as newest using (model_id, provider_name, endpoint_tag)
    left join endpoint_uptime as that_day
        on
            history.model_id = that_day.model_id
            and history.provider_name = that_day.provider_name
            and history.endpoint_tag = that_day.endpoint_tag
            and cast(responses.observed_at as date) = that_day.date
    where
        list_contains($models, history.model_id)
        and responses.observed_at between history.valid_from and history.last_seen_at
        and (newest.is_listed or newest.as_of > responses.observed_at or newest.as_of is null)
"""  # noqa: S608
_FIND = f"""
    with {_UPTIME},
    growth as (
        select
            model_permaslug,
            growth_low as growth_28d_low,
            status
        from growth_model
        where horizon = '28d' and window_end = (select max(window_end) from growth_model where horizon = '28d')
    ),
    offers as (
        select
            offers.*,
            uptime.uptime_7d_pct,
            {{offer_cost}} as endpoint_cost_usd
        from price_endpoint as offers
        left join uptime using (model_id, provider_name, endpoint_tag)
        where offers.is_up
    ),
    cheapest_offers as (
        select * from offers
        where {{offer_conditions}} and endpoint_cost_usd is not null
        qualify row_number() over (
            partition by model_id order by endpoint_cost_usd, provider_name, endpoint_tag
        ) = 1
    )
    select
        prices.model_id,
        {{cost}} as cost_usd,
        {{input_cost}} as input_cost_usd,
        {{output_cost}} as output_cost_usd,
        prices.prompt_usd_per_mtok,
        prices.cache_read_usd_per_mtok,
        prices.completion_usd_per_mtok,
        prices.context_length,
        coalesce(models.weights, 'unclassified') as weights,
        offers.provider_name,
        offers.endpoint_tag,
        offers.endpoint_cost_usd,
        offers.uptime_7d_pct,
        prices.endpoints_up,
        prices.endpoints_as_of,
        growth.growth_28d_low,
        growth.status as growth_28d_status,
        prices.expiration_date,
        prices.price_valid_from,
        prices.as_of,
        scorecard.try_reason
    from price_current as prices
    left join model as models on prices.model_permaslug = models.model_permaslug
    left join growth on prices.model_permaslug = growth.model_permaslug
    left join cheapest_offers as offers on prices.model_id = offers.model_id
    left join model_scorecard as scorecard on prices.model_permaslug = scorecard.model_permaslug
    where {{conditions}}
    order by cost_usd nulls last, prices.model_id
"""  # noqa: S608


@dataclass(frozen=True)
class Call:
    """One call by its numbers of tokens. `prompt` includes `cached` and `cache_written`; `time` is UTC.

    Raises SettingsError if a number is negative, or the parts of the prompt are longer than the prompt.
    """

    prompt: int
    completion: int
    cached: int = 0
    cache_written: int = 0
    searches: int = 0
    time: dt.time | None = None

    def __post_init__(self) -> None:
        if min(self.prompt, self.completion, self.cached, self.cache_written, self.searches) < 0:
            raise SettingsError("Numbers of tokens and searches must not be negative. Nothing was computed.")
        if self.cached + self.cache_written > self.prompt:
            raise SettingsError(
                f"The prompt has {self.prompt:,} tokens, but {self.cached:,} cached and {self.cache_written:,} written "
                "to the cache. Both are parts of the prompt. Nothing was computed."
            )

    def cost_sql(self, prices: str) -> str:
        """SQL for the cost in USD at the column `prices`, a decimal."""
        time = "null" if self.time is None else f"time {literal(self.time)}"
        return (
            f"cost_usd({prices}, {self.prompt}, {self.completion}, cached_tokens := {self.cached}, "
            f"cache_written_tokens := {self.cache_written}, searches := {self.searches}, time_utc := {time})"
        )

    @property
    def input_only(self) -> Call:
        """The same call without its answer: what its input costs, under the same conditions."""
        return Call(self.prompt, 0, self.cached, self.cache_written, 0, self.time)


@dataclass(frozen=True)
class Prices:
    """The prices of a model on a day: `listed` and `endpoints` are rows as dictionaries.

    A row of `listed` has the columns of `price_on`, one of `endpoints` those of `price_endpoint_history` with
    observed_at, is_up (at that time; on an earlier day, all day) and uptime_7d_pct. With a call, both have `cost_usd`
    (a decimal, or None if a price that the call needs is unknown) and `input_cost_usd`.
    """

    day: dt.date
    listed: Sequence[dict[str, Any]]
    endpoints: Sequence[dict[str, Any]]
    are_endpoints_too_old: bool


def prices_of(
    release: PublishedRelease, model: str, day: dt.date | None = None, tag: str = "", call: Call | None = None
) -> Prices:
    """The prices of a model (by id or permaslug) on a day, by default the newest; with `tag`, of this endpoint only.

    Raises QueryError if the release knows no such model or endpoint.
    """
    connection = release.connection
    day = day or release.clock.date()
    select = "select *"
    if call:
        input_cost = call.input_only.cost_sql("prices")
        select += f", {call.cost_sql('prices')} as cost_usd, {input_cost} as input_cost_usd"
    name = _known_name(release, model)
    listed = rows_as_dicts(connection.execute(f"{select} from price_on($model, $day)", {"model": name, "day": day}))
    endpoints = rows_as_dicts(
        connection.execute(
            f"{select} from ({_ENDPOINTS}) order by {'cost_usd nulls last, ' if call else ''}"
            "prompt_usd_per_mtok nulls last, completion_usd_per_mtok nulls last, provider_name, endpoint_tag",
            {"models": [row["model_id"] for row in listed], "day": day},
        )
    )
    if tag:
        found = [row for row in endpoints if tag in (row["endpoint_tag"], row["tag"])]
        if not found:
            known = ", ".join(sorted({row["endpoint_tag"] for row in endpoints})) or "none"
            raise QueryError(f"{model} has no endpoint {tag!r} on {day}. Its endpoints then: {known}.")
        endpoints = found
    return Prices(day, listed, endpoints, _is_too_old(endpoints, day))


def _is_too_old(endpoints: Sequence[dict[str, Any]], day: dt.date) -> bool:
    """Whether the endpoints were observed so long before the end of the day that the seed `freshness` rejects them."""
    if not endpoints:
        return False
    day_end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time())
    age = day_end - max(row["observed_at"] for row in endpoints)
    return bool(age > dt.timedelta(days=1, hours=limits("endpoints", "as_of_hours")[1]))


def _known_name(release: PublishedRelease, model: str) -> str:
    """The id or permaslug that the price history knows; gateways put `openrouter/` before it."""
    known = {
        name
        for row in release.connection.execute("select distinct model_id, model_permaslug from price_history").fetchall()
        for name in row
        if name
    }
    for name in (model, model.removeprefix("openrouter/")):
        if name in known:
            return name
    close = difflib.get_close_matches(model, sorted(known), n=3, cutoff=0.5)
    similar = f" Similar: {', '.join(close)}." if close else ""
    raise QueryError(
        f"No list of models that was observed has {model!r}.{similar} The table price_current lists all current ids."
    )


@dataclass(frozen=True)
class Conditions:
    """What a model must have: empty and None conditions do not apply. `max_cost_usd` limits the cost of the call.

    `min_uptime_pct` is the least mean uptime of an endpoint over the last UPTIME_DAYS observed days.
    """

    context: int = 0
    has_tools: bool = False
    is_open: bool = False
    is_growing: bool = False
    max_cost_usd: float | None = None
    min_uptime_pct: float | None = None
    variant: str = "standard"


@dataclass(frozen=True)
class Found:
    """`models`: those that meet the conditions, cheapest call first; `without_cost`: how many have no known cost.

    `unknown`: how many models are left out only because one of these facts about them is unknown. `too_old`: models
    and rankings, if the seed `freshness` rejects their age.
    """

    models: pa.Table
    without_cost: int
    unknown: Mapping[str, int]
    are_endpoints_too_old: bool
    too_old: Collection[str]


# For each condition on a fact that the release may lack: the SQL of the condition, and that the fact is unknown.
_FACTS = {
    "support for tools": ("prices.has_tools", "prices.has_tools is null"),
    "weights": ("models.weights = 'open'", "coalesce(models.weights, 'unclassified') = 'unclassified'"),
    "growth over 28 days": ("growth.growth_28d_low > 0", "growth.growth_28d_low is null"),
    "uptime": (
        "offers.model_id is not null",
        "prices.model_id not in (select model_id from offers where uptime_7d_pct is not null)",
    ),
}


def find_models(release: PublishedRelease, call: Call, wanted: Conditions) -> Found:
    """The models of the newest list that meet the conditions, by the cost of the call at the listed price.

    Beside it stands the cheapest endpoint that is up and meets the conditions. Aliases of other ids are left out.
    """
    of_models = ["not starts_with(prices.model_id, '~')"]
    of_offers = ["true"]
    needed = max(wanted.context, call.prompt + call.completion)
    of_models.append(f"prices.context_length >= {needed}")
    of_offers.append(f"(context_length is null or context_length >= {needed})")
    if wanted.variant != "all":
        of_models.append(f"coalesce(models.variant, 'standard') = {literal(wanted.variant)}")
    if wanted.max_cost_usd is not None:
        of_models.append(f"{call.cost_sql('prices.prices')} <= {wanted.max_cost_usd!r}")
    if wanted.has_tools:
        of_offers.append("coalesce(has_tools, true)")
    if wanted.min_uptime_pct is not None:
        of_offers.append(f"uptime_7d_pct >= {wanted.min_uptime_pct!r}")
    chosen = (wanted.has_tools, wanted.is_open, wanted.is_growing, wanted.min_uptime_pct is not None)
    facts = [name for name, is_chosen in zip(_FACTS, chosen, strict=True) if is_chosen]
    day = release.clock.date()

    def find(unknown: str = "") -> duckdb.DuckDBPyRelation:
        """The models that meet the conditions, or those of which this fact is unknown and that meet all others."""
        conditions = [*of_models, *(_FACTS[name][name == unknown] for name in facts)]
        sql = _FIND.format(
            cost=call.cost_sql("prices.prices"),
            input_cost=call.input_only.cost_sql("prices.prices"),
            output_cost=f"({call.cost_sql('prices.prices')} - {call.input_only.cost_sql('prices.prices')})",
            offer_cost=call.cost_sql("offers.prices"),
            conditions=" and ".join(conditions),
            offer_conditions=" and ".join(of_offers),
        )
        return release.connection.sql(sql, params={"day": day})

    rows = find().to_arrow_table()
    priced = rows.filter(pa.array([cost is not None for cost in rows["cost_usd"].to_pylist()], pa.bool_()))
    observed = [{"observed_at": at} for at in priced["endpoints_as_of"].to_pylist() if at]
    unknown = {name: count for name in facts if (count := len(find(name)))}
    ages = [one for one in measures(release.connection, release.clock) if one.name == "as_of_hours"]
    too_old = {one.surface for one in ages if one.state == "too old"} & {"models", "rankings"}
    return Found(priced, rows.num_rows - priced.num_rows, unknown, _is_too_old(observed, day), too_old)
