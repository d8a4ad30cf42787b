"""The figures of the report: the rows of each, the columns of its table, and the function that draws it.

Every value comes from a published mart; `Column.scale` only converts units for display. Drawing is in `charts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from orchestration.publish.report import charts
from orchestration.publish.report.charts import Draw
from orchestration.publish.seeds import read_seed


@dataclass(frozen=True)
class Column:
    """A column of a figure's table: its name in the mart and its title.

    Numbers are shown multiplied by `scale`, with `digits` decimals. `mart` is the column's mart if it differs from the
    figure's.
    """

    name: str
    title: str
    scale: float | None = None
    digits: int = 0
    mart: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart and its table. `key` is the key of the mart; `sql` selects the rows.

    The SQL may use the view `newest` (period, period_start: the newest week, or the newest day where no week is
    complete) and must select the key and as_of, oldest_as_of and checked_at.
    """

    id: str
    title: str
    lede: str
    mart: str
    key: Sequence[str]
    columns: Sequence[Column]
    sql: str
    draw: Draw
    nothing: str = "No data yet: the source has published no such figures."

    @property
    def subject(self) -> str:
        """The column that names a row."""
        shown = next((column.name for column in self.columns if column.name in ("subject_name", "member_name")), None)
        return shown or next((name for name in ("model_id", "surface") if name in self.key), self.key[-1])

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


_PERIOD = (Column("period", "period"), Column("period_start", "from"))
_SHARE = Column("share", "share, %", 100, 2)
_SHARE_HIGH = Column("share_high", "share at most, %", 100, 2)
_TOKENS = Column("tokens", "tokens, billion", 1e-9, 1)
_INPUT = Column("prompt_usd_per_mtok", "input, USD per million tokens", 1, 3, "spend_model")
_OUTPUT = Column("completion_usd_per_mtok", "output, USD per million tokens", 1, 3, "spend_model")
_BASIS = Column("price_basis", "price", mart="spend_model")

# Usage with the prices of its days. as_of and oldest_as_of cover both usage and prices.
_PRICED = """
    select
        period, period_start, model_permaslug, rank, share, share_high, share_model.tokens,
        prompt_usd_per_mtok, completion_usd_per_mtok, price_basis,
        greatest(share_model.as_of, spend_model.as_of) as as_of,
        least(share_model.oldest_as_of, spend_model.oldest_as_of) as oldest_as_of,
        greatest(share_model.checked_at, spend_model.checked_at) as checked_at
    from share_model
    join newest using (period, period_start)
    join spend_model using (period, period_start, model_permaslug)
"""
_NO_WEEKS = "No data yet: no complete week was observed."

LEADERS = Figure(
    "leaders",
    "Leading models",
    "Share of all tokens in the newest week; the table adds the prices of that week. A variant, such as a free one, "
    "counts as a separate model.",
    "share_model",
    ("period", "period_start", "model_permaslug"),
    (
        *_PERIOD,
        Column("rank", "rank", 1),
        Column("model_permaslug", "model"),
        _SHARE,
        _SHARE_HIGH,
        _TOKENS,
        _INPUT,
        _OUTPUT,
        _BASIS,
    ),
    f"{_PRICED} where rank <= 12 order by rank, model_permaslug",
    partial(charts.bars, name="model_permaslug", value="share"),
)
AUTHORS = Figure(
    "authors",
    "Authors, week by week",
    "The eight leading authors of the newest week, and the share of their listed models over 26 weeks. An author is "
    "the company or person that made a model, not the provider that hosts it.",
    "share_author",
    ("period", "period_start", "author"),
    (*_PERIOD, Column("author", "author"), Column("rank", "rank", 1), _SHARE, _SHARE_HIGH, _TOKENS),
    """
    with leaders as (
        select author, rank as now from share_author join newest using (period, period_start) where rank <= 8
    )
    select share_author.* from share_author join leaders using (author)
    where period = 'week' and period_start > (select period_start - 26 * 7 from newest)
    order by now, author, period_start
    """,
    partial(charts.lines, member="author", value="share"),
    _NO_WEEKS,
)
MODELS = Figure(
    "models",
    "Models, day by day",
    "The six leading models of the newest week, over the last 60 days. On a day without a point, the model was not "
    "listed, so its tokens are unknown.",
    "share_model",
    ("period", "period_start", "model_permaslug"),
    (*_PERIOD, Column("model_permaslug", "model"), Column("rank", "rank", 1), _SHARE, _TOKENS),
    """
    with leaders as (
        select model_permaslug, rank as now from share_model join newest using (period, period_start) where rank <= 6
    )
    select share_model.* from share_model join leaders using (model_permaslug)
    where period = 'day' and period_start > (select max(period_start) - 60 from share_model where period = 'day')
    order by now, model_permaslug, period_start
    """,
    partial(charts.lines, member="model_permaslug", value="share"),
)
TOTAL = Figure(
    "total",
    "All traffic, day by day",
    "Tokens per day, of listed and unlisted models together, over the last 120 days. The table adds the growth over 7 "
    "and over 28 days.",
    "traffic_summary",
    ("period", "period_start"),
    (
        *_PERIOD,
        Column("total_tokens", "tokens, billion", 1e-9, 1),
        Column("growth_7d", "growth over 7 days, %", 100, 1),
        Column("growth_28d", "growth over 28 days, %", 100, 1),
        Column("other_share", "share of unlisted models, %", 100, 1),
    ),
    """
    select * from traffic_summary
    where period = 'day' and period_start > (select max(period_start) - 120 from traffic_summary where period = 'day')
    order by period_start
    """,
    charts.total,
)
GROWTH = Figure(
    "growth",
    "Authors that gained or lost the most",
    "The latest 28 days against the 28 before, for the twelve authors with the largest certain change in tokens. If a "
    "model was not listed every day, growth is a range.",
    "growth_author",
    ("window_end", "horizon", "author"),
    (
        Column("window_end", "last day of the 28"),
        Column("horizon", "horizon"),
        Column("author", "author"),
        Column("growth_low", "growth at least, %", 100, 1),
        Column("growth", "growth, %", 100, 1),
        Column("growth_high", "growth at most, %", 100, 1),
        Column("share_change_pp", "change of share, percentage points", 1, 2),
        Column("rank_change", "ranks gained", 1),
        Column("status", "status"),
    ),
    """
    select * from growth_author
    where horizon = '28d' and growth_low is not null and growth_high is not null
        and window_end = (select max(window_end) from growth_author where horizon = '28d')
    order by greatest(tokens - base_tokens_high, base_tokens - tokens_high, 0) desc, author limit 12
    """,
    charts.growth,
    "No data yet: this needs 56 days, all of them observed.",
)
DRIVERS = Figure(
    "drivers",
    "Drivers of growth",
    "The fourteen largest contributions of authors to the growth of the total over 28 days; all contributions add up "
    "to it. “crossed_top50” stands for models that were listed in only one of the two windows: an artefact of the "
    "list's length, not an entry into any market. “launched” stands for models created in the window, “other” for all "
    "unlisted traffic.",
    "growth_drivers",
    ("window_end", "horizon", "dimension", "member"),
    (
        Column("window_end", "last day of the 28"),
        Column("horizon", "horizon"),
        Column("dimension", "dimension"),
        Column("member_name", "author"),
        Column("contribution_pp", "contribution, percentage points", 1, 2),
        Column("change_tokens", "change, billion tokens", 1e-9, 1),
    ),
    """
    select * from growth_drivers
    where horizon = '28d' and dimension = 'author'
        and window_end = (select max(window_end) from growth_drivers where horizon = '28d')
    order by abs(contribution_pp) desc, member limit 14
    """,
    charts.drivers,
    "No data yet: this needs 56 days, all of them observed.",
)


def _price_figure(identifier: str, title: str, column: Column, colour: str) -> Figure:
    return Figure(
        identifier,
        title,
        "Each point is a model of the newest week with its listed price and its share. The chart does not show that "
        "one causes the other.",
        "share_model",
        ("period", "period_start", "model_permaslug"),
        (*_PERIOD, Column("rank", "rank", 1), Column("model_permaslug", "model"), column, _SHARE, _BASIS),
        f"{_PRICED} where {column.name} is not null order by rank, model_permaslug",
        partial(charts.price_share, price=column.name, colour=colour),
        "No data yet: no price was observed for the models of the newest week.",
    )


INPUT_PRICE = _price_figure("input-price", "Input price against share", _INPUT, charts.INPUT)
OUTPUT_PRICE = _price_figure("output-price", "Output price against share", _OUTPUT, charts.OUTPUT)
PRICE_CHANGES = Figure(
    "price-changes",
    "Price changes",
    "The 60 largest changes in listed prices in the 30 days before the newest list, input and output separately. Each "
    "price changed at some time between its two dates; if the model was temporarily not listed, the earlier price is "
    "the last one seen.",
    "price_history",
    ("model_id", "valid_from"),
    (
        Column("model_id", "model"),
        Column("valid_from", "first seen (UTC)"),
        Column("not_before", "changed after (UTC)"),
        Column("previous_prompt_usd_per_mtok", "input before, USD per million tokens", 1, 3),
        Column("prompt_usd_per_mtok", "input, USD per million tokens", 1, 3),
        Column("prompt_change_pct", "input, change in %", 1, 1),
        Column("previous_completion_usd_per_mtok", "output before, USD per million tokens", 1, 3),
        Column("completion_usd_per_mtok", "output, USD per million tokens", 1, 3),
        Column("completion_change_pct", "output, change in %", 1, 1),
    ),
    """
    select * from price_history
    where valid_from > (select max(last_seen_at) - interval 30 day from price_history)
        and model_id not like '~%'
        and (
            prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            or completion_usd_per_mtok <> previous_completion_usd_per_mtok
        )
    -- Changes from a price of 0, which have no percentage, come first.
    order by
        (previous_prompt_usd_per_mtok = 0 and prompt_usd_per_mtok > 0)
        or (previous_completion_usd_per_mtok = 0 and completion_usd_per_mtok > 0) desc,
        greatest(abs(coalesce(prompt_change_pct, 0)), abs(coalesce(completion_change_pct, 0))) desc,
        model_id,
        valid_from
    limit 60
    """,
    charts.price_changes,
    "No listed price changed in the 30 days before the newest list.",
)


def _token_mix_basis(mix_class: str) -> str:
    """The basis of the token split of a class, from the seed `token_mix`."""
    return next(row["basis"] for row in read_seed("token_mix") if row["mix_class"] == mix_class)


SPEND = Figure(
    "spend",
    "Implied spend, as a range",
    "The cost of the newest week's tokens at list prices. Thin line: every possible split into input, output and "
    "cached input, at every price that may have been valid. Thick line: the splits observed for individual models. "
    f"{_token_mix_basis('single_model')} The source does not publish the split, so spend is a range. "
    "Before fees; without traffic on callers' own provider keys.",
    "spend_author",
    ("period", "period_start", "author"),
    (
        *_PERIOD,
        Column("author", "author"),
        _TOKENS,
        Column("spend_low", "at least, million USD", 1e-6, 3),
        Column("spend_plausible_low", "plausible, at least, million USD", 1e-6, 3),
        Column("spend_plausible_high", "plausible, at most, million USD", 1e-6, 3),
        Column("spend_high", "at most, million USD", 1e-6, 3),
        Column("priced_share", "tokens that have a price, %", 100, 1),
    ),
    """
    select * from spend_author join newest using (period, period_start)
    where spend_plausible_high is not null
    order by spend_plausible_high desc, author limit 12
    """,
    charts.spend,
    "No data yet: no price was observed for the models of the newest week.",
)


def _segment_figure(identifier: str, title: str, lede: str, kind: str, order: Sequence[str]) -> Figure:
    return Figure(
        identifier,
        title,
        lede,
        "share_segment",
        ("period", "period_start", "segment_type", "segment"),
        (
            *_PERIOD,
            Column("segment_type", "segmented by"),
            Column("segment", "segment"),
            _SHARE,
            _SHARE_HIGH,
            _TOKENS,
        ),
        f"""
        select * from share_segment
        where segment_type = '{kind}' and period = 'week' and period_start > (select period_start - 26 * 7 from newest)
        order by period_start, tokens desc, segment
        """,  # noqa: S608  # our own word
        partial(charts.stack, order=order),
        _NO_WEEKS,
    )


WEIGHTS = _segment_figure(
    "weights",
    "Open and closed weights",
    "Share of tokens each week by whether the model's weights are open. The classification is ours; the seed "
    "model_weights names the evidence. “other” is all unlisted models.",
    "weights",
    ("open", "closed", "undisclosed", "unclassified", "other"),
)
PAID = _segment_figure(
    "paid",
    "Free and paid",
    "Share of tokens each week by whether the listed price is zero, that is, free for the caller. “other” is all "
    "unlisted models.",
    "price_class",
    ("paid", "free", "unpriced", "other"),
)
CONCENTRATION = Figure(
    "concentration",
    "Concentration, day by day",
    "The Herfindahl-Hirschman index of a day's tokens over authors and over models, for the last 90 days; 10,000 means "
    "that one of them has all tokens. It is a range because the tokens of single unlisted models are unknown. It "
    "measures the traffic of one router, not a market.",
    "traffic_summary",
    ("period", "period_start"),
    (
        *_PERIOD,
        Column("hhi_author_low", "authors, at least", 1),
        Column("hhi_author_high", "authors, at most", 1),
        Column("hhi_model_low", "models, at least", 1),
        Column("hhi_model_high", "models, at most", 1),
        Column("cr1", "leading model, %", 100, 1),
        Column("cr5", "leading five models, %", 100, 1),
    ),
    """
    select * from traffic_summary
    where period = 'day' and hhi_model_high is not null
        and period_start > (select max(period_start) - 90 from traffic_summary where period = 'day')
    order by period_start
    """,
    charts.hhi,
)
SCORECARD = Figure(
    "scorecard",
    "Models to test",
    "The twenty leading models of the newest day by context window and number of providers; larger points have larger "
    "shares. Endpoints and providers are as of the time in the table, which may be days earlier. The reason to test, "
    "if any, comes from our own rules and is only a suggestion.",
    "model_scorecard",
    ("model_permaslug",),
    (
        Column("date", "day"),
        Column("rank", "rank", 1),
        Column("model_permaslug", "model"),
        _SHARE,
        Column("prompt_usd_per_mtok", "input, USD per million tokens", 1, 3),
        Column("completion_usd_per_mtok", "output, USD per million tokens", 1, 3),
        Column("context_length", "context window, tokens", 1),
        Column("providers", "providers", 1),
        Column("endpoints_up", "endpoints up", 1),
        Column("endpoints", "endpoints", 1),
        Column("median_uptime_30m_pct", "median uptime, %", 1, 1),
        Column("endpoints_as_of", "endpoints as of (UTC)"),
        Column("weights", "weights"),
        Column("try_reason", "reason to test"),
    ),
    "select * from model_scorecard where rank <= 20 order by rank, model_permaslug",
    charts.scorecard,
)
ANOMALIES = Figure(
    "anomalies",
    "Unusual changes",
    "The fifty newest unusual changes of the last 28 days; unusual does not mean wrong. Price changes of models that "
    "the rankings do not list are in the table `anomaly` only.",
    "anomaly",
    ("date", "kind", "subject_type", "subject"),
    (
        Column("date", "day"),
        Column("kind", "kind"),
        Column("subject_type", "subject type"),
        Column("subject_name", "subject"),
        Column("peak_date", "largest on"),
        Column("last_date", "until"),
        Column("score", "score", 1, 1),
        Column("threshold", "threshold", 1, 1),
        Column("score_unit", "unit of both"),
        Column("evidence", "evidence"),
        Column("hint", "where to look"),
    ),
    """
    select * from anomaly
    where is_listed and date > (select max(period_start) - 28 from traffic_summary where period = 'day')
    order by date desc, score / threshold desc, kind, subject limit 50
    """,
    charts.anomalies,
    "No unusual change in the last 28 days, or too few earlier days to compare with.",
)
COVERAGE = Figure(
    "coverage",
    "Coverage",
    "The last 45 days of each surface: complete, partial or missing. Missing days are never filled in.",
    "coverage",
    ("surface", "slice", "date"),
    (
        Column("surface", "surface"),
        Column("slice", "slice"),
        Column("date", "day"),
        Column("is_observed", "observed"),
        Column("is_complete", "complete"),
        Column("observations", "observations", 1),
        Column("rows", "rows", 1),
        Column("gap_reason", "reason for the gap"),
    ),
    """
    select * from coverage
    where slice = 'all' and date > (select max(date) - 45 from coverage where slice = 'all')
    order by surface, date
    """,
    charts.coverage,
)
RESTATEMENTS = Figure(
    "restatements",
    "Revised days",
    "The sixty largest revisions of the last 60 days. Each row is a model's tokens on a day that the source has since "
    "revised. Figures quoted before the revision are out of date.",
    "restatement",
    ("slice", "date", "model_permaslug"),
    (
        Column("slice", "slice"),
        Column("date", "day"),
        Column("model_permaslug", "model"),
        Column("first_tokens", "first published, billion tokens", 1e-9, 3),
        Column("last_tokens", "now, billion tokens", 1e-9, 3),
        Column("change_pct", "change, %", 1, 4),
        Column("first_as_of", "first published (UTC)"),
        Column("last_as_of", "last revised (UTC)"),
    ),
    """
    select * from restatement
    where slice = 'all' and date > (select max(period_start) - 60 from traffic_summary where period = 'day')
    order by abs(change_pct) desc nulls last, date, model_permaslug limit 60
    """,
    charts.restatements,
    "No day of the last 60 was revised.",
)

SECTIONS = (
    Section("leaders-and-shares", "Leaders", (LEADERS, AUTHORS, MODELS)),
    Section("growth-and-drivers", "Growth", (TOTAL, GROWTH, DRIVERS)),
    Section("prices", "Prices", (INPUT_PRICE, OUTPUT_PRICE, PRICE_CHANGES)),
    Section("implied-spend", "Usage and price", (SPEND,)),
    Section("cuts", "Open and closed, free and paid", (WEIGHTS, PAID)),
    Section("how-concentrated", "Concentration", (CONCENTRATION,)),
    Section("investigate", "Scorecard and anomalies", (SCORECARD, ANOMALIES)),
    Section("how-well-known", "Coverage and revisions", (COVERAGE, RESTATEMENTS)),
)
FIGURES = tuple(figure for section in SECTIONS for figure in section.figures)
