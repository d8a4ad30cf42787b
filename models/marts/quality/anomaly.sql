-- Changes worth a look. None of them is an error by itself.
with kinds as (

    select * from {{ ref('anomaly_kinds') }}

),

usage as (

    select * from {{ ref('int_anomalies__usage') }}

),

prices as (

    select * from {{ ref('price_history') }}
    -- An alias has the price of whatever it points to.
    where not is_return and not starts_with(model_id, '~')

),

endpoints as (

    select * from {{ ref('stg_openrouter__endpoints') }}
    where endpoint_no is not null

),

spikes_and_drops as (

    select
        date,
        case when score > 0 then 'token_spike' else 'token_drop' end as kind,
        subject_type,
        subject,
        tokens as value,
        expected_tokens as expected,
        abs(score) as score,
        {{ with_commas('tokens') }}
        || ' tokens of '
        || subject_name
        || ', where '
        || {{ with_commas('expected_tokens') }}
        || ' were to be expected.' as evidence,
        scope_id,
        source_url,
        as_of,
        baseline_oldest_as_of as oldest_as_of,
        checked_at
    from usage
    where days_before >= 10

),

share_jumps as (

    select
        date,
        'share_jump' as kind,
        subject_type,
        subject,
        share as value,
        week_share as expected,
        100 * abs(share - week_share) as score,
        {{ as_percent('share') }} || ' for ' || subject_name || ' after a median of ' || {{ as_percent('week_share') }}
        || ' in the seven days before.' as evidence,
        scope_id,
        source_url,
        as_of,
        baseline_oldest_as_of as oldest_as_of,
        checked_at
    from usage
    where week_days_before = 7 and subject_type in ('model', 'author')

),

seconds as (

    select * from usage
    where rank = 2

),

leaders as (

    select
        today.date,
        'new_leader' as kind,
        today.subject_type,
        today.subject,
        today.share as value,
        former_today.share as expected,
        100 * (today.share - seconds.share) as score,
        today.subject_name || ' with ' || {{ as_percent('today.share') }} || ' leads before ' || seconds.subject_name
        || ' with ' || {{ as_percent('seconds.share') }} || '; the day before ' || former.subject_name
        || ' did.' as evidence,
        today.scope_id,
        today.source_url,
        greatest(today.as_of, former.as_of) as as_of,
        least(today.oldest_as_of, former.oldest_as_of) as oldest_as_of,
        case when former.as_of > today.as_of then former.checked_at else today.checked_at end as checked_at
    from usage as today
    inner join seconds using (subject_type, date)
    inner join usage as former
        on
            today.subject_type = former.subject_type
            and today.date - 1 = former.date
            and today.rank = former.rank
            and today.subject <> former.subject
    left join usage as former_today
        on
            former.subject_type = former_today.subject_type
            and former.subject = former_today.subject
            and today.date = former_today.date
    where today.rank = 1

),

-- Of a model or an app that was listed throughout the week before, and is not in the next day's whole list.
disappeared as (

    select
        lists.span_end as date,
        'disappearance' as kind,
        last_seen.subject_type,
        last_seen.subject,
        lists.unlisted_member_tokens_high as value,
        last_seen.week_tokens as expected,
        -- What is gone for certain: not listed is not zero.
        100 * (last_seen.week_tokens - lists.unlisted_member_tokens_high) / lists.total_tokens as score,
        last_seen.subject_name || ' had a median of ' || {{ with_commas('last_seen.week_tokens') }}
        || ' tokens in the week before, and can have had '
        || {{ with_commas('lists.unlisted_member_tokens_high') }} || ' at most.' as evidence,
        lists.scope_id,
        lists.source_url,
        greatest(lists.as_of, last_seen.as_of) as as_of,
        least(lists.oldest_as_of, last_seen.baseline_oldest_as_of) as oldest_as_of,
        case when last_seen.as_of > lists.as_of then last_seen.checked_at else lists.checked_at end as checked_at
    from usage as last_seen
    inner join {{ ref('int_spans') }} as lists
        on
            lists.span = 'day'
            and lists.ranking = case last_seen.subject_type when 'model' then 'all' else 'apps' end
            and last_seen.date + 1 = lists.span_end
    left join usage as next_day
        on
            last_seen.subject_type = next_day.subject_type
            and last_seen.subject = next_day.subject
            and last_seen.date + 1 = next_day.date
    where
        last_seen.subject_type in ('model', 'app')
        and last_seen.week_days_before >= 6
        and next_day.subject is null

),

price_jumps as (

    select
        cast(valid_from as date) as date,
        'price_jump' as kind,
        'model_id' as subject_type,
        model_id as subject,
        case
            when abs(coalesce(prompt_change_pct, 0)) >= abs(coalesce(completion_change_pct, 0))
                then prompt_usd_per_mtok
            else completion_usd_per_mtok
        end as value,
        case
            when abs(coalesce(prompt_change_pct, 0)) >= abs(coalesce(completion_change_pct, 0))
                then previous_prompt_usd_per_mtok
            else previous_completion_usd_per_mtok
        end as expected,
        -- As a factor either way: halved is as far as doubled.
        100 * greatest(
            {{ factor('prompt_usd_per_mtok', 'previous_prompt_usd_per_mtok') }},
            {{ factor('completion_usd_per_mtok', 'previous_completion_usd_per_mtok') }}
        ) - 100 as score,
        'Input ' || {{ as_change('previous_prompt_usd_per_mtok', 'prompt_usd_per_mtok') }} || ', output '
        || {{ as_change('previous_completion_usd_per_mtok', 'completion_usd_per_mtok') }}
        || ' USD per million tokens.' as evidence,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from prices
    where not is_free and ('prompt' in changed or 'completion' in changed)

),

made_free as (

    select
        cast(valid_from as date) as date,
        'promotion' as kind,
        'model_id' as subject_type,
        model_id as subject,
        prompt_usd_per_mtok as value,
        previous_prompt_usd_per_mtok as expected,
        100 as score,
        'Input ' || {{ as_change('previous_prompt_usd_per_mtok', 'prompt_usd_per_mtok') }} || ', output '
        || {{ as_change('previous_completion_usd_per_mtok', 'completion_usd_per_mtok') }}
        || ' USD per million tokens.' as evidence,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from prices
    where is_free and (previous_prompt_usd_per_mtok > 0 or previous_completion_usd_per_mtok > 0)

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
    group by model_id, raw_file, as_of

),

discounts_in_time as (

    select
        *,
        lag(discount) over (partition by model_id order by as_of) as previous_discount,
        lag(as_of) over (partition by model_id order by as_of) as previous_as_of
    from discounts

),

discount_begun as (

    select
        cast(as_of as date) as date,
        'promotion' as kind,
        'model_id' as subject_type,
        model_id as subject,
        cast(discount as double) as value,
        cast(previous_discount as double) as expected,
        cast(100 * (discount - previous_discount) as double) as score,
        'The greatest discount of an endpoint went from ' || {{ as_percent('previous_discount') }} || ' to '
        || {{ as_percent('discount') }} || ', at ' || provider_name || '.' as evidence,
        scope_id,
        source_url,
        as_of,
        previous_as_of as oldest_as_of,
        checked_at
    from discounts_in_time
    where discount > previous_discount

),

found as (

    {% for source in [
        'spikes_and_drops', 'share_jumps', 'leaders', 'disappeared', 'price_jumps', 'made_free', 'discount_begun'
    ] -%}
        select * from {{ source }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

flagged as (

    select
        found.*,
        kinds.threshold,
        kinds.unit as score_unit,
        kinds.hint
    from found
    inner join kinds using (kind)
    where found.score >= kinds.threshold
    qualify
        row_number() over (
            partition by found.date, found.kind, found.subject_type, found.subject
            order by found.score desc, found.as_of desc
        ) = 1

),

-- What goes on for days, or comes again within a week, is one change: it is that of its first day.
numbered as (

    select
        *,
        date - lag(date) over same_change_in_time <= 7 as goes_on
    from flagged
    window same_change_in_time as (partition by kind, subject_type, subject order by date)

),

changes as (

    select
        *,
        sum(case when goes_on then 0 else 1 end) over (
            partition by kind, subject_type, subject order by date
        ) as change_no
    from numbered

)

select
    date,
    kind,
    subject_type,
    subject,
    cast(value as double) as value,
    cast(expected as double) as expected,
    cast(score as double) as score,
    threshold,
    score_unit,
    max(date) over same_change as last_date,
    count(*) over same_change as days_flagged,
    evidence,
    hint,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from changes
window same_change as (partition by kind, subject_type, subject, change_no)
qualify date = min(date) over same_change
