-- Flags responses that look incomplete for a period they cover. A truncated list still parses and has plausible shares,
-- so it is detected by comparison with earlier responses. Rows and tokens rarely fall by half from one
-- period to the next, so a response with less than half of either looks truncated.
with measured as (

    select * from {{ ref('int_responses__measured') }}

),

-- The previous period is represented by its fullest response, because a truncated response may be truncated for all of
-- its days.
fullest as (

    select
        ranking,
        period,
        period_start,
        max(row_count) as row_count,
        max(tokens) as tokens,
        max(other_tokens) as other_tokens
    from measured
    group by ranking, period, period_start

),

against_the_period_before as (

    select
        measured.*,
        before.row_count as before_row_count,
        before.tokens as before_tokens,
        before.other_tokens as before_other_tokens,
        coalesce(
            measured.row_count > 0
            and (2 * measured.row_count < before.row_count or 2 * measured.tokens < before.tokens), false
        ) as is_below_period_before
    from measured
    left join fullest as before
        on
            measured.ranking = before.ranking
            and measured.period = before.period
            and {{ previous_period_start('measured.period', 'measured.period_start') }} = before.period_start

),

-- The best comparison is the fullest earlier response for the same period, unless it is itself far below the period
-- before.
against_the_responses_before as (

    select
        *,
        max(case when not is_below_period_before then row_count end) over earlier_responses as earlier_row_count,
        max(case when not is_below_period_before then tokens end) over earlier_responses as earlier_tokens,
        max(case when not is_below_period_before then other_tokens end) over earlier_responses as earlier_other_tokens
    from against_the_period_before
    window earlier_responses as (
        partition by ranking, period, period_start
        order by as_of, fetched_at, raw_file
        rows between unbounded preceding and 1 preceding
    )

),

referenced as (

    select
        *,
        coalesce(earlier_row_count, before_row_count) as reference_row_count,
        coalesce(earlier_tokens, before_tokens) as reference_tokens,
        coalesce(earlier_other_tokens, before_other_tokens) as reference_other_tokens,
        case
            when earlier_row_count is null then is_below_period_before
            else 2 * row_count < earlier_row_count or 2 * tokens < earlier_tokens
        end as is_below_reference
    from against_the_responses_before

),

compared as (

    select
        *,
        -- An `other` of more than 1% of the tokens does not disappear by itself, so the list was truncated.
        lacks_other
        or coalesce(row_count > 0 and other_rows = 0 and reference_other_tokens > 0.01 * reference_tokens, false)
            as has_lost_other
    from referenced

)

select
    raw_file,
    ranking,
    period,
    period_start,
    has_lost_other or is_below_reference as is_truncated,
    has_lost_other or is_below_reference or malformed_rows > 0 or other_rows > 1 as is_suspect,
    nullif(
        concat_ws(
            ', ',
            case when has_lost_other then 'no_other' end,
            case when other_rows > 1 then 'repeated_other' end,
            case when is_below_reference and 2 * row_count < reference_row_count then 'fewer_rows' end,
            case when is_below_reference and 2 * tokens < reference_tokens then 'fewer_tokens' end,
            case when malformed_rows > 0 then 'malformed_slug' end
        ),
        ''
    ) as suspect_reason,
    -- Tokens that the response lacks relative to the one it was compared with; unknown if there is none.
    case
        when not (has_lost_other or is_below_reference) then 0
        when reference_tokens is not null
            then greatest(reference_tokens - tokens, reference_other_tokens - other_tokens, 0)
    end as missing_tokens,
    largest_malformed_tokens
from compared
