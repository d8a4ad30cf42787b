-- Every usable call once, with the amount that its price has to explain.
{{ config(materialized='view', tags=['bulk']) }}

with calls as (

    select * from {{ ref('stg_usage__calls') }}
    where skipped is null and refusal is null

),

once as (

    -- Sources may count tokens differently, so those of another log count only if they fit into this prompt.
    select
        {{ columns_except('calls', ['label', 'cached_tokens', 'cache_write_tokens']) }},
        coalesce(calls.label, repeated.label) as label,
        case
            when calls.cached_tokens is null and repeated.cached_tokens <= calls.prompt_tokens
                then repeated.cached_tokens
            else calls.cached_tokens
        end as cached_tokens,
        case
            when
                calls.cache_write_tokens is null
                and repeated.cache_write_tokens
                <= calls.prompt_tokens - coalesce(calls.cached_tokens, repeated.cached_tokens, 0)
                then repeated.cache_write_tokens
            else calls.cache_write_tokens
        end as cache_write_tokens
    from calls
    -- Paths are long, so their hashes are compared.
    left join {{ ref('int_own__repeated_calls') }} as repeated
        on
            calls.row_no = repeated.row_no
            and {{ hash_of('calls.raw_file') }} = {{ hash_of('repeated.raw_file') }}
    where coalesce(repeated.is_counted, true)

),

-- A gateway writes a charge of 0 if it does not know the price. Only OpenRouter's own 0 means that the call was free.
judged as (

    select
        *,
        charged_usd is not null
        and (charged_usd > 0 or is_failed or {{ own_source_rank('source') }} = 1) as is_charge_known,
        calls > 1 or is_daily as is_aggregate,
        -- A row of /activity adds up the calls of one endpoint, other rows may mix endpoints.
        (calls > 1 or is_daily) and source <> 'activity' as is_mixed
    from once

)

select
    *,
    is_failed and coalesce(charged_usd, 0) = 0 and coalesce(upstream_usd, 0) = 0 as is_failed_free,
    case
        -- A row of /activity may add up calls with the user's own key and others.
        when is_own_key and is_aggregate then upstream_usd + coalesce(charged_usd, 0) - extra_usd
        when is_own_key then upstream_usd
        when is_charge_known then charged_usd - extra_usd
    end as explained_usd
from judged
