-- Runs of consecutive lists of models with the same prices for an id.
with models as (

    select * from {{ ref('stg_openrouter__models') }}

),

lists as (

    select * from {{ ref('int_models__lists') }}

),

-- The join leaves out lists that look truncated, because an id that they lack was not necessarily removed.
listed as (

    select
        models.model_id,
        {{ permaslug('models.canonical_slug', 'models.variant') }} as model_permaslug,
        models.author,
        {{ exact_price_columns('models') }},
        models.is_dynamic,
        {{ sorted_overrides('models.overrides') }} as overrides,
        models.scope_id,
        models.source_url,
        models.as_of,
        models.fetched_at,
        lists.list_no,
        lists.previous_as_of,
        lists.is_newest,
        {{ prices_struct(['is_dynamic']) }} as prices
    from models
    inner join lists using (raw_file)

),

intervals as (

    {{ price_intervals('listed', ['model_id']) }}

)

select
    *,
    prompt_price is not null and completion_price is not null as is_priced,
    coalesce(prompt_price = 0 and completion_price = 0, false) as is_free,
    {{ extreme_token_price('list_min') }} as token_price_low,
    {{ extreme_token_price('list_max') }} as token_price_high
from intervals
