-- Task in which each model has its largest share of tokens, in the source's newest sample.
with tasks as (

    select * from {{ ref('stg_openrouter__tasks') }}

),

task_models as (

    select * from {{ ref('stg_openrouter__task_models') }}

),

newest as (

    select max(as_of) as as_of from tasks

)

select
    task_models.model_id,
    tasks.display_name as top_task,
    task_models.tag_token_share as top_task_token_share,
    task_models.as_of,
    task_models.fetched_at
from task_models
inner join tasks using (raw_file, tag)
inner join newest on task_models.as_of = newest.as_of
qualify
    row_number() over (
        partition by task_models.model_id
        order by task_models.tag_token_share desc, task_models.tag asc, task_models.raw_file asc
    ) = 1
