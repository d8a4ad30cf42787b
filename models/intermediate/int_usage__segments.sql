-- Usage by segment in each period that the source reports, for every way of dividing models; unlisted usage is the
-- segment `other`. A division by price or by an attribute in /models has the list of models among its inputs.
{%- set divisions = {
    'variant': none,
    'price_class': 'price',
    'price_tier': 'price',
    'weights': none,
    'size_class': none,
    'author_country': none,
    'reasoning': 'listing',
    'context_class': 'listing',
} %}
with usage as (

    select * from {{ ref('int_usage__priced') }}

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

price_tiers as (

    select * from {{ ref('class_limits') }}
    where dimension = 'price_tier'

),

-- The class of each model in every division, side by side, so that each part below only selects a column.
divided as (

    select
        usage.period,
        usage.period_start,
        usage.tokens,
        usage.variant,
        usage.price_class,
        case usage.price_class when 'paid' then price_tiers.class else usage.price_class end as price_tier,
        attributes.weights,
        attributes.size_class,
        attributes.author_country,
        attributes.reasoning,
        attributes.context_class,
        usage.price_as_of,
        usage.price_checked_at,
        attributes.as_of as listing_as_of,
        attributes.fetched_at as listing_checked_at
    from usage
    inner join attributes using (model_permaslug)
    left join price_tiers on {{ is_in_class(usd_per_mtok('usage.prompt_price'), 'price_tiers') }}

),

-- Each division has all usage, and `other` as a segment of its own, so that it adds up to the total.
parts as (

    {% for division, input in divisions.items() -%}
        select
            period,
            period_start,
            '{{ division }}' as segment_type,
            {{ division }} as segment,
            tokens,
            {{ input ~ '_as_of' if input else 'cast(null as timestamp)' }} as input_as_of,
            {{ input ~ '_checked_at' if input else 'cast(null as timestamp)' }} as input_checked_at
        from divided

        union all

        select
            period,
            period_start,
            '{{ division }}' as segment_type,
            'other' as segment,
            other_tokens as tokens,
            cast(null as timestamp) as input_as_of,
            cast(null as timestamp) as input_checked_at
        from {{ ref('int_rankings__totals') }}
        where ranking = 'all' and other_tokens > 0

        {{ 'union all' if not loop.last }}

    {% endfor %}
)

select
    period,
    period_start,
    segment_type,
    segment,
    cast(sum(tokens) as bigint) as tokens,
    {{ newest_times('input_as_of', 'input_as_of', 'input_checked_at', prefix='input_') }}
from parts
group by period, period_start, segment_type, segment
