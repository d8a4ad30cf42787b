{#-
    The newest response for each day of all traffic: date, raw_file, as_of, fetched_at. It uses the raw tables only, so
    that data tests do not depend on the models. A response that covers a day counts even if it has no rows for that
    day.
-#}
{% macro newest_raw_responses() -%}
    select
        days.date,
        responses.raw_file,
        responses.as_of,
        responses.fetched_at
    from (
        select date from {{ source('raw', 'rankings') }}
        union
        select date from {{ source('raw', 'rankings_export') }}
    ) as days
    inner join {{ source('raw', 'responses') }} as responses
        on
            days.date between responses.start_date and responses.end_date
            and days.date < cast(responses.as_of as date)
    where
        {{ is_rankings_surface('responses.surface') }}
        and coalesce(responses.period, 'day') = 'day'
        and coalesce(responses.modality, responses.context_bucket, responses.category, responses.language_type) is null
    qualify {{ is_latest_by('days.date') }}
{%- endmacro %}
