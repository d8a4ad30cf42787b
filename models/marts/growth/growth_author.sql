with members as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'all' and member_type = 'author'

)

select
    window_end,
    horizon,
    member as author,
    {{ growth_columns() }}
from members
