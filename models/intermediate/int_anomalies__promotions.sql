{{ config(materialized='view') }}
-- Promotions: ids that had a price and became free, and endpoints whose discount grew.
with price_changes as (

    select * from {{ ref('int_anomalies__price_changes') }}

),

endpoints as (

    {{ whole_sweeps() }}

),

discounts as (

    select
        model_id,
        raw_file,
        as_of,
        max(scope_id) as scope_id,
        max(source_url) as source_url,
        max(fetched_at) as checked_at,
        coalesce(max(discount_price), 0) as discount,
        max_by(provider_name, (coalesce(discount_price, 0), provider_name)) as provider_name
    from endpoints
    where endpoint_no is not null
    group by model_id, raw_file, as_of

),

discount_changes as (

    select
        *,
        lag(discount) over by_time as previous_discount,
        lag(as_of) over by_time as previous_as_of
    from discounts
    window by_time as (partition by model_id order by as_of, discount)

),

promotions as (

    select
        date,
        model_id,
        prompt as value,
        previous_prompt as expected,
        100 as score,
        evidence,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from price_changes
    where is_free and (previous_prompt > 0 or previous_completion > 0)

    union all

    select
        cast(as_of as date) as date,
        model_id,
        cast(discount as double) as value,
        cast(previous_discount as double) as expected,
        cast(100 * (discount - previous_discount) as double) as score,
        {{ filled('sentences.template', {
            'previous_discount': as_percent('previous_discount'),
            'discount': as_percent('discount'),
            'provider': 'provider_name',
        }) }} as evidence,
        scope_id,
        source_url,
        as_of,
        previous_as_of as oldest_as_of,
        checked_at
    from discount_changes
    left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'discount'
    where discount > previous_discount

)

select
    date,
    'promotion' as kind,
    'model_id' as subject_type,
    model_id as subject,
    model_id as subject_name,
    false as is_up,
    value,
    expected,
    score,
    evidence,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from promotions
