with periods as (

    select
        *,
        -- modality=text&context_bucket=10K becomes the slice text&10K of the kind modality&context_bucket.
        regexp_replace(ranking, '=[^&]*', '', 'g') as slice_kind,
        regexp_replace(ranking, '[^&]*=', '', 'g') as slice,
        contains(ranking, 'category=') or contains(ranking, 'language_type=') as is_estimate
    from {{ ref('int_periods__totals') }}
    where ranking not in ('all', 'apps') and is_whole

),

members as (

    select * from {{ ref('int_periods__members') }}
    where member_type = 'model'

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

)

select
    periods.period,
    periods.period_start,
    periods.slice_kind,
    periods.slice,
    members.member as model_permaslug,
    attributes.base_slug,
    attributes.variant,
    attributes.author,
    attributes.weights,
    periods.is_estimate,
    {{ share_columns() }}
from periods
inner join members using (ranking, period, period_start)
inner join attributes on members.member = attributes.model_permaslug
