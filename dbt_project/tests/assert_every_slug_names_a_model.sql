{{ config(meta={'dagster': {'ref': {'name': 'int_rankings__covered'}}}, severity='warn') }}
-- Every row of the newest rankings of the last 28 days names a model or is `other`. A row with a malformed slug is kept
-- in raw and counted in `other`, but not as a model or author.
with covered as (

    select * from {{ ref('int_rankings__covered') }}
    where is_latest

),

reported as (

    {% for surface in ['rankings', 'rankings_export'] -%}
        select
            raw_file,
            period,
            period_start,
            model_permaslug,
            tokens,
            is_malformed
        from {{ ref('stg_openrouter__' ~ surface) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    reported.period_start as date,
    covered.slice,
    '“' || reported.model_permaslug || '”' as model_permaslug,
    reported.tokens,
    reported.raw_file
from reported
inner join covered using (raw_file, period, period_start)
where
    reported.is_malformed
    and reported.period_start > (select max(newest.period_start) - 28 from covered as newest)
order by date desc, tokens desc
