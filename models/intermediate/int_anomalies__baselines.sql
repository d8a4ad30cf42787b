-- Each observed day of a subject, with the value expected from the days before. The expected level is the median of the
-- 14 days before. The scale is the change on an ordinary day: the median day-to-day change in the 28 days before, as a
-- standard deviation.
{#- An unlisted day may be below the others, so their minimum and their median are unknown. -#}
{%- set all_listed = 'case when observed_in_3_days = count(level) over three_days then' %}
-- Levels are logarithms, so that a drop by half is as large as a doubling.
with levels as (

    select
        *,
        tokens / total_tokens as share,
        coalesce(tokens, 0) / total_tokens as share_low,
        coalesce(tokens, unlisted_tokens_high) / total_tokens as share_high,
        ln(tokens / reference_tokens) as level,
        date - date '1970-01-01' as day_number
    from {{ ref('int_anomalies__daily_usage') }}

),

-- Observed days in each range of days. DuckDB searches a range again for each function, so the frames below are as many
-- rows instead. It finds a range of numbers faster than one of dates.
counted as (

    select
        *,
        abs(level - lag(level) over by_day) as day_change,
        count(*) over four_weeks as observed_in_28_days,
        count(*) over two_weeks as observed_in_14_days,
        count(*) over one_week as week_days_observed,
        count(*) over three_days as observed_in_3_days
    from levels
    window
        by_day as (partition by subject_type, subject order by day_number),
        four_weeks as (
            partition by subject_type, subject order by day_number range between 28 preceding and 1 preceding
        ),
        two_weeks as (
            partition by subject_type, subject order by day_number range between 14 preceding and 1 preceding
        ),
        one_week as (
            partition by subject_type, subject order by day_number range between 7 preceding and 1 preceding
        ),
        three_days as (
            partition by subject_type, subject order by day_number range between 3 preceding and 1 preceding
        )

)

select
    * exclude (
        day_number, oldest_as_of, week_days_observed, observed_in_28_days, observed_in_14_days, observed_in_3_days
    ),
    count(level) over two_weeks as days_before,
    exp(median(level) over two_weeks) * reference_tokens as expected_tokens,
    median(level) over two_weeks as expected_level,
    greatest(1.4826 * coalesce(median(day_change) over four_weeks, 0), 0.1) as scale,
    week_days_observed,
    count(level) over one_week as week_days_listed,
    median(tokens) over one_week as week_tokens,
    median(share_low) over one_week as week_share_low,
    median(share_high) over one_week as week_share_high,
    max(level) over three_days as recent_level_high,
    {{ all_listed }} min(level) over three_days end as recent_level_low,
    {{ all_listed }} median(level) over three_days end as recent_level,
    max(tokens) over three_days as recent_tokens_high,
    {{ all_listed }} min(tokens) over three_days end as recent_tokens_low,
    max(share_high) over three_days as recent_share_high,
    min(share_low) over three_days as recent_share_low,
    {{ all_listed }} median(share) over three_days end as recent_share,
    max(date) over three_days as previous_date,
    lag(tokens) over by_date as previous_tokens,
    lag(share_high) over by_date as previous_share_high,
    oldest_as_of as day_oldest_as_of,
    min(oldest_as_of) over (
        partition by subject_type, subject order by date
        rows between observed_in_28_days preceding and current row
    ) as oldest_as_of
from counted
window
    by_date as (partition by subject_type, subject order by date),
    four_weeks as (
        partition by subject_type, subject order by date rows between observed_in_28_days preceding and 1 preceding
    ),
    two_weeks as (
        partition by subject_type, subject order by date rows between observed_in_14_days preceding and 1 preceding
    ),
    one_week as (
        partition by subject_type, subject order by date rows between week_days_observed preceding and 1 preceding
    ),
    three_days as (
        partition by subject_type, subject order by date rows between observed_in_3_days preceding and 1 preceding
    )
