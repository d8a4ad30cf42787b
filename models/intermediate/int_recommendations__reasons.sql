-- Reasons why a model is worth testing: the sentences of all rules that apply, in the order of the rules.
{%- set conditions = {
    'is_unbeaten': 'candidates.is_unbeaten = rules.is_unbeaten',
    'price_class': 'candidates.price_class = rules.price_class',
    'weights': 'candidates.weights = rules.weights',
    'max_completion_usd_per_mtok': 'candidates.completion_usd_per_mtok <= rules.max_completion_usd_per_mtok',
    'min_share_gain_pp': 'candidates.share_change_28d_pp >= rules.min_share_gain_pp',
    'share_loss_below_pp': 'candidates.share_loss_pp < rules.share_loss_below_pp',
    'max_rank': 'candidates.rank <= rules.max_rank',
    'age_below_days': 'candidates.date - candidates.created_on < rules.age_below_days',
    'min_providers': 'candidates.providers >= rules.min_providers',
} %}
-- The gain is rounded as a decimal, because engines differ in how they round a double while formatting it.
with candidates as (

    select
        *,
        round(cast(share_change_28d_pp as decimal(18, 6)), 1) as share_gain_pp
    from {{ ref('int_recommendations__candidates') }}

),

rules as (

    select * from {{ ref('recommendation_rules') }}

),

-- An empty condition does not apply; a condition on an unknown fact does not hold.
reasons as (

    select
        candidates.model_permaslug,
        rules.reason_no,
        {{ filled('rules.template', {
            'share_gain_pp': with_decimals('cast(candidates.share_gain_pp as double)', 1),
            'created_on': date_in_words('candidates.created_on'),
            'rank': 'cast(candidates.rank as varchar)',
            'providers': 'cast(candidates.providers as varchar)',
            'endpoints_on': date_in_words('candidates.endpoints_as_of'),
        }) }} as reason
    from candidates
    inner join rules
        on
            {% for column, condition in conditions.items() -%}
                {{ 'and ' if not loop.first }}(rules.{{ column }} is null or {{ condition }})
            {% endfor %}
)

select
    model_permaslug,
    string_agg(reason, ' ' order by reason_no) as try_reason
from reasons
group by model_permaslug
