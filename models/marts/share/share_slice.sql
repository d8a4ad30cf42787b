with spans as (

    select * from {{ ref('int_windows') }}
    where ranking not in ('all', 'apps') and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where member_type = 'model'

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

)

select
    spans.span as period,
    spans.span_start as period_start,
    -- modality=text&context_bucket=10K is the slice text&10K of the kind modality&context_bucket.
    regexp_replace(spans.ranking, '=[^&]*', '', 'g') as slice_kind,
    regexp_replace(spans.ranking, '[^&]*=', '', 'g') as slice,
    members.member as model_permaslug,
    attributes.base_slug,
    attributes.variant,
    attributes.author,
    attributes.weights,
    contains(spans.ranking, 'category=') or contains(spans.ranking, 'language_type=') as is_estimate,
    {{ share_columns() }}
from spans
inner join members using (ranking, span, span_start)
inner join attributes on members.member = attributes.model_permaslug
