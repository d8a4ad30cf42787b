-- Which lists of models, sweeps of endpoints and lists of providers look incomplete: they lack more than a fifth of the
-- ids of the largest list of the three days before, or else of the list before. A change that lasts longer is accepted.
with ids as (

    select
        'models' as surface,
        raw_file,
        model_id as id
    from {{ ref('stg_openrouter__models') }}

    union all

    select distinct
        'endpoints' as surface,
        raw_file,
        model_id as id
    from {{ ref('stg_openrouter__endpoints') }}
    where endpoint_no is not null

    union all

    select
        'providers' as surface,
        raw_file,
        provider_slug as id
    from {{ ref('stg_openrouter__providers') }}

),

sizes as (

    select
        surface,
        raw_file,
        count(*) as id_count
    from ids
    group by surface, raw_file

),

lists as (

    select
        sizes.*,
        observations.as_of,
        observations.fetched_at
    from sizes
    inner join {{ ref('stg_openrouter__observations') }} as observations using (surface, raw_file)

),

referenced as (

    select
        *,
        coalesce(
            max_by(raw_file, (id_count, as_of, raw_file)) over (
                partition by surface order by as_of
                range between interval 3 days preceding and interval 1 microsecond preceding
            ),
            lag(raw_file) over (partition by surface order by as_of, fetched_at, raw_file)
        ) as reference_raw_file
    from lists

),

lost as (

    select
        referenced.raw_file,
        count(*) as reference_ids,
        count(*) filter (where ids.id is null) as lost_ids
    from referenced
    inner join ids as reference on referenced.reference_raw_file = reference.raw_file
    left join ids on referenced.raw_file = ids.raw_file and reference.id = ids.id
    group by referenced.raw_file

)

select
    lists.surface,
    lists.raw_file,
    lists.id_count,
    lost.reference_ids,
    lost.lost_ids,
    coalesce(lost.lost_ids > 0.2 * lost.reference_ids, false) as is_suspect,
    lists.as_of,
    lists.fetched_at
from lists
left join lost using (raw_file)
