-- What the change of the total is made of. A model listed in both windows counts for its class; one that was created
-- in the window, or is listed in one window only, is kept apart: where a list of 50 begins and ends says nothing of who
-- came or went.
{%- set dimensions = {
    'model': none,
    'author': none,
    'variant': none,
    'price_class': 'price',
    'weights': none,
    'reasoning': 'listing',
    'author_country': none,
} %}
with windows as (

    select * from {{ ref('int_growth__windows') }}
    where total_tokens is not null and base_total_tokens is not null

),

members as (

    select * from {{ ref('int_growth__members') }}

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

days as (

    select * from {{ ref('int_usage__priced') }}
    where period = 'day'

),

-- The class of the price is that of the window's last day that lists the model.
price_classes as (

    select
        windows.horizon,
        windows.window_end,
        days.model_permaslug,
        max_by(days.price_class, days.period_start) as price_class,
        max_by(days.price_as_of, days.period_start) as price_as_of,
        max_by(days.price_fetched_at, days.period_start) as price_fetched_at
    from windows
    inner join days on days.period_start between windows.window_start and windows.window_end
    where windows.ranking = 'all'
    group by all

),

model_changes as (

    select
        members.horizon,
        members.window_end,
        members.member as model,
        attributes.author,
        attributes.variant,
        attributes.weights,
        attributes.reasoning,
        attributes.author_country,
        price_classes.price_class,
        case
            when members.created_on between members.window_start and members.window_end then 'launched'
            when members.tokens = 0 or members.base_tokens = 0 then 'crossed_top50'
        end as artefact,
        members.tokens,
        members.base_tokens,
        attributes.as_of as listing_as_of,
        attributes.fetched_at as listing_fetched_at,
        price_classes.price_as_of,
        price_classes.price_fetched_at
    from members
    inner join windows using (ranking, horizon, window_end)
    inner join attributes on members.member = attributes.model_permaslug
    left join price_classes
        on
            members.horizon = price_classes.horizon
            and members.window_end = price_classes.window_end
            and members.member = price_classes.model_permaslug
    where members.ranking = 'all' and members.member_type = 'model'

),

parts as (

    {% for dimension, input in dimensions.items() -%}
        select
            'all' as ranking,
            horizon,
            window_end,
            '{{ dimension }}' as dimension,
            coalesce(artefact, {{ dimension }}) as member,
            cast(sum(tokens) as bigint) as tokens,
            cast(sum(base_tokens) as bigint) as base_tokens,
            -- Which day a model was created on, and so what is an artefact, is told by /models.
            {%- set as_of = 'greatest(listing_as_of, price_as_of)' if input == 'price' else 'listing_as_of' %}
            max({{ as_of }}) as input_as_of,
            min({{ 'least(listing_as_of, price_as_of)' if input == 'price' else 'listing_as_of' }})
                as input_oldest_as_of,
            max_by(
                {{ 'case when price_as_of > listing_as_of then price_fetched_at else listing_fetched_at end'
                    if input == 'price' else 'listing_fetched_at' }}, {{ as_of }}
            ) as input_checked_at
        from model_changes
        group by horizon, window_end, coalesce(artefact, {{ dimension }})

        union all

        select
            'all' as ranking,
            horizon,
            window_end,
            '{{ dimension }}' as dimension,
            'other' as member,
            other_tokens as tokens,
            base_other_tokens as base_tokens,
            cast(null as timestamp) as input_as_of,
            cast(null as timestamp) as input_oldest_as_of,
            cast(null as timestamp) as input_checked_at
        from windows
        where ranking = 'all'

        union all

    {% endfor -%}
    select
        'apps' as ranking,
        horizon,
        window_end,
        'app' as dimension,
        member,
        tokens,
        base_tokens,
        cast(null as timestamp) as input_as_of,
        cast(null as timestamp) as input_oldest_as_of,
        cast(null as timestamp) as input_checked_at
    from members
    where ranking = 'apps' and tokens > 0 and base_tokens > 0

    union all

    -- All that no app has which is listed in both windows.
    select
        'apps' as ranking,
        windows.horizon,
        windows.window_end,
        'app' as dimension,
        'unattributed' as member,
        cast(windows.total_tokens - coalesce(sum(listed.tokens), 0) as bigint) as tokens,
        cast(windows.base_total_tokens - coalesce(sum(listed.base_tokens), 0) as bigint) as base_tokens,
        cast(null as timestamp) as input_as_of,
        cast(null as timestamp) as input_oldest_as_of,
        cast(null as timestamp) as input_checked_at
    from windows
    left join members as listed
        on
            windows.ranking = listed.ranking
            and windows.horizon = listed.horizon
            and windows.window_end = listed.window_end
            and listed.tokens > 0
            and listed.base_tokens > 0
    where windows.ranking = 'apps'
    group by windows.horizon, windows.window_end, windows.total_tokens, windows.base_total_tokens

)

select
    parts.window_end,
    parts.horizon,
    parts.dimension,
    parts.member,
    parts.tokens,
    parts.base_tokens,
    parts.tokens - parts.base_tokens as change_tokens,
    100 * ((parts.tokens - parts.base_tokens) / windows.base_total_tokens) as contribution_pp,
    windows.total_tokens,
    windows.base_total_tokens,
    windows.scope_id,
    windows.source_url,
    greatest(windows.as_of, parts.input_as_of) as as_of,
    least(windows.oldest_as_of, parts.input_oldest_as_of) as oldest_as_of,
    case when parts.input_as_of > windows.as_of then parts.input_checked_at else windows.checked_at end as checked_at
from parts
inner join windows using (ranking, horizon, window_end)
