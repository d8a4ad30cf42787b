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
        {{ prices_struct() }} as prices
    from models
    inner join lists using (raw_file)

),

compared as (

    select
        *,
        lag(prices) over id_by_time as previous_prices,
        lag(as_of) over id_by_time as previous_seen_at,
        lag(list_no) over id_by_time as previous_list_no
    from listed
    window id_by_time as (partition by model_id order by list_no)

),

-- An id that returns after a list without it starts an interval, even with the same prices: it had none in between.
marked as (

    select
        *,
        previous_list_no is not null and previous_list_no < list_no - 1 as is_return,
        previous_list_no is null
        or previous_list_no < list_no - 1
        or (prices is distinct from previous_prices) as is_start
    from compared

),

numbered as (

    select
        *,
        sum(is_start::int) over (partition by model_id order by list_no) as interval_no
    from marked

),

runs as (

    select
        *,
        max(as_of) over run as last_seen_at,
        max(fetched_at) over run as last_fetched_at,
        bool_or(is_newest) over run as is_open
    from numbered
    window run as (partition by model_id, interval_no)

),

-- The row of its first list describes an interval; `runs` has added what the later lists show.
intervals as (

    select
        * exclude (
            as_of, fetched_at, list_no, previous_as_of, is_newest, is_start,
            previous_list_no, interval_no, prices
        ),
        as_of as valid_from,
        previous_as_of as not_before
    from runs
    where is_start

)

select
    *,
    prompt_price is not null and completion_price is not null as is_priced,
    coalesce(prompt_price = 0 and completion_price = 0, false) as is_free,
    {{ extreme_token_price('list_min') }} as token_price_low,
    {{ extreme_token_price('list_max') }} as token_price_high,
    -- A price ends when the next one starts; the last price of a removed id ends with the last list that includes the
    -- id.
    case
        when is_open then null
        when lead(is_return) over (partition by model_id order by valid_from) = false
            then lead(valid_from) over (partition by model_id order by valid_from)
        else last_seen_at
    end as valid_to,
    -- Lists are some time apart, so this price may have been valid until the first list with the next price, even while
    -- the id was missing.
    lead(valid_from) over (partition by model_id order by valid_from) as not_after
from intervals
