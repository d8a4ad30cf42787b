-- Days, models and providers of the log, each combination once.
select distinct
    logged_model,
    logged_variant,
    provider_name,
    date
from {{ ref('int_own__logged_rows') }}
where skipped is null and refusal is null
