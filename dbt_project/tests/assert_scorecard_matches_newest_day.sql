{{ config(meta={'dagster': {'ref': {'name': 'model_scorecard'}}}) }}
-- Every model of the newest day is on the scorecard once, with the share, rank, changes and prices of the other marts.
with newest as (

    select
        shares.*,
        spend.prompt_usd_per_mtok,
        spend.completion_usd_per_mtok,
        spend.cache_read_usd_per_mtok,
        spend.price_class,
        week.share_change_pp as share_change_7d_pp,
        month.share_change_pp as share_change_28d_pp
    from {{ ref('share_model') }} as shares
    inner join {{ ref('spend_model') }} as spend using (period, period_start, model_permaslug)
    left join {{ ref('growth_model') }} as week
        on
            shares.model_permaslug = week.model_permaslug
            and shares.period_start = week.window_end
            and week.horizon = '7d'
    left join {{ ref('growth_model') }} as month
        on
            shares.model_permaslug = month.model_permaslug
            and shares.period_start = month.window_end
            and month.horizon = '28d'
    where
        shares.period = 'day'
        and shares.period_start = (
            select max(newest_day.period_start) from {{ ref('share_model') }} as newest_day
            where newest_day.period = 'day'
        )

)

select
    coalesce(newest.model_permaslug, card.model_permaslug) as model_permaslug,
    card.date,
    newest.period_start as newest_day
from newest
full join {{ ref('model_scorecard') }} as card using (model_permaslug)
where
    card.date is distinct from newest.period_start
    or card.rank is distinct from newest.rank
    or not coalesce(abs(card.share - newest.share) <= 1e-12, false)
    {% for column in [
        'share_change_7d_pp', 'share_change_28d_pp', 'price_class', 'prompt_usd_per_mtok', 'completion_usd_per_mtok',
        'cache_read_usd_per_mtok',
    ] -%}
        or card.{{ column }} is distinct from newest.{{ column }}
    {% endfor %}
