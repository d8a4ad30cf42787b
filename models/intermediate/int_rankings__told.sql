-- Rankings as they were told, with a key and in the keyless snapshots: two ways to the same figures.
with rankings as (

    select * from {{ ref('stg_openrouter__rankings') }}

),

exports as (

    select * from {{ ref('stg_openrouter__rankings_export') }}

)

select * from rankings
union all
select * exclude (told_rank, told_share) from exports
