{{ config(meta={'dagster': {'ref': {'name': 'share_author'}}}) }}
-- A week or month that is summed from days equals their sum, and an author's figures are those of its models.
{%- set members = {
    'share_model': 'model_permaslug', 'share_author': 'author', 'share_app': 'app_id',
    'share_segment': "segment_type || '=' || segment",
} %}
with day_rows as (

    {% for mart, member in members.items() -%}
        select
            '{{ mart }}' as mart,
            cast({{ member }} as varchar) as member,
            period_start as date,
            tokens
        from {{ ref(mart) }}
        where period = 'day'
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

added_up as (

    {% for mart, member in members.items() -%}
        select
            '{{ mart }}' as mart,
            cast({{ member }} as varchar) as member,
            period,
            period_start,
            {{ days_between('period_start', period_end('period', 'period_start')) }} as date,
            tokens
        from {{ ref(mart) }}
        where period <> 'day' and basis = 'days'
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

periods as (

    select
        added_up.mart,
        added_up.member,
        added_up.period,
        added_up.period_start,
        any_value(added_up.tokens) as tokens,
        sum(day_rows.tokens) as tokens_of_parts
    from added_up
    left join day_rows
        on
            added_up.mart = day_rows.mart
            and added_up.member = day_rows.member
            and added_up.date = day_rows.date
    group by added_up.mart, added_up.member, added_up.period, added_up.period_start

),

authors as (

    select
        'share_author, of its models' as mart,
        authors.author as member,
        authors.period,
        authors.period_start,
        any_value(authors.tokens) as tokens,
        sum(models.tokens) as tokens_of_parts
    from {{ ref('share_author') }} as authors
    left join {{ ref('share_model') }} as models using (author, period, period_start)
    group by authors.author, authors.period, authors.period_start

),

spend as (

    {% for column in ['tokens', 'priced_tokens', 'spend_low', 'spend_high'] -%}
        select
            'spend_author, {{ column }} of its models' as mart,
            authors.author as member,
            authors.period,
            authors.period_start,
            any_value(authors.{{ column }}) as tokens,
            sum(models.{{ column }}) as tokens_of_parts
        from {{ ref('spend_author') }} as authors
        left join {{ ref('spend_model') }} as models using (author, period, period_start)
        group by authors.author, authors.period, authors.period_start
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

compared as (

    select * from periods
    union all
    select * from authors
    union all
    select * from spend

)

select * from compared
where
    (tokens is null) <> (tokens_of_parts is null)
    or abs(tokens - tokens_of_parts) > 1e-9 * greatest(abs(tokens), abs(tokens_of_parts))
