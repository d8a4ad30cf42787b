-- Provenance of each model on the scorecard: the newest and oldest of all responses that its facts come from.
with facts as (

    select
        model_permaslug,
        base_slug,
        model_id
    from {{ ref('int_scorecard__facts') }}

),

usage as (

    select * from {{ ref('int_scorecard__usage') }}

),

newest_list as (

    select
        as_of,
        as_of as oldest_as_of,
        fetched_at as checked_at
    from {{ ref('int_models__lists') }}
    where is_newest

),

-- Only an id in the newest list of models is still offered.
listed as (

    select model_id from {{ ref('int_prices__intervals') }}
    where is_open

),

-- An offer comes from two responses: the list of models and, if fetched, the endpoints of the id.
offers as (

    select
        listed.model_id,
        {{ merged_times('newest_list', 'endpoints') }}
    from listed
    cross join newest_list
    left join {{ ref('int_endpoints__offers') }} as endpoints using (model_id)

),

-- A model that lacks a fact has no row for it, so the responses that a fact might have come from do not count.
inputs as (

    select
        model_permaslug,
        as_of,
        oldest_as_of,
        checked_at
    from usage

    union all

    select
        facts.model_permaslug,
        offers.as_of,
        offers.oldest_as_of,
        offers.checked_at
    from facts
    inner join offers using (model_id)

    {% for model, key in {
        'int_models__attributes': 'model_permaslug',
        'int_benchmarks__indices': 'base_slug',
        'int_tasks__top': 'model_id',
    }.items() -%}
        union all

        select
            facts.model_permaslug,
            facts_of.as_of,
            facts_of.as_of as oldest_as_of,
            facts_of.fetched_at as checked_at
        from facts
        inner join {{ ref(model) }} as facts_of using ({{ key }})
        -- A model that is ranked but never listed has attributes from the seeds only, and those have no times.
        where facts_of.as_of is not null

    {% endfor -%}
)

select
    usage.model_permaslug,
    usage.scope_id,
    usage.source_url,
    {{ newest_times('inputs.as_of', 'inputs.oldest_as_of', 'inputs.checked_at') }}
from usage
inner join inputs using (model_permaslug)
group by usage.model_permaslug, usage.scope_id, usage.source_url
