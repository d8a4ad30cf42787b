-- Each model listed on the newest complete day, with its share, the change in its share, and its listed prices.
with periods as (

    select * from {{ ref('int_periods__totals') }}
    where ranking = 'all' and period = 'day' and is_whole

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'all' and member_type = 'model'

),

-- If all slugs of a day are malformed, it lists no model, so the scorecard shows the newest day that has a share.
shares as (

    select
        periods.period_start as date,
        members.member as model_permaslug,
        {{ share_columns() }}
    from periods
    inner join members using (period, period_start)
    qualify periods.period_start = max(periods.period_start) over ()

),

newest as (

    select max(date) as date from shares

),

growth as (

    select
        members.member as model_permaslug,
        members.horizon,
        {{ growth_columns() }}
    from {{ ref('int_growth__members') }} as members
    inner join newest on members.window_end = newest.date
    where members.ranking = 'all' and members.member_type = 'model' and members.horizon in ('7d', '28d')

),

changes as (

    select
        model_permaslug,
        max(share_change_pp) filter (where horizon = '7d') as share_change_7d_pp,
        max(share_change_pp) filter (where horizon = '28d') as share_change_28d_pp,
        max(rank_change) filter (where horizon = '7d') as rank_change_7d,
        {{ provenance_of_sums('growth') }}
    from growth
    group by model_permaslug

),

-- A day has one row per model, so the aggregates change nothing; spend_model uses the same ones for longer periods.
prices as (

    select
        usage.model_permaslug,
        max(usage.model_id) as model_id,
        max(usage.price_class) as price_class,
        {% for name in ['prompt', 'completion', 'cache_read'] -%}
            {{ usd_per_mtok('max(usage.' ~ name ~ '_price)') }} as {{ name }}_usd_per_mtok,
        {% endfor -%}
        max(usage.price_as_of) as price_as_of,
        {{ provenance_of_spend() }}
    from {{ ref('int_usage__periods') }} as usage
    inner join newest on usage.period_start = newest.date
    where usage.period = 'day'
    group by usage.model_permaslug

),

-- The newest of the three inputs supplies the as_of of the row.
provenance as (

    {{ provenance_by('model_permaslug', ['shares', 'changes', 'prices']) }}

)

select
    shares.date,
    shares.model_permaslug,
    prices.model_id,
    shares.rank,
    shares.share,
    changes.share_change_7d_pp,
    changes.share_change_28d_pp,
    changes.rank_change_7d,
    prices.price_class,
    prices.prompt_usd_per_mtok,
    prices.completion_usd_per_mtok,
    prices.cache_read_usd_per_mtok,
    prices.price_as_of,
    shares.as_of as rankings_as_of,
    shares.scope_id,
    shares.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from shares
inner join provenance using (model_permaslug)
left join changes using (model_permaslug)
left join prices using (model_permaslug)
