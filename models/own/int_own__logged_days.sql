-- Days, models and providers of the log, each combination once.
{{ config(tags=['bulk']) }}

select distinct
    logged_model,
    logged_variant,
    provider_name,
    date
from {{ ref('stg_usage__calls') }}
where skipped is null and refusal is null
