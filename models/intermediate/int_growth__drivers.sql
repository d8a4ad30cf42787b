-- Members of every dimension with their tokens in both windows. A separate member has the tokens that no listed member
-- explains, so that each dimension adds up to the total.
{%- set dimensions = {
    'model': 'listing',
    'author': 'listing',
    'variant': 'listing',
    'price_class': 'price',
    'weights': 'listing',
    'reasoning': 'listing',
    'author_country': 'listing',
} %}
with windows as (

    select * from {{ ref('int_growth__windows') }}
    where total_tokens is not null and base_total_tokens is not null

),

changes as (

    select * from {{ ref('int_growth__changes') }}

),

apps as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'apps' and tokens > 0 and base_tokens > 0

),

-- Subtracted from the total below, because what these apps do not explain is unattributed.
listed as (

    select
        horizon,
        window_end,
        sum(tokens) as tokens,
        sum(base_tokens) as base_tokens
    from apps
    group by horizon, window_end

),

-- Unlisted models are `other` in every dimension. Not materialized, because each dimension reads few of these columns.
models as not materialized (

    select
        horizon,
        window_end,
        {{ dimensions | join(', ') }},
        artefact,
        tokens,
        base_tokens,
        listing_as_of,
        listing_oldest_as_of,
        listing_checked_at,
        price_as_of,
        price_oldest_as_of,
        price_checked_at
    from changes

    union all

    select
        horizon,
        window_end,
        {% for dimension in dimensions -%}
            null as {{ dimension }},
        {% endfor -%}
        'other' as artefact,
        other_tokens as tokens,
        base_other_tokens as base_tokens,
        null as listing_as_of,
        null as listing_oldest_as_of,
        null as listing_checked_at,
        null as price_as_of,
        null as price_oldest_as_of,
        null as price_checked_at
    from windows
    where ranking = 'all'

)

-- A member has times only for what it takes from lists of models and prices; growth_drivers adds those of the totals.
{% for dimension, input in dimensions.items() -%}
    select
        'all' as ranking,
        horizon,
        window_end,
        '{{ dimension }}' as dimension,
        coalesce(artefact, {{ dimension }}) as member,
        cast(sum(tokens) as bigint) as tokens,
        cast(sum(base_tokens) as bigint) as base_tokens,
        {{ newest_times(input ~ '_as_of', input ~ '_oldest_as_of', input ~ '_checked_at') }}
    from models
    group by horizon, window_end, coalesce(artefact, {{ dimension }})

    union all

{% endfor -%}
select
    ranking,
    horizon,
    window_end,
    'app' as dimension,
    member,
    tokens,
    base_tokens,
    cast(null as timestamp) as as_of,
    cast(null as timestamp) as oldest_as_of,
    cast(null as timestamp) as checked_at
from apps

union all

-- An app is a member only if both windows list it; all other traffic is unattributed.
select
    windows.ranking,
    windows.horizon,
    windows.window_end,
    'app' as dimension,
    'unattributed' as member,
    cast(windows.total_tokens - coalesce(listed.tokens, 0) as bigint) as tokens,
    cast(windows.base_total_tokens - coalesce(listed.base_tokens, 0) as bigint) as base_tokens,
    cast(null as timestamp) as as_of,
    cast(null as timestamp) as oldest_as_of,
    cast(null as timestamp) as checked_at
from windows
left join listed using (horizon, window_end)
where windows.ranking = 'apps'
