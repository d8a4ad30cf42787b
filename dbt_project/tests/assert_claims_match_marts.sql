{{ config(meta={'dagster': {'ref': {'name': 'claim'}}}) }}
-- The value of a claim is the one in the mart that it is about. The statement names the period and shows the rounded
-- value.
with expected as (

    select
        'total_tokens' as kind,
        period,
        period_start,
        'all traffic' as subject,
        cast(total_tokens as double) as value
    from {{ ref('traffic_summary') }}
    union all
    select
        'top_5_models' as kind,
        period,
        period_start,
        string_agg(model_permaslug, ', ' order by model_permaslug) as subject,
        any_value(cr5) as value
    from {{ ref('share_model') }}
    inner join {{ ref('traffic_summary') }} using (period, period_start)
    where rank <= 5
    group by period, period_start
    union all
    select
        'open_weights' as kind,
        period,
        period_start,
        'models with open weights' as subject,
        open_weights_share_low as value
    from {{ ref('traffic_summary') }}
    union all
    select
        'implied_spend' as kind,
        period,
        period_start,
        'all priced traffic' as subject,
        cast(spend_low as double) as value
    from {{ ref('traffic_summary') }}
    union all
    select
        'free_models' as kind,
        period,
        period_start,
        'free models' as subject,
        share as value
    from {{ ref('share_segment') }}
    where segment_type = 'price_class' and segment = 'free'
    {% for kind, (mart, subject) in {
        'leading_model': ('share_model', 'model_permaslug'), 'leading_author': ('share_author', 'author'),
        'leading_app': ('share_app', 'app_name')
    }.items() -%}
        union all
        select
            '{{ kind }}' as kind,
            period,
            period_start,
            {{ subject }} as subject,
            share as value
        from {{ ref(mart) }}
        where rank = 1
    {% endfor %}
)

select
    claim.claim_id,
    claim.subject,
    expected.subject as expected_subject,
    claim.value,
    expected.value as expected_value,
    claim.statement
from {{ ref('claim') }} as claim
left join expected using (kind, period, period_start)
where
    expected.kind is null
    or claim.subject <> expected.subject
    or not coalesce(abs(claim.value - expected.value) <= 1e-9 * abs(expected.value), false)
    or claim.period_end <> {{ period_end('claim.period', 'claim.period_start') }}
    or not contains(
        claim.statement,
        case claim.period
            when 'month' then strftime(claim.period_start, 'In %B %Y, ')
            when 'week' then strftime(claim.period_start, 'In the week of %-d %B %Y, ')
            else strftime(claim.period_start, 'On %-d %B %Y, ')
        end
    )
    or not contains(
        claim.statement,
        case claim.unit
            when 'fraction of tokens' then {{ as_percent('claim.value') }}
            when 'tokens' then {{ tokens_in_words('claim.value') }}
            when 'USD' then {{ usd_in_words('claim.value') }}
        end
    )
    or (claim.unit = 'USD' and not contains(claim.statement, {{ usd_in_words('claim.value_high') }}))
