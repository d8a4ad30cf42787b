-- Every model of the newest complete day's list: how much it is used, what it costs, how it is offered and scores, and
-- why it is worth a test, if it is.
with newest as (

    select max(period_start) as date
    from {{ ref('share_model') }}
    where period = 'day'

),

shares as (

    select share_model.*
    from {{ ref('share_model') }} as share_model
    inner join newest on share_model.period_start = newest.date
    where share_model.period = 'day'

),

growth as (

    select
        growth_model.model_permaslug,
        max(growth_model.share_change_pp) filter (where growth_model.horizon = '7d') as share_change_7d_pp,
        max(growth_model.share_change_pp) filter (where growth_model.horizon = '28d') as share_change_28d_pp,
        max(growth_model.rank_change) filter (where growth_model.horizon = '7d') as rank_change_7d,
        max(growth_model.as_of) as as_of,
        min(growth_model.oldest_as_of) as oldest_as_of,
        max_by(growth_model.checked_at, (growth_model.as_of, growth_model.checked_at)) as checked_at
    from {{ ref('growth_model') }} as growth_model
    inner join newest on growth_model.window_end = newest.date
    where growth_model.horizon in ('7d', '28d')
    group by growth_model.model_permaslug

),

spend as (

    select spend_model.*
    from {{ ref('spend_model') }} as spend_model
    inner join newest on spend_model.period_start = newest.date
    where spend_model.period = 'day'

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

current_prices as (

    select * from {{ ref('price_current') }}

),

speed as (

    select
        model_id,
        median(latency_30m_p50_seconds) as median_latency_30m_p50_seconds,
        median(throughput_30m_p50_tokens_per_second) as median_throughput_30m_p50_tokens_per_second
    from {{ ref('price_endpoint') }}
    where is_up
    group by model_id

),

indices as (

    select
        model_permaslug as base_slug,
        intelligence_index,
        coding_index,
        agentic_index,
        as_of,
        fetched_at
    from {{ ref('stg_openrouter__benchmarks') }}
    where benchmark_source = 'artificial-analysis'
    qualify
        row_number() over (
            partition by model_permaslug
            order by as_of desc, fetched_at desc, intelligence_index desc nulls last, raw_file desc
        ) = 1

),

-- The task in whose tokens the model's part is greatest, in the newest sample.
tasks as (

    select
        parts.model_id,
        samples.display_name as top_task,
        parts.tag_token_share as top_task_token_share,
        parts.as_of,
        parts.fetched_at
    from {{ ref('stg_openrouter__task_models') }} as parts
    inner join {{ ref('stg_openrouter__tasks') }} as samples using (raw_file, tag)
    where parts.as_of = (select max(newest_sample.as_of) from {{ ref('stg_openrouter__tasks') }} as newest_sample)
    qualify
        row_number() over (
            partition by parts.model_id order by parts.tag_token_share desc, parts.tag asc, parts.raw_file asc
        ) = 1

),

scored as (

    select
        shares.period_start as date,
        shares.model_permaslug,
        shares.base_slug,
        shares.variant,
        shares.author,
        spend.model_id,
        shares.rank,
        shares.share,
        growth.share_change_7d_pp,
        growth.share_change_28d_pp,
        growth.rank_change_7d,
        spend.price_class,
        spend.prompt_usd_per_mtok,
        spend.completion_usd_per_mtok,
        spend.cache_read_usd_per_mtok,
        attributes.context_length,
        current_prices.endpoints,
        current_prices.endpoints_up,
        current_prices.providers,
        current_prices.median_uptime_30m_pct,
        current_prices.endpoints_as_of,
        speed.median_latency_30m_p50_seconds,
        speed.median_throughput_30m_p50_tokens_per_second,
        indices.intelligence_index,
        indices.coding_index,
        indices.agentic_index,
        indices.as_of as benchmarks_as_of,
        spend.prompt_usd_per_mtok / nullif(indices.intelligence_index, 0) as prompt_usd_per_mtok_per_index_point,
        spend.completion_usd_per_mtok / nullif(indices.intelligence_index, 0)
            as completion_usd_per_mtok_per_index_point,
        attributes.weights,
        attributes.size_class,
        attributes.reasoning,
        attributes.created_on,
        tasks.top_task,
        tasks.top_task_token_share,
        tasks.as_of as tasks_as_of,
        spend.price_as_of
    from shares
    inner join attributes using (model_permaslug)
    left join growth using (model_permaslug)
    left join spend using (model_permaslug)
    left join current_prices using (model_id)
    left join speed using (model_id)
    left join indices on attributes.base_slug = indices.base_slug
    left join tasks using (model_id)

),

inputs as (

    {% for input in ['shares', 'growth', 'spend'] -%}
        select
            model_permaslug,
            as_of,
            oldest_as_of,
            checked_at
        from {{ input }}

        union all

    {% endfor -%}
    {% for input, moments in {
        'attributes': ('as_of', 'as_of', 'fetched_at'),
        'current_prices': ('as_of', 'oldest_as_of', 'checked_at'),
        'indices': ('as_of', 'as_of', 'fetched_at'),
        'tasks': ('as_of', 'as_of', 'fetched_at'),
    }.items() -%}
        select
            scored.model_permaslug,
            {{ input }}.{{ moments[0] }},
            {{ input }}.{{ moments[1] }},
            {{ input }}.{{ moments[2] }}
        from scored
        inner join {{ input }} using ({{
            {'attributes': 'model_permaslug', 'indices': 'base_slug'}[input]
            if input in ('attributes', 'indices') else 'model_id'
        }})
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

limits as (

    select
        max(error_above) filter (where surface = 'endpoints' and measure = 'as_of_hours') as endpoints_hours,
        max(error_above) filter (where surface = 'benchmarks' and measure = 'as_of_hours') as benchmarks_hours,
        max(error_above) filter (where surface = 'models' and measure = 'price_hours') as price_hours
    from {{ ref('freshness') }}

),

-- Of the rankings, so that a rebuild gives the same reasons.
clock as (

    select max(as_of) as as_of from shares

),

-- Which facts are not too old to rest a reason on.
usable as (

    select
        scored.*,
        coalesce(scored.endpoints_as_of >= clock.as_of - to_hours(cast(limits.endpoints_hours as bigint)), false)
            as has_fresh_endpoints,
        coalesce(scored.benchmarks_as_of >= clock.as_of - to_hours(cast(limits.benchmarks_hours as bigint)), false)
            as has_fresh_index,
        -- A free variant may have no price: it is free by its name.
        coalesce(
            scored.price_as_of >= clock.as_of - to_hours(cast(limits.price_hours as bigint)), scored.price_as_of is null
        ) as has_fresh_price
    from scored
    cross join clock
    cross join limits

),

-- Paid for, and no model on the list that scores as high, free ones included, costs less for input or for output. A
-- rival's price that is too old may have fallen.
unbeaten as (

    select usable.model_permaslug
    from usable
    left join usable as rival
        on
            usable.model_permaslug <> rival.model_permaslug
            and usable.intelligence_index <= rival.intelligence_index
            and (
                usable.prompt_usd_per_mtok > rival.prompt_usd_per_mtok
                or usable.completion_usd_per_mtok > rival.completion_usd_per_mtok
                or not rival.has_fresh_price
            )
    where
        usable.price_class = 'paid'
        and usable.has_fresh_price
        and usable.has_fresh_index
        and usable.intelligence_index is not null
        and rival.model_permaslug is null

),

sources as (

    select
        shares.model_permaslug,
        shares.scope_id,
        shares.source_url,
        max(inputs.as_of) as as_of,
        min(inputs.oldest_as_of) as oldest_as_of,
        max_by(inputs.checked_at, (inputs.as_of, inputs.checked_at)) as checked_at
    from shares
    inner join inputs using (model_permaslug)
    where inputs.as_of is not null
    group by shares.model_permaslug, shares.scope_id, shares.source_url

),

rules as (

    select * from {{ ref('recommendation_rules') }}

),

-- A model that loses share is worth a test only for what it scores at its price. Where no change is known, no loss is.
losing as (

    select
        usable.model_permaslug,
        coalesce(least(usable.share_change_7d_pp, usable.share_change_28d_pp), 0) <= -rules.share_loss_pp as is_losing
    from usable
    cross join rules

)

select
    usable.* exclude (created_on, price_as_of, has_fresh_endpoints, has_fresh_index, has_fresh_price),
    nullif(
        concat_ws(
            ' ',
            case when unbeaten.model_permaslug is not null then 'No listed model with as high an index is cheaper.' end,
            case
                when
                    usable.share_change_28d_pp >= rules.share_gain_pp
                    and usable.completion_usd_per_mtok <= rules.cheap_completion_usd_per_mtok
                    and usable.has_fresh_price
                    and not losing.is_losing
                    then
                        'Cheap, and gained '
                        || printf('%.1f', cast(round(cast(usable.share_change_28d_pp as decimal(18, 6)), 1) as double))
                        || ' points of share in 28 days.'
            end,
            case
                when
                    usable.created_on > usable.date - 28
                    and usable.rank <= rules.new_rank
                    and not losing.is_losing
                    then
                        'New since ' || cast(usable.created_on as varchar) || ', and already at rank '
                        || cast(usable.rank as varchar) || '.'
            end,
            case
                when
                    usable.price_class = 'free'
                    and usable.has_fresh_price
                    and usable.rank <= rules.free_rank
                    and not losing.is_losing
                    then 'Free, and at rank ' || cast(usable.rank as varchar) || '.'
            end,
            case
                when
                    usable.weights = 'open'
                    and usable.rank <= rules.open_rank
                    and usable.providers >= rules.open_providers
                    and usable.has_fresh_endpoints
                    and not losing.is_losing
                    then
                        'Open weights, offered by ' || cast(usable.providers as varchar) || ' providers on '
                        || strftime(usable.endpoints_as_of, '%Y-%m-%d') || '.'
            end
        ),
        ''
    ) as try_reason,
    sources.scope_id,
    sources.source_url,
    sources.as_of,
    sources.oldest_as_of,
    sources.checked_at
from usable
cross join rules
inner join losing using (model_permaslug)
inner join sources using (model_permaslug)
left join unbeaten using (model_permaslug)
