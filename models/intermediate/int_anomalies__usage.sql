-- What is expected of each model, author and app on each day, and of the total: for a member, the median of its shares
-- of the 14 days before, of today's total; for the total, the median of its growth over a week, on the day a week
-- before. The scale is that of an ordinary day: the median change from day to day, taken as a standard deviation.
with shares as (

    {% for subject, mart in {'model_permaslug': 'model', 'author': 'author', 'app_id': 'app'}.items() -%}
        select
            '{{ mart }}' as subject_type,
            cast({{ subject }} as varchar) as subject,
            {{ 'app_name' if mart == 'app' else subject }} as subject_name,
            period_start as date,
            tokens,
            total_tokens,
            total_tokens as measure_tokens,
            share,
            rank,
            scope_id,
            source_url,
            as_of,
            oldest_as_of,
            checked_at
        from {{ ref('share_' ~ mart) }}
        where period = 'day'

        union all

    {% endfor -%}
    select
        'total' as subject_type,
        'all' as subject,
        'all traffic' as subject_name,
        today.span_end as date,
        today.total_tokens as tokens,
        today.total_tokens,
        week_before.total_tokens as measure_tokens,
        1 as share,
        1 as rank,
        today.scope_id,
        today.source_url,
        greatest(today.as_of, week_before.as_of) as as_of,
        least(today.oldest_as_of, week_before.oldest_as_of) as oldest_as_of,
        case when week_before.as_of > today.as_of then week_before.checked_at else today.checked_at end as checked_at
    from {{ ref('int_spans') }} as today
    inner join {{ ref('int_spans') }} as week_before
        on
            today.ranking = week_before.ranking
            and today.span = week_before.span
            and today.span_end - 7 = week_before.span_end
    where today.ranking = 'all' and today.span = 'day'

),

levels as (

    select
        *,
        ln(tokens / measure_tokens) as level,
        abs(
            ln(tokens / measure_tokens)
            - lag(ln(tokens / measure_tokens)) over (partition by subject_type, subject order by date)
        ) as day_change
    from shares
    where tokens > 0

)

select
    *,
    count(*) over two_weeks as days_before,
    exp(median(level) over two_weeks) * measure_tokens as expected_tokens,
    (level - median(level) over two_weeks)
    / greatest(1.4826 * median(day_change) over two_weeks, 0.1) as score,
    count(*) over one_week as week_days_before,
    median(share) over one_week as week_share,
    median(tokens) over one_week as week_tokens,
    min(oldest_as_of) over (
        partition by subject_type, subject order by date
        range between interval 14 days preceding and current row
    ) as baseline_oldest_as_of
from levels
window
    two_weeks as (
        partition by subject_type, subject order by date
        range between interval 14 days preceding and interval 1 day preceding
    ),
    one_week as (
        partition by subject_type, subject order by date
        range between interval 7 days preceding and interval 1 day preceding
    )
