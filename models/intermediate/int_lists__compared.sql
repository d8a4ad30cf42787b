-- Flags lists of models, sweeps of endpoints and lists of providers that look incomplete: those that lack more than a
-- fifth of the entries of at least half of the earlier lists (the last three, and all of the last three days). With
-- this rule, a single list that is too long makes no later list suspect, and a lasting change is accepted.
with entries as (

    select
        raw_file,
        model_id as entry
    from {{ ref('stg_openrouter__models') }}

    union all

    select distinct
        raw_file,
        concat_ws(' ', model_id, provider_name, tag) as entry
    from {{ ref('stg_openrouter__endpoints') }}
    where endpoint_no is not null

    union all

    select
        raw_file,
        provider_slug as entry
    from {{ ref('stg_openrouter__providers') }}

),

sizes as (

    select
        raw_file,
        count(*) as entries
    from entries
    group by raw_file

),

-- A response without entries is the shortest list of all, so the responses decide which lists there are.
lists as (

    select
        responses.surface,
        responses.raw_file,
        coalesce(sizes.entries, 0) as entries,
        row_number() over (
            partition by responses.surface
            order by responses.as_of, responses.fetched_at, responses.raw_file
        ) as list_no,
        responses.as_of,
        responses.fetched_at
    from {{ ref('stg_openrouter__responses') }} as responses
    left join sizes using (raw_file)
    where responses.surface in ('models', 'endpoints', 'providers')

),

-- The last three lists may be some weeks old, or some minutes if lists are fetched often; all of the last three days
-- then keep three short lists in a row from being accepted.
pairs as (

    select
        lists.raw_file,
        earlier.raw_file as earlier_file,
        earlier.entries as earlier_entries
    from lists
    inner join lists as earlier
        on
            lists.surface = earlier.surface
            and lists.list_no > earlier.list_no
            and (
                lists.list_no - earlier.list_no <= 3
                or earlier.as_of >= lists.as_of - interval 3 days
            )

),

-- Entries are matched by name, because a list can lack earlier entries and still be as long as before.
shared as (

    select
        pairs.raw_file,
        pairs.earlier_file,
        count(*) as entries
    from pairs
    inner join entries as earlier on pairs.earlier_file = earlier.raw_file
    inner join entries on pairs.raw_file = entries.raw_file and earlier.entry = entries.entry
    group by pairs.raw_file, pairs.earlier_file

),

compared as (

    select
        pairs.raw_file,
        count(*) as earlier_lists,
        count(*) filter (where coalesce(shared.entries, 0) < 0.8 * pairs.earlier_entries) as fuller_lists
    from pairs
    left join shared using (raw_file, earlier_file)
    group by pairs.raw_file

)

select
    lists.surface,
    lists.raw_file,
    coalesce(compared.earlier_lists, 0) as earlier_lists,
    coalesce(compared.fuller_lists, 0) as fuller_lists,
    coalesce(compared.fuller_lists > 0 and 2 * compared.fuller_lists >= compared.earlier_lists, false) as is_suspect,
    lists.as_of,
    lists.fetched_at
from lists
left join compared using (raw_file)
