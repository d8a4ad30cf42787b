{#-
    The newest response for each day of all traffic: date, raw_file, as_of, fetched_at. Data tests read it from the raw
    tables, so that they do not depend on the models. A response that covers a day without having rows for it counts.
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
        responses.surface in ('rankings', 'rankings_export')
        and coalesce(responses.period, 'day') = 'day'
        and coalesce(responses.modality, responses.context_bucket, responses.category, responses.language_type) is null
    qualify {{ is_latest_by('days.date') }}
{%- endmacro %}
