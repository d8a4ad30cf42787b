"""What to look at before quoting: unusual changes, concentration, coverage and revisions."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import DAY, Figure, name_column
from orchestration.publish.report.formats import (
    COUNT,
    DATE,
    PERCENT_CHANGE,
    POINTS_OF_10000,
    SHARE,
    TOKENS,
    YES_NO,
    Column,
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
        name_column("about"),
        Column("happened", "what happened", mart=None),
        Column("hint", "what to look at"),
    ),
    """
    with names as (
        select map_from_entries(list((model_permaslug, model_name))) as names_by_slug
        from model_names
    )
    select
        anomaly.*,
        coalesce(model_names.model_name, price_names.model_name, author_names.author_name, subject_name) as name,
        -- A sentence about a new leader also names the second and the former one.
        [coalesce(names_by_slug[word], word) for word in string_split(evidence, ' ')] as words,
        replace(array_to_string(words, ' '), subject_name, name) as happened,
        count(*) over () as changes,
    from anomaly
    cross join names
    left join model_names on subject_type = 'model' and subject = model_names.model_permaslug
    left join price_names on subject_type = 'model_id' and subject = price_names.model_id
    left join author_names on subject_type = 'author' and subject = author_names.author
    where is_listed and date > (select max(period_start) - 28 from traffic_summary where period = 'day')
    order by date desc, score / threshold desc, kind, subject
    limit 30
    """,
    findings.anomalies,
)


CONCENTRATION = Figure(
    "concentration",
    "Concentration",
    "Share of each day's tokens of the one, five and ten leading models. It describes one router, not a market. The "
    "table adds the Herfindahl-Hirschman index: 10,000 points mean that one author or model has all tokens.",
    "traffic_summary",
    ("period", "period_start"),
    (
        DAY,
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
        name_column("model"),
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
