-- Each model listed on the newest complete day, with all its facts: usage, prices, offers, indices, attributes and top
-- task.
with usage as (

    select * from {{ ref('int_scorecard__usage') }}

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

-- Endpoints are fetched less often than models, so the endpoints of an id that is no longer listed do not count as an
-- offer.
listed as (

    select model_id from {{ ref('int_prices__intervals') }}
    where is_open

),

offers as (

    select * from {{ ref('int_endpoints__offers') }}

),

indices as (

    select * from {{ ref('int_benchmarks__indices') }}

),

tasks as (

    select * from {{ ref('int_tasks__top') }}

)

select
    usage.date,
    usage.model_permaslug,
    attributes.base_slug,
    attributes.variant,
    attributes.author,
    usage.model_id,
    usage.rank,
    usage.share,
    usage.share_change_7d_pp,
    usage.share_change_28d_pp,
    usage.rank_change_7d,
    usage.price_class,
    usage.prompt_usd_per_mtok,
    usage.completion_usd_per_mtok,
    usage.cache_read_usd_per_mtok,
    attributes.context_length,
    offers.endpoints,
    offers.endpoints_up,
    offers.providers,
    offers.median_uptime_30m_pct,
    offers.as_of as endpoints_as_of,
    speeds.median_latency_30m_p50_seconds,
    speeds.median_throughput_30m_p50_tokens_per_second,
    indices.intelligence_index,
    indices.coding_index,
    indices.agentic_index,
    indices.as_of as benchmarks_as_of,
    usage.prompt_usd_per_mtok / nullif(indices.intelligence_index, 0) as prompt_usd_per_mtok_per_index_point,
    usage.completion_usd_per_mtok / nullif(indices.intelligence_index, 0) as completion_usd_per_mtok_per_index_point,
    attributes.weights,
    attributes.size_class,
    attributes.reasoning,
    tasks.top_task,
    tasks.top_task_token_share,
    tasks.as_of as tasks_as_of,
    attributes.created_on,
    usage.price_as_of,
    usage.rankings_as_of
from usage
inner join attributes using (model_permaslug)
left join listed using (model_id)
left join offers on listed.model_id = offers.model_id
left join offers as speeds on usage.model_id = speeds.model_id
left join indices on attributes.base_slug = indices.base_slug
left join tasks on usage.model_id = tasks.model_id
