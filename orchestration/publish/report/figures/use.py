"""What models are used for: apps and categories."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import SHARE_OF_TOKENS, TOKENS_OF_ROW, WEEK, Figure, name_column
from orchestration.publish.report.formats import COUNT, Column

APPS = Figure(
    "apps",
    "Apps",
    "Tokens that apps sent in their newest observed week, as a share of all tokens of that week. An app is not an "
    "account, and traffic that names no app is attributed to none.",
    "share_app",
    ("period", "period_start", "app_id"),
    (
        name_column("app"),
        WEEK,
        SHARE_OF_TOKENS,
        TOKENS_OF_ROW,
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
    charts.bars,
)


CATEGORIES = Figure(
    "categories",
    "Categories",
    "The leading model of each category of requests and its share of the category's tokens. OpenRouter classifies a "
    "small sample of requests, so these are estimates and never compared with exact totals.",
    "share_slice",
    ("period", "period_start", "slice_kind", "slice", "model_permaslug"),
    (Column("slice", "category"), name_column("leading model"), SHARE_OF_TOKENS, WEEK),
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
