-- Each model that the newest complete day lists: its share, the change of its share, and its listed prices.
with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span = 'day' and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'all' and member_type = 'model'

),

-- A day whose rows are all malformed lists no model, so the newest day is that of the newest share.
shares as (

    select
        spans.span_start as date,
        members.member as model_permaslug,
        {{ share_columns() }}
    from spans
    inner join members using (span, span_start)
    qualify spans.span_start = max(spans.span_start) over ()

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

-- One row per model: a day is never added up. The aggregates are those that spend_model has for longer periods too.
prices as (

    select
        usage.model_permaslug,
        max(usage.model_id) as model_id,
        max(usage.price_class) as price_class,
        {% for name in ['prompt', 'completion', 'cache_read'] -%}
            {{ usd_per_mtok('max(usage.' ~ name ~ '_price)') }} as {{ name }}_usd_per_mtok,
        {% endfor -%}
        max(usage.price_as_of) as price_as_of,
        {{ provenance_of_priced() }}
    from {{ ref('int_usage__windows') }} as usage
    inner join newest on usage.span_start = newest.date
    where usage.span = 'day'
    group by usage.model_permaslug

),

-- The row is as new as the newest of its three parts.
inputs as (

    {% for part in ['shares', 'changes', 'prices'] -%}
        select
            model_permaslug,
            scope_id,
            source_url,
            as_of,
            oldest_as_of,
            checked_at
        from {{ part }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

provenance as (

    select
        model_permaslug,
        {{ provenance_of_sums('inputs') }}
    from inputs
    group by model_permaslug

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
