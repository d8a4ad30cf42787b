-- Values of all claims, without their wording: one row for each kind of claim and each day, week and month. To add a
-- kind, add a row to the seed claim_templates and a model to this list, with its columns beyond the common ones. If it
-- has no subject_name, sentences use the subject.
{%- set models = {
    'int_claims__leaders': ['subject_name'],
    'int_claims__top_models': ['subject_name'],
    'int_claims__totals': [],
    'int_claims__segments': ['price_as_of'],
    'int_claims__spend': ['price_as_of', 'caveat_value', 'caveat_value_high', 'caveat_basis'],
} %}
{%- set optional_columns = {
    'price_as_of': 'timestamp',
    'caveat_value': 'double',
    'caveat_value_high': 'double',
    'caveat_basis': 'varchar',
} %}
with kinds as (

    {% for model, columns in models.items() -%}
        select
            kind,
            period,
            period_start,
            ranking,
            subject,
            {{ 'subject_name' if 'subject_name' in columns else 'subject as subject_name' }},
            cast(value as double) as value,
            cast(value_high as double) as value_high,
            {% for column, data_type in optional_columns.items() -%}
                {{ column if column in columns else 'cast(null as ' ~ data_type ~ ') as ' ~ column }},
            {% endfor -%}
            scope_id,
            source_url,
            as_of,
            oldest_as_of,
            checked_at
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

periods as (

    select * from {{ ref('int_periods__totals') }}

),

-- The as_of of a claim may come from an app or a price, but every claim cites the rankings as of their own response.
rankings as (

    select
        period,
        period_start,
        source_url,
        as_of
    from periods
    where ranking = 'all'

)

select
    kinds.kind || '/' || kinds.period || '/' || strftime(kinds.period_start, '%Y-%m-%d') as claim_id,
    kinds.kind,
    kinds.period,
    kinds.period_start,
    {{ period_end('kinds.period', 'kinds.period_start') }} as period_end,
    kinds.subject,
    kinds.subject_name,
    kinds.value,
    kinds.value_high,
    kinds.caveat_value,
    kinds.caveat_value_high,
    kinds.caveat_basis,
    periods.is_suspect,
    rankings.source_url as rankings_source_url,
    rankings.as_of as rankings_as_of,
    case when kinds.ranking = 'apps' then periods.ranking_as_of end as app_as_of,
    kinds.price_as_of,
    kinds.scope_id,
    kinds.source_url,
    kinds.as_of,
    kinds.oldest_as_of,
    kinds.checked_at
from kinds
inner join periods
    on
        kinds.ranking = periods.ranking
        and kinds.period = periods.period
        and kinds.period_start = periods.period_start
inner join rankings
    on
        kinds.period = rankings.period
        and kinds.period_start = rankings.period_start
-- If a response lacks rows, its figures are too small by an unknown amount, so no claim is made.
where not periods.is_truncated
