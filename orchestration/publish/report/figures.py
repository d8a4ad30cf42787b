"""The figures of the report: the rows of each, the columns of its table, its title and the function that draws it.

Values come from the published marts. A query computes only what a chart needs beside them: sums of the members that
are not named, means over seven days, and shares of a range. Drawing is in `charts`, titles are in `findings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from orchestration.publish.report import charts, findings
from orchestration.publish.report.charts import Draw
from orchestration.publish.report.findings import Finding
from orchestration.publish.report.formats import (
    COUNT,
    DATE,
    FRACTION,
    GROWTH,
    PERCENT_CHANGE,
    POINTS,
    POINTS_OF_10000,
    PRICE,
    RANKS,
    SHARE,
    TIMESTAMP,
    TOKEN_COUNT,
    TOKENS,
    UPTIME,
    USD,
    YES_NO,
    Column,
)
from orchestration.publish.seeds import read_seed


@dataclass(frozen=True)
class Figure:
    """A chart with its table, or a table alone if `draw` is None.

    `topic` names it in the navigation and in files, `measure` defines what it shows. `sql` selects its rows with the
    columns, the key of the mart (null for a row that is no row of the mart), source_url, as_of, oldest_as_of and
    checked_at; it may use the views of `views.sql`. A figure without rows is left out of the report.
    """

    id: str
    topic: str
    measure: str
    mart: str
    key: Sequence[str]
    columns: Sequence[Column]
    sql: str
    finding: Finding
    draw: Draw | None = None

    @property
    def subject(self) -> str:
        """The column that names a row."""
        names = [column.name for column in self.columns]
        return "name" if "name" in names else next(name for name in ("surface", "period_start") if name in names)

    @property
    def marts(self) -> list[str]:
        """The marts whose figures it shows."""
        return list(dict.fromkeys([self.mart, *(column.mart for column in self.columns if column.mart)]))


@dataclass(frozen=True)
class Section:
    """A section of the report."""

    id: str
    title: str
    figures: Sequence[Figure]


_WEEK = Column("period_start", "week of", DATE)
_DAY = Column("period_start", "day", DATE)
_SHARE = Column("share", "share", SHARE)
_SHARE_HIGH = Column("share_high", "share at most", SHARE)
_TOKENS = Column("tokens", "tokens", TOKENS)
_MODEL_KEY = ("period", "period_start", "model_permaslug")
_INPUT = Column("prompt_usd_per_mtok", "input price", PRICE, "spend_model", _MODEL_KEY)
_OUTPUT = Column("completion_usd_per_mtok", "output price", PRICE, "spend_model", _MODEL_KEY)


def _name(title: str) -> Column:
    return Column("name", title, mart=None)


LEADERBOARD = Figure(
    "leaders",
    "Leading models",
    "Share of all tokens in {period}, with the prices listed at that time, in USD per million tokens. A variant, such "
    "as a free one, counts as a model of its own.",
    "share_model",
    _MODEL_KEY,
    (
        Column("rank", "rank", COUNT),
        Column("rank_change", "change of rank", RANKS, "growth_model", ("window_end", "horizon", "model_permaslug")),
        _name("model"),
        Column("author_name", "author", mart=None),
        _SHARE,
        Column(
            "share_change_pp",
            "change of share, points",
            POINTS,
            "growth_model",
            ("window_end", "horizon", "model_permaslug"),
        ),
        _INPUT,
        _OUTPUT,
        Column("context_length", "context window", TOKEN_COUNT, "model", ("model_permaslug",)),
        Column("weights", "weights", mart="model", key=("model_permaslug",)),
    ),
    """
    select
        share_model.period, share_model.period_start, share_model.model_permaslug, newest.period_end as window_end,
        newest.horizon,
        share_model.rank, rank_change, model_name as name, author_name, share_model.share, share_change_pp,
        prompt_usd_per_mtok, completion_usd_per_mtok, context_length, weights,
        share_model.source_url, share_model.as_of as source_as_of, price_source_url, price_as_of,
        greatest(share_model.as_of, period_prices.as_of) as as_of,
        least(share_model.oldest_as_of, period_prices.oldest_as_of) as oldest_as_of,
        greatest(share_model.checked_at, period_prices.checked_at) as checked_at,
        -- The line of shares in the row, oldest first; null where the model was not listed.
        (
            select list(recent.share order by periods.period_start)
            from (select distinct period_start from traffic_summary where period = newest.period) as periods
            left join share_model as recent
                on recent.period = newest.period and recent.period_start = periods.period_start
                and recent.model_permaslug = share_model.model_permaslug
            where periods.period_start > newest.period_start - if(newest.period = 'week', 12 * 7, 12)
        ) as history,
    from share_model
    join newest using (period, period_start)
    join model_names using (model_permaslug)
    join model using (model_permaslug)
    left join period_prices using (model_permaslug)
    left join growth_model
        on growth_model.model_permaslug = share_model.model_permaslug
        and growth_model.horizon = newest.horizon and growth_model.window_end = newest.period_end
    order by share_model.rank, model_permaslug
    """,
    findings.leading_models,
)

TOTAL = Figure(
    "traffic",
    "Traffic",
    "Tokens a day of all public models, listed and unlisted. Line: mean of seven days; dots: single days.",
    "traffic_summary",
    ("period", "period_start"),
    (
        _DAY,
        Column("total_tokens", "tokens", TOKENS),
        Column("mean_tokens", "mean of seven days", TOKENS, mart=None),
        Column("growth_7d", "growth over 7 days", GROWTH),
        Column("growth_28d", "growth over 28 days", GROWTH),
        Column("other_share", "share of unlisted models", SHARE),
    ),
    """
    select
        *,
        if(count(*) over seven_days = 7, avg(total_tokens) over seven_days, null) as mean_tokens,
    from traffic_summary
    where period = 'day'
    window seven_days as (order by period_start range between interval 6 day preceding and current row)
    qualify period_start > max(period_start) over () - 120
    order by period_start
    """,
    findings.traffic,
    charts.total,
)
MODELS = Figure(
    "models",
    "Models day by day",
    "Share of tokens of the five leading models of {period} and of the leader of the newest day. Line: share over "
    "seven days; dots: single days. On a day without a dot the model was not listed, so its tokens are unknown.",
    "share_model",
    _MODEL_KEY,
    (
        _DAY,
        _name("model"),
        Column("rank", "rank", COUNT),
        _SHARE,
        Column("mean_share", "share over seven days", SHARE, mart=None),
        _TOKENS,
    ),
    """
    with daily as (
        select
            *,
            if(count(*) over seven_days = 7, sum(tokens) over seven_days / sum(total_tokens) over seven_days, null)
                as mean_share,
        from share_model
        where period = 'day'
        window seven_days as (
            partition by model_permaslug order by period_start range between interval 6 day preceding and current row
        )
    ),
    shown as (
        select model_permaslug, rank as place from share_model join newest using (period, period_start) where rank <= 5
        union
        select model_permaslug, 6 from daily where rank = 1 and period_start = (select max(period_start) from daily)
    )
    select daily.*, model_name as name, min(place) as place
    from daily
    join shown using (model_permaslug)
    join model_names using (model_permaslug)
    where period_start > (select max(period_start) - 60 from daily)
    group by all
    order by place, model_permaslug, period_start
    """,
    findings.leader_by_day,
    charts.small_multiples,
)


def _stack(
    identifier: str, topic: str, member: Column, measure: str, mart: str, key: str, rows: str, finding: Finding
) -> Figure:
    """Weekly shares of all tokens. `rows` has `name`, `place` (its order in the stack), `is_named` and the key."""
    return Figure(
        identifier,
        topic,
        measure,
        mart,
        ("period", "period_start", *key.split()),
        (_WEEK, member, _SHARE, _SHARE_HIGH, _TOKENS),
        f"select * from ({rows}) order by period_start, place, name",  # noqa: S608  # our own words
        finding,
        charts.stack,
    )


AUTHORS = _stack(
    "authors",
    "Authors",
    _name("author"),
    "Share of all tokens by author, each week. An author is the company or person that made a model, not the provider "
    "that hosts it. Unlisted models, below the 50 that OpenRouter lists each day, cannot be attributed.",
    "share_author",
    "author",
    """
    with leaders as (
        select author, rank as place from share_author join newest using (period, period_start) where rank <= 7
    ),
    listed as (
        select share_author.*, place
        from share_author
        join recent_weeks using (period_start)
        left join leaders using (author)
        where period = 'week'
    )
    select
        period, period_start, author, author_name as name, place, true as is_named, share, share_high, tokens,
        source_url, as_of, oldest_as_of, checked_at,
    from listed
    join author_names using (author)
    where place is not null
    union all by name
    select
        period, period_start, 'Other authors' as name, 90 as place, false as is_named,
        sum(share) as share, sum(tokens) as tokens, any_value(source_url) as source_url,
        max(as_of) as as_of, min(oldest_as_of) as oldest_as_of, max(checked_at) as checked_at,
    from listed
    where place is null
    group by period, period_start
    union all by name
    select
        period, period_start, 'Unlisted models' as name, 99 as place, false as is_named,
        other_share as share, other_tokens as tokens, source_url, as_of, oldest_as_of, checked_at,
    from traffic_summary
    join recent_weeks using (period_start)
    where period = 'week' and other_tokens > 0
    """,
    findings.leading_member,
)


def _segments(identifier: str, topic: str, member: Column, measure: str, kind: str, finding: Finding) -> Figure:
    return _stack(
        identifier,
        topic,
        member,
        measure,
        "share_segment",
        "segment_type segment",
        f"""
        select
            share_segment.*, coalesce(segment_name, segment) as name, coalesce(place, 89) as place,
            coalesce(place, 89) < 90 as is_named,
        from share_segment
        join recent_weeks using (period_start)
        left join segment_names using (segment_type, segment)
        where period = 'week' and segment_type = '{kind}'
        """,  # noqa: S608  # our own word
        finding,
    )


COUNTRIES = _segments(
    "countries",
    "Countries",
    _name("country of the author"),
    "Share of all tokens by the country of the author's headquarters, each week; not the country of users or servers. "
    "seeds/authors.csv has the evidence.",
    "author_country",
    findings.leading_member,
)
WEIGHTS = _segments(
    "weights",
    "Open weights",
    _name("weights"),
    "Share of all tokens by whether the model's weights can be downloaded, each week. The classification is ours; "
    "seeds/model_weights.csv has the evidence. Unlisted models may be of either kind.",
    "weights",
    findings.member("Open weights"),
)
PAID = _segments(
    "free",
    "Free models",
    _name("price"),
    "Share of all tokens by whether the listed price is zero for the caller, each week.",
    "price_class",
    findings.member("Free models"),
)
GROWTH_OF_AUTHORS = Figure(
    "growth",
    "Growth of authors",
    "Tokens of the newest 28 days against the 28 before, for the twelve authors with the largest certain change in "
    "tokens. Where a model was not listed every day, growth is a range.",
    "growth_author",
    ("window_end", "horizon", "author"),
    (
        _name("author"),
        Column("window_end", "last day", DATE),
        _TOKENS,
        Column("base_tokens", "tokens before", TOKENS),
        Column("growth_low", "growth at least", GROWTH),
        Column("growth", "growth", GROWTH),
        Column("growth_high", "growth at most", GROWTH),
        Column("share_change_pp", "change of share, points", POINTS),
        Column("rank_change", "change of rank", RANKS),
    ),
    """
    select growth_author.*, author_name as name
    from growth_author
    join author_names using (author)
    where horizon = '28d' and growth_low is not null and growth_high is not null
        and window_end = (select max(window_end) from growth_author where horizon = '28d')
    order by greatest(tokens - base_tokens_high, base_tokens - tokens_high, 0) desc, author
    limit 12
    """,
    findings.gained_most,
    charts.growth,
)
DRIVERS = Figure(
    "drivers",
    "Drivers of growth",
    "How the tokens of the 28 days before became those of the newest 28 days: the ten largest contributions, and all "
    "others together. New models were created within the newest 28 days. Models listed in one window only entered or "
    "left OpenRouter's list of 50, which says little about their traffic.",
    "growth_drivers",
    ("window_end", "horizon", "dimension", "member"),
    (
        _name("part"),
        Column("contribution_pp", "contribution to growth, points", POINTS),
        Column("change_tokens", "change in tokens", TOKENS),
        Column("window_end", "last day", DATE),
    ),
    """
    with members as (
        select *, row_number() over (order by abs(change_tokens) desc, member) as place
        from growth_drivers
        where horizon = '28d' and dimension = 'author'
            and window_end = (select max(window_end) from growth_drivers where horizon = '28d')
    ),
    named as (
        select
            window_end, horizon, dimension, if(place <= 10, member, null) as member,
            if(place <= 10, coalesce(driver_name, author_name, member_name), 'All others') as name,
            sum(contribution_pp) as contribution_pp,
            sum(change_tokens) as change_tokens,
            any_value(base_total_tokens) as base_total_tokens,
            any_value(total_tokens) as total_tokens,
            any_value(source_url) as source_url,
            max(as_of) as as_of, min(oldest_as_of) as oldest_as_of, max(checked_at) as checked_at,
        from members
        left join driver_names using (member)
        left join author_names on author_names.author = member
        group by all
    )
    select * from named
    order by member is null, member in ('other'), change_tokens desc, name
    """,
    findings.drivers,
    charts.waterfall,
)

# Models of the report's period with their prices.
_PRICED = """
    select
        period_prices.period, period_prices.period_start, model_permaslug, rank, model_name as name, author_name,
        share, prompt_usd_per_mtok, completion_usd_per_mtok, price_basis,
        share_model.source_url, share_model.as_of as source_as_of, price_source_url, price_as_of,
        greatest(share_model.as_of, period_prices.as_of) as as_of,
        least(share_model.oldest_as_of, period_prices.oldest_as_of) as oldest_as_of,
        greatest(share_model.checked_at, period_prices.checked_at) as checked_at,
    from share_model
    join newest using (period, period_start)
    join period_prices using (model_permaslug)
    join model_names using (model_permaslug)
"""


def _price_figure(kind: str, column: Column, colour: str) -> Figure:
    return Figure(
        f"{kind}-price",
        f"{kind.capitalize()} price and share",
        f"Listed {kind} price and share of tokens of each model in {{period}}. The chart does not show that one causes "
        "the other.",
        "share_model",
        _MODEL_KEY,
        (_name("model"), Column("rank", "rank", COUNT), column, _SHARE),
        f"{_PRICED} where {column.name} is not null order by rank, model_permaslug",
        findings.cheap_share(column.name, kind),
        partial(charts.price_share, price=column.name, colour=colour),
    )


INPUT_PRICE = _price_figure("input", _INPUT, charts.INPUT)
OUTPUT_PRICE = _price_figure("output", _OUTPUT, charts.OUTPUT)
PRICE_CHANGES = Figure(
    "price-changes",
    "Price changes",
    "Models whose listed price per million tokens changed in the 30 days before the newest list: the price then and "
    "now, the largest differences first, at most 40. A price may change several times and return.",
    "price_history",
    ("model_id", "valid_from"),
    (
        _name("model"),
        Column("prompt_before", "input from", PRICE, mart=None),
        Column("prompt_usd_per_mtok", "input to", PRICE),
        Column("prompt_change", "input change", PERCENT_CHANGE, mart=None),
        Column("completion_before", "output from", PRICE, mart=None),
        Column("completion_usd_per_mtok", "output to", PRICE),
        Column("completion_change", "output change", PERCENT_CHANGE, mart=None),
        Column("valid_from", "last change seen", DATE),
        Column("changes", "changes", COUNT, mart=None),
    ),
    """
    with changed as (
        select *
        from price_history
        where valid_from > (select max(last_seen_at) - interval 30 day from price_history)
            and model_id not like '~%'
            and (
                prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
                or completion_usd_per_mtok <> previous_completion_usd_per_mtok
            )
    ),
    newest as (
        select
            *,
            count(*) over of_model as changes,
            first_value(previous_prompt_usd_per_mtok) over of_model as prompt_before,
            first_value(previous_completion_usd_per_mtok) over of_model as completion_before,
        from changed
        window of_model as (
            partition by model_id order by valid_from rows between unbounded preceding and unbounded following
        )
        qualify row_number() over (partition by model_id order by valid_from desc) = 1
    ),
    compared as (
        select
            *,
            100 * (prompt_usd_per_mtok / nullif(prompt_before, 0) - 1) as prompt_change,
            100 * (completion_usd_per_mtok / nullif(completion_before, 0) - 1) as completion_change,
            -- The direction of the input price; of the output price where that of the input is the same.
            coalesce(
                nullif(sign(prompt_usd_per_mtok - prompt_before), 0),
                sign(completion_usd_per_mtok - completion_before)
            ) as direction,
        from newest
    )
    select
        compared.*, coalesce(model_name, model_id) as name,
        count(*) filter (where direction < 0) over () as cheaper,
        count(*) filter (where direction > 0) over () as dearer,
        count(*) filter (where direction = 0) over () as same,
    from compared
    left join price_names using (model_id)
    -- A change from a price of 0 has no percentage and comes first.
    order by
        (prompt_before = 0 and prompt_usd_per_mtok > 0) or (completion_before = 0 and completion_usd_per_mtok > 0) desc,
        -- A cut to a tenth is as large as a rise to ten times the price.
        greatest(
            abs(ln(nullif(prompt_usd_per_mtok, 0) / nullif(prompt_before, 0))),
            abs(ln(nullif(completion_usd_per_mtok, 0) / nullif(completion_before, 0)))
        ) desc nulls last,
        model_id
    limit 40
    """,
    findings.price_changes,
)


def _token_mix_basis(mix_class: str) -> str:
    """The basis of the token split of a class, from the seed `token_mix`."""
    return next(row["basis"] for row in read_seed("token_mix") if row["mix_class"] == mix_class)


_SPEND_ROWS = """
    select spend_author.*, author_name as name, share
    from spend_author
    join newest using (period, period_start)
    join share_author using (period, period_start, author)
    join author_names using (author)
    where spend_plausible_high is not null
"""
DOLLARS = Figure(
    "dollars",
    "Tokens and dollars",
    "Share of tokens (dot) and of implied spend at list prices (range) of the twelve authors with the largest spend in "
    "{period}. The source does not publish how tokens split into input, output and cached input, so spend is a range: "
    "its low end sets this author's lowest spend against the highest of all others.",
    "share_author",
    ("period", "period_start", "author"),
    (
        _name("author"),
        _SHARE,
        Column("spend_share_low", "share of spend at least", FRACTION, mart=None),
        Column("spend_share_high", "share of spend at most", FRACTION, mart=None),
    ),
    f"""
    with spend as ({_SPEND_ROWS})
    select
        *,
        spend_plausible_low / nullif(
            sum(spend_plausible_high) over () - spend_plausible_high + spend_plausible_low, 0
        ) as spend_share_low,
        spend_plausible_high / nullif(
            sum(spend_plausible_low) over () - spend_plausible_low + spend_plausible_high, 0
        ) as spend_share_high,
    from spend
    qualify spend_share_high is not null
    order by spend_plausible_high desc, author
    limit 12
    """,  # noqa: S608  # our own words
    findings.dollar_share,
    charts.dollars,
)
SPEND = Figure(
    "spend",
    "Implied spend",
    "What the tokens of {period} would have cost at list prices. How tokens split into input, output and cached input "
    "is not published. The split of all traffic is known better than that of one author, so the plausible ranges of "
    "authors are wider and do not add up to the total. Thin line: every possible split. "
    f"{_token_mix_basis('single_model')} Before fees; without traffic on callers' own provider keys.",
    "spend_author",
    ("period", "period_start", "author"),
    (
        _name("author"),
        _TOKENS,
        Column("spend_plausible_low", "plausible from", USD),
        Column("spend_plausible_high", "plausible to", USD),
        Column("spend_low", "at least", USD),
        Column("spend_high", "at most", USD),
    ),
    f"""
    select
        period, period_start, null as author, 'All traffic, by price class' as name, total_tokens as tokens,
        spend_plausible_low, spend_plausible_high, spend_low, spend_high,
        source_url, as_of, oldest_as_of, checked_at, true as is_total,
    from traffic_summary
    join newest using (period, period_start)
    where spend_plausible_high is not null
    union all by name
    select *, false as is_total from ({_SPEND_ROWS} order by spend_plausible_high desc, author limit 12)
    order by is_total desc, spend_plausible_high desc, name
    """,  # noqa: S608  # our own words
    findings.spend,
    charts.spend,
)
APPS = Figure(
    "apps",
    "Apps",
    "Tokens that apps sent in their newest observed week, as a share of all tokens of that week. An app is not an "
    "account, and traffic that names no app is attributed to none.",
    "share_app",
    ("period", "period_start", "app_id"),
    (
        _name("app"),
        _WEEK,
        _SHARE,
        _TOKENS,
        Column("requests", "requests", COUNT),
        Column("tokens_per_request", "tokens per request", COUNT),
    ),
    """
    select *, app_name as name
    from share_app
    where period = 'week' and period_start = (select max(period_start) from share_app where period = 'week')
    order by rank, app_id
    limit 12
    """,
    findings.leading_app,
    partial(charts.bars, value="share"),
)
CATEGORIES = Figure(
    "categories",
    "Categories",
    "The leading model of each category of requests and its share of the category's tokens. OpenRouter classifies a "
    "small sample of requests, so these are estimates and never compared with exact totals.",
    "share_slice",
    ("period", "period_start", "slice_kind", "slice", "model_permaslug"),
    (Column("slice", "category"), _name("leading model"), _SHARE, _WEEK),
    """
    select share_slice.*, model_name as name
    from share_slice
    join model_names using (model_permaslug)
    where period = 'week' and slice_kind = 'category' and rank = 1
        and period_start = (
            select max(period_start) from share_slice where period = 'week' and slice_kind = 'category'
        )
    order by share desc, slice, model_permaslug
    """,
    findings.categories,
    charts.categories,
)
CONCENTRATION = Figure(
    "concentration",
    "Concentration",
    "Share of each day's tokens of the one, five and ten leading models. It describes one router, not a market. The "
    "table adds the Herfindahl-Hirschman index: 10,000 points mean that one author or model has all tokens.",
    "traffic_summary",
    ("period", "period_start"),
    (
        _DAY,
        Column("cr1", "leading model", SHARE),
        Column("cr5", "five leading models", SHARE),
        Column("cr10", "ten leading models", SHARE),
        Column("hhi_author_low", "index of authors at least", POINTS_OF_10000),
        Column("hhi_author_high", "index of authors at most", POINTS_OF_10000),
        Column("hhi_model_low", "index of models at least", POINTS_OF_10000),
        Column("hhi_model_high", "index of models at most", POINTS_OF_10000),
    ),
    """
    select * from traffic_summary
    where period = 'day' and cr5 is not null
        and period_start > (select max(period_start) - 90 from traffic_summary where period = 'day')
    order by period_start
    """,
    findings.concentration,
    charts.concentration,
)
SCORECARD = Figure(
    "scorecard",
    "Models to test",
    "The twenty leading models of the newest day, those with a reason to test first. Providers and uptime are as of "
    "the time beside them. A reason follows from our own rules; your own tests decide.",
    "model_scorecard",
    ("model_permaslug",),
    (
        Column("rank", "rank", COUNT),
        _name("model"),
        _SHARE,
        Column("prompt_usd_per_mtok", "input price", PRICE),
        Column("completion_usd_per_mtok", "output price", PRICE),
        Column("context_length", "context window", TOKEN_COUNT),
        Column("providers", "providers", COUNT),
        Column("median_uptime_30m_pct", "median uptime", UPTIME),
        Column("endpoints_as_of", "endpoints as of", TIMESTAMP),
        Column("try_reason", "reason to test"),
    ),
    """
    select model_scorecard.*, model_name as name
    from model_scorecard
    join model_names using (model_permaslug)
    where rank <= 20
    order by try_reason is null, rank, model_permaslug
    """,
    findings.models_to_test,
)
ANOMALIES = Figure(
    "anomalies",
    "Unusual changes",
    "The thirty newest changes of the last 28 days that our rules call unusual. Unusual does not mean wrong: each is a "
    "question.",
    "anomaly",
    ("date", "kind", "subject_type", "subject"),
    (
        Column("date", "since", DATE),
        _name("about"),
        Column("happened", "what happened", mart=None),
        Column("hint", "what to look at"),
    ),
    """
    select
        anomaly.*,
        coalesce(model_names.model_name, price_names.model_name, author_names.author_name, subject_name) as name,
        replace(evidence, subject_name, name) as happened,
        count(*) over () as changes,
    from anomaly
    left join model_names on subject_type = 'model' and subject = model_names.model_permaslug
    left join price_names on subject_type = 'model_id' and subject = price_names.model_id
    left join author_names on subject_type = 'author' and subject = author_names.author
    where is_listed and date > (select max(period_start) - 28 from traffic_summary where period = 'day')
    order by date desc, score / threshold desc, kind, subject
    limit 30
    """,
    findings.anomalies,
)
COVERAGE = Figure(
    "coverage",
    "Coverage",
    "The last 45 days of each surface of the API: complete, partial or missing. Missing days are never filled in.",
    "coverage",
    ("surface", "slice", "date"),
    (
        Column("surface", "surface"),
        Column("date", "day", DATE),
        Column("is_observed", "observed", YES_NO),
        Column("is_complete", "complete", YES_NO),
        Column("observations", "observations", COUNT),
        Column("gap_reason", "reason for the gap"),
    ),
    """
    select * from coverage
    where slice = 'all' and date > (select max(date) - 45 from coverage where slice = 'all')
    order by surface, date
    """,
    findings.coverage,
    charts.coverage,
)
RESTATEMENTS = Figure(
    "restatements",
    "Revised days",
    "The twenty largest revisions of a model's tokens on one of the last 60 days. A figure quoted before the revision "
    "is out of date.",
    "restatement",
    ("slice", "date", "model_permaslug"),
    (
        _name("model"),
        Column("date", "day", DATE),
        Column("first_tokens", "first published", TOKENS),
        Column("last_tokens", "now", TOKENS),
        Column("change_pct", "change", PERCENT_CHANGE),
        Column("last_as_of", "revised", DATE),
    ),
    """
    select restatement.*, coalesce(model_name, 'Unlisted models') as name, count(*) over () as changes
    from restatement
    left join model_names using (model_permaslug)
    where slice = 'all' and date > (select max(period_start) - 60 from traffic_summary where period = 'day')
    order by abs(change_pct) desc nulls last, date, model_permaslug
    limit 20
    """,
    findings.restatements,
)

SECTIONS = (
    Section("models-and-prices", "Leading models", (LEADERBOARD, MODELS)),
    Section("who", "Authors, countries, weights", (AUTHORS, COUNTRIES, WEIGHTS, PAID)),
    Section("growing", "Growth", (TOTAL, DRIVERS, GROWTH_OF_AUTHORS)),
    Section("price", "Prices and spend", (PRICE_CHANGES, INPUT_PRICE, OUTPUT_PRICE, DOLLARS, SPEND)),
    Section("use", "Apps and categories", (APPS, CATEGORIES)),
    Section("investigate", "Worth a look", (ANOMALIES, SCORECARD)),
    Section("quality", "Concentration and data quality", (CONCENTRATION, COVERAGE, RESTATEMENTS)),
)
FIGURES = tuple(figure for section in SECTIONS for figure in section.figures)
