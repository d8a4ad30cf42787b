-- Figures about this traffic that others published, compared with ours for the same days. A figure matches if it is
-- within 1% of ours or within half a unit of its last digit.
with figures as (

    select * from {{ ref('public_figures') }}

),

ours as (

    select * from {{ ref('int_figures__measured') }}

),

-- A figure that cannot be compared has the provenance of the newest period.
newest as (

    {{ whole_periods_of_all_traffic() }}
    qualify row_number() over (order by period_end desc, as_of desc, period_start desc) = 1

),

compared as (

    select
        figures.*,
        greatest(0.01 * figures.value, figures.rounded_to / 2) as tolerance,
        ours.tokens / case figures.metric when 'share' then ours.total_tokens else 1 end as our_value,
        ours.tokens_high / case figures.metric when 'share' then ours.total_tokens else 1 end as our_value_high,
        ours.as_of,
        ours.oldest_as_of,
        ours.checked_at
    from figures
    left join ours using (figure_id)

),

-- A figure with a reason is undecidable; any other is a match or a mismatch.
explained as (

    select
        *,
        case
            when subject_type not in ('total', 'model', 'author', 'app', 'country', 'weights', 'reasoning')
                then 'The source does not publish this for all traffic.'
            when window_start is null or window_end is null then 'The page does not name the days.'
            when our_value is null then 'Not every day of the window was observed.'
            when value > our_value + tolerance and value <= our_value_high + tolerance
                then 'The figure lies between what was observed and its upper bound.'
        end as why_undecidable
    from compared

)

select
    explained.figure_id,
    explained.said_by,
    explained.said_on,
    explained.subject_type,
    explained.subject,
    explained.metric,
    explained.period,
    explained.window_start,
    explained.window_end,
    explained.value as said_value,
    explained.is_at_least,
    cast(explained.our_value as double) as our_value,
    cast(explained.our_value_high as double) as our_value_high,
    100 * (explained.value / nullif(explained.our_value, 0) - 1) as difference_pct,
    case
        when explained.why_undecidable is not null then 'undecidable'
        when
            explained.value <= explained.our_value + explained.tolerance
            and (explained.is_at_least or explained.value >= explained.our_value - explained.tolerance) then 'match'
        else 'mismatch'
    end as verdict,
    coalesce(explained.why_undecidable, explained.note) as why,
    explained.evidence_url,
    explained.checked_on as evidence_checked_on,
    newest.scope_id,
    newest.source_url,
    coalesce(explained.as_of, newest.as_of) as as_of,
    coalesce(explained.oldest_as_of, newest.oldest_as_of) as oldest_as_of,
    coalesce(explained.checked_at, newest.checked_at) as checked_at
from explained
cross join newest
-- Public figures are about real traffic, so simulated data has nothing to compare.
where newest.scope_id <> 'simulated'
