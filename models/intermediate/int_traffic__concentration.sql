-- Concentration of the traffic of each day, week and month on models and authors.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'all'

),

sums as (

    select
        period,
        period_start,
        {% for member_type in ['model', 'author'] -%}
            count(*) filter (where member_type = '{{ member_type }}') as {{ member_type }}s_listed,
            cast(
                coalesce(
                    sum(cast(tokens as decimal(19, 0)) * cast(tokens as decimal(19, 0)))
                    filter (where member_type = '{{ member_type }}'), 0
                ) as double
            ) as {{ member_type }}_squares,
        {% endfor -%}
        max(tokens) filter (where member_type = 'author') as leading_author_tokens,
        sum(tokens) filter (where member_type = 'weights' and member = 'open') as open_tokens,
        sum(tokens) filter (where member_type = 'weights' and member = 'closed') as closed_tokens,
    {% for top in [1, 3, 5, 10] -%}
        sum(tokens) filter (where member_type = 'model' and rank <= {{ top }}) as top_{{ top }}_tokens
        {{- ',' if not loop.last }}
    {% endfor %}
    from members
    group by period, period_start

)

select
    periods.period,
    periods.period_start,
    sums.models_listed,
    sums.authors_listed,
    {% for member_type in ['model', 'author'] -%}
        {{ hhi('sums.' ~ member_type ~ '_squares') }} as hhi_{{ member_type }}_low,
        -- There is no upper bound if a member was unlisted on some day or a truncated response lacks rows.
        case
            when periods.basis = 'source' and not periods.is_truncated
                then {{ hhi('sums.' ~ member_type ~ '_squares + ' ~ {
                'model': unlisted_model_squares('periods.other_tokens', 'periods.unlisted_member_tokens_high'),
                'author': unlisted_author_squares('periods.other_tokens', 'coalesce(sums.leading_author_tokens, 0)'),
            }[member_type]) }}
        end as hhi_{{ member_type }}_high,
    {% endfor -%}
    {% for top in [1, 3, 5, 10] -%}
        sums.top_{{ top }}_tokens / periods.total_tokens as cr{{ top }},
    {% endfor -%}
    coalesce(sums.open_tokens, 0) / periods.total_tokens as open_weights_share_low,
    -- Every model that is not known to be closed may be open: unclassified, undisclosed and unlisted models.
    least(
        periods.total_tokens - periods.other_tokens - coalesce(sums.closed_tokens, 0)
        + periods.unlisted_group_tokens_high,
        periods.total_tokens
    ) / periods.total_tokens as open_weights_share_high,
    periods.scope_id,
    periods.source_url,
    periods.as_of,
    periods.oldest_as_of,
    periods.checked_at
from periods
inner join sums using (period, period_start)
