-- Every usable call with what its price depends on: the day, model and provider, the part of the day, and classes of
-- its length. -1 stands for what the log leaves open.
{{ config(materialized='view', tags=['bulk']) }}

with thresholds as (

    select thresholds from {{ ref('int_own__thresholds') }}

),

days as (

    select * from {{ ref('int_own__days') }}

),

placed as (

    select
        calls.*,
        days.day_no,
        case
            when cardinality(days.cuts) = 0 then 0
            when calls.is_daily then -1
            else cast(cardinality({{ array_where('days.cuts', 'cut', 'cut <= calls.called_at') }}) as integer)
        end as segment_no,
        case
            when cardinality(thresholds) = 0 or calls.prompt_tokens <= {{ array_element('thresholds', 1) }} then 0
            when calls.is_aggregate then -1
            else cast(cardinality({{ array_where(
                'thresholds', 'threshold', 'calls.prompt_tokens > threshold'
            ) }}) as integer)
        end as prompt_class,
        -- Where a row adds up calls, a call of the mean length stands for all of them.
        case
            when cardinality(thresholds) = 0 or calls.prompt_tokens <= {{ array_element('thresholds', 1) }} then 0
            else cast(cardinality({{ array_where(
                'thresholds', 'threshold', 'calls.prompt_tokens / calls.calls > threshold'
            ) }}) as integer)
        end as mean_class,
        case
            when cardinality(days.clock_times) = 1 then 0
            when calls.is_daily then -1
            else {{ array_largest(array_where(
                'days.clock_times',
                't',
                't <= 100 * extract(hour from calls.called_at) + extract(minute from calls.called_at)',
            )) }}
        end as clock_time,
        days.has_prompt_classes,
        case
            when calls.calls = 1
                then {{ own_length_class('calls.prompt_tokens + calls.completion_tokens') }}
            else -1
        end as length_class
    from {{ ref('int_own__calls') }} as calls
    inner join days
        on
            calls.date = days.date
            and calls.logged_model = days.logged_model
            and calls.logged_variant is not distinct from days.logged_variant
            and calls.provider_name is not distinct from days.provider_name
    cross join thresholds

)

select
    *,
    case when has_prompt_classes then prompt_class else 0 end as offer_class
from placed
