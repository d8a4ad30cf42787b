-- What is expected of each model, author and app on each observed day, and of the total, from the days before it.
-- Expected is the median level of the 14 days before. The scale is an ordinary day: the median change from day to day
-- in the 28 days before, as a standard deviation.
{#- An unlisted day may lie below the others: then neither their least nor their median is known. -#}
{%- set all_listed = 'case when count(*) over just_before = count(level) over just_before then' %}
with levels as (

    select
        *,
        tokens / total_tokens as share,
        coalesce(tokens, 0) / total_tokens as share_low,
        least(coalesce(tokens, unlisted_tokens_high), total_tokens) / total_tokens as share_high,
        ln(tokens / measure_tokens) as level,
        abs(ln(tokens / measure_tokens) - lag(ln(tokens / measure_tokens)) over in_time) as day_change
    from {{ ref('int_anomalies__shares') }}
    window in_time as (partition by subject_type, subject order by date)

)

select
    *,
    count(level) over two_weeks as days_before,
    exp(median(level) over two_weeks) * measure_tokens as expected_tokens,
    median(level) over two_weeks as expected_level,
    greatest(1.4826 * coalesce(median(day_change) over four_weeks, 0), 0.1) as scale,
    count(*) over one_week as week_days,
    count(level) over one_week as week_days_listed,
    median(tokens) over one_week as week_tokens,
    median(share_low) over one_week as week_share_low,
    median(share_high) over one_week as week_share_high,
    max(level) over just_before as recent_level_high,
    {{ all_listed }} min(level) over just_before end as recent_level_low,
    {{ all_listed }} median(level) over just_before end as recent_level,
    max(tokens) over just_before as recent_tokens_high,
    {{ all_listed }} min(tokens) over just_before end as recent_tokens_low,
    max(share_high) over just_before as recent_share_high,
    min(share_low) over just_before as recent_share_low,
    {{ all_listed }} median(share) over just_before end as recent_share,
    max(date) over just_before as previous_date,
    lag(tokens) over in_time as previous_tokens,
    lag(share_high) over in_time as previous_share_high,
    min(oldest_as_of) over (
        partition by subject_type, subject order by date
        range between interval 28 days preceding and current row
    ) as baseline_oldest_as_of
from levels
window
    in_time as (partition by subject_type, subject order by date),
    four_weeks as (
        partition by subject_type, subject order by date
        range between interval 28 days preceding and interval 1 day preceding
    ),
    two_weeks as (
        partition by subject_type, subject order by date
        range between interval 14 days preceding and interval 1 day preceding
    ),
    one_week as (
        partition by subject_type, subject order by date
        range between interval 7 days preceding and interval 1 day preceding
    ),
    just_before as (
        partition by subject_type, subject order by date
        range between interval 3 days preceding and interval 1 day preceding
    )
