"""Corruptions of a finished build, each with the check that catches it and a pattern of that check's message.

`docs/checks.md` is generated from these lists. `test_corruptions.py` applies each one and asserts that the check fails and
nothing is published.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Corruption:
    """A deliberate fault: SQL that changes the warehouse (schema marts), the check, and a pattern of its message.

    `run` is the fixture of the run whose data is corrupted.
    """

    what: str
    where: str
    sql: str
    check: str
    message: str
    run: str = "simulated"


ONE_DAY = "(select max(period_start) from share_model where period = 'day')"
A_WEEK = "(select max(period_start) from share_author where period = 'week')"
TWO_AUTHORS = f"(select list(author order by rank) from share_author where period = 'week' and period_start = {A_WEEK})"

# Caught by dbt data tests.
FIGURE_CORRUPTIONS = [
    Corruption(
        "A model of the newest day is missing",
        "share_model",
        f"delete from share_model where period = 'day' and period_start = {ONE_DAY} and rank = 3",
        "assert_tokens_equal_raw",
        "nothing is lost, doubled or mixed",
    ),
    Corruption(
        "Tokens of a day are 1% too high",
        "share_model",
        f"update share_model set tokens = tokens * 1.01 where period = 'day' and period_start = {ONE_DAY} and rank = 5",
        "assert_tokens_equal_raw",
        "Every model's tokens of a day",
    ),
    Corruption(
        "A row is duplicated",
        "share_model",
        f"insert into share_model from share_model where period = 'day' and period_start = {ONE_DAY} and rank = 2",
        "unique_key_share_model_period__period_start__model_permaslug",
        "No two rows share these columns",
    ),
    Corruption(
        "The newest day is missing",
        "share_model",
        f"delete from share_model where period = 'day' and period_start = {ONE_DAY}",
        "assert_newest_day_is_published",
        "the newest complete day",
    ),
    Corruption(
        "A figure cites a response that is not the newest for its day",
        "share_model",
        "update share_model set as_of = other.as_of, oldest_as_of = other.as_of, checked_at = other.fetched_at "
        "from (select as_of, fetched_at from raw.responses where surface = 'models' order by as_of limit 1) as other "
        f"where period = 'day' and period_start = {ONE_DAY} and rank = 1",
        "assert_day_rows_cite_their_response",
        "are those of the raw response that supplied it",
    ),
    Corruption(
        "A share does not follow from its tokens",
        "share_model",
        f"update share_model set share = share_high + 0.01 where period = 'week' and rank = 1 and period_start = {A_WEEK}",
        "satisfies_share_model",
        r"abs\(share - tokens / total_tokens\)",
    ),
    Corruption(
        "Two authors are swapped",
        "share_author",
        f"update share_author set author = case author when {TWO_AUTHORS}[1] then {TWO_AUTHORS}[2] else {TWO_AUTHORS}[1] "
        f"end where period = 'week' and period_start = {A_WEEK} and author in ({TWO_AUTHORS}[1], {TWO_AUTHORS}[2])",
        "assert_sums_equal_parts",
        "an author's figures are those of its models",
    ),
    Corruption(
        "The remainder of a segment type is missing",
        "share_segment",
        f"delete from share_segment where segment = 'other' and segment_type = 'weights' and period_start = {ONE_DAY}",
        "assert_shares_add_to_one",
        "add up to 1 with the remainder",
    ),
    Corruption(
        "`other` is missing from the denominator",
        "traffic_summary",
        "update traffic_summary set total_tokens = total_tokens - other_tokens, other_tokens = 0, other_share = 0 "
        f"where period = 'day' and period_start = {ONE_DAY}",
        "assert_one_denominator",
        "what is listed plus `other`",
    ),
    Corruption(
        "A segment's shares have the wrong denominator",
        "share_segment",
        "update share_segment set total_tokens = total_tokens * 2, share = share / 2, share_high = share_high / 2 "
        f"where segment_type = 'variant' and period = 'day' and period_start = {ONE_DAY}",
        "assert_one_denominator",
        "a share of the same total",
    ),
    Corruption(
        "A figure covers a period that has not ended",
        "traffic_summary",
        f"update traffic_summary set period_start = cast(as_of as date) where period = 'day' and period_start = {ONE_DAY}",
        "assert_no_incomplete_period",
        "that had not ended",
    ),
    Corruption(
        "An estimate is marked as exact",
        "share_slice",
        "update share_slice set is_estimate = false where slice_kind = 'category' and slice = 'roleplay'",
        "satisfies_share_slice",
        "is_estimate = regexp_matches",
    ),
    Corruption(
        "An estimate is a share of the exact total",
        "share_slice",
        "update share_slice set total_tokens = all_traffic.total_tokens, share = tokens / all_traffic.total_tokens, "
        "share_high = tokens_high / all_traffic.total_tokens from traffic_summary as all_traffic where "
        "share_slice.is_estimate and share_slice.period = all_traffic.period "
        "and share_slice.period_start = all_traffic.period_start",
        "assert_samples_stay_separate",
        "a share of that sample's own total and of no other",
    ),
    Corruption(
        "The dollar amounts that the source publishes are halved",
        "session_cost",
        "update session_cost set median_session_cost_usd = median_session_cost_usd / 2 where turn_range = '1-turn'",
        "assert_samples_stay_separate",
        "is published unchanged",
    ),
    Corruption(
        "An app has a negative number of requests",
        "share_app",
        f"update share_app set requests = -1 where period = 'day' and rank = 1 and period_start = {ONE_DAY}",
        "satisfies_share_app",
        "requests >= 0",
    ),
    Corruption(
        "A segment's upper bound ignores unlisted tokens",
        "share_segment",
        f"update share_segment set tokens_high = tokens, share_high = share where segment = 'open' and period = 'day' "
        f"and period_start = {ONE_DAY}",
        "assert_open_weights_bounds_agree",
        "has the same bounds in share_segment",
        run="everything",
    ),
    Corruption(
        "The end of a window is shifted by 1,000 days",
        "growth_model",
        "update growth_model set window_end = window_end - 1000 where horizon = '7d' and window_end = "
        "(select min(window_end) from growth_model where horizon = '7d')",
        "assert_growth_matches_shares",
        "Both windows of a growth row have the same tokens",
    ),
    Corruption(
        "The tokens of a base window differ from the sum of its days",
        "growth_app",
        "update growth_app set base_tokens = base_tokens + 1000000, base_tokens_high = base_tokens_high + 1000000 where "
        f"horizon = '1d' and window_end = {ONE_DAY} and base_tokens > 0",
        "assert_growth_matches_shares",
        "as the shares of their days",
    ),
    Corruption(
        "A growth rate does not follow from its tokens",
        "growth_author",
        "update growth_author set growth = 0.5 where status = 'ok' and growth is not null and horizon = '7d'",
        "satisfies_growth_author",
        r"growth - \(tokens / base_tokens - 1\)",
    ),
    Corruption(
        "`other` is missing from the drivers",
        "growth_drivers",
        "delete from growth_drivers where member = 'other' and horizon = '7d'",
        "assert_drivers_add_up_to_change",
        "add up to the change of the total",
    ),
    Corruption(
        "A list price is ten times too high",
        "price_current",
        "update price_current set prompt_usd_per_mtok = 10 * prompt_usd_per_mtok where model_id = "
        "(select model_id from price_current where prompt_usd_per_mtok > 0 order by model_id limit 1)",
        "assert_prices_equal_raw",
        "are those in the raw response",
    ),
    Corruption(
        "An endpoint's status differs from the response",
        "price_endpoint",
        "update price_endpoint set status = -5 where (model_id, provider_name, tag) = "
        "(select (model_id, provider_name, tag) from price_endpoint where status = 0 order by all limit 1)",
        "assert_prices_equal_raw",
        "the newest prices of endpoints",
    ),
    Corruption(
        "Two prices are valid at once",
        "price_history",
        "update price_history set valid_to = valid_to + interval 30 day where valid_to is not null",
        "assert_price_intervals_do_not_overlap",
        "one price at a time",
    ),
    Corruption(
        "A price ends before it begins",
        "price_history",
        "update price_history set valid_to = valid_from - interval 1 day where valid_to is not null",
        "satisfies_price_history",
        "valid_to >= valid_from",
    ),
    Corruption(
        "Two prices of an endpoint are valid at once",
        "price_endpoint_history",
        "update price_endpoint_history set valid_to = valid_to + interval 30 day where valid_to is not null",
        "assert_price_intervals_do_not_overlap",
        "one price at a time",
    ),
    Corruption(
        "The price of an endpoint's history differs from the response",
        "price_endpoint_history",
        "update price_endpoint_history set prompt_usd_per_mtok = 10 * prompt_usd_per_mtok where prompt_usd_per_mtok > 0",
        "assert_endpoints_equal_raw",
        "its price then is the one in the history",
    ),
    Corruption(
        "An outage of an endpoint is left out",
        "endpoint_uptime",
        "update endpoint_uptime set up_share = 1, outages = [] where up_share < 1",
        "assert_endpoints_equal_raw",
        "counted once in the uptime of its day",
    ),
    Corruption(
        "The exact prices of a call are per thousand tokens",
        "price_current",
        "update price_current set prices = struct_update(prices, prompt := prices.prompt * 1000) where prices.prompt > 0",
        "assert_call_prices_equal_columns",
        "exact prices of a call are those in the columns",
    ),
    Corruption(
        "The override of a long prompt is lost",
        "price_history",
        "update price_history set prices = struct_update(prices, overrides := prices.overrides[2:]) where has_overrides",
        "assert_call_prices_equal_columns",
        "every listed override is among them",
    ),
    Corruption(
        "Usage is joined to a later price",
        "spend_model",
        "update spend_model set price_as_of = later.as_of from (select max(as_of) as as_of from raw.models) as later where "
        "period = 'day' and price_basis = 'observed' and period_start = (select min(period_start) from spend_model where "
        "period = 'day' and price_basis = 'observed')",
        "assert_usage_has_price_of_its_day",
        "made by the end of the day",
    ),
    Corruption(
        "Spend bounds ignore prices that may have been valid on the day",
        "spend_model",
        "update spend_model set spend_high = spend_low where period = 'day' and spend_low < spend_high",
        "assert_next_list_price_within_spend_bounds",
        "every price that may have been valid",
    ),
    Corruption(
        "Usage without a price is dropped in the join",
        "spend_model",
        f"delete from spend_model where period = 'day' and period_start = {ONE_DAY} and tokens = (select min(tokens) "
        f"from spend_model where period = 'day' and period_start = {ONE_DAY})",
        "assert_price_join_keeps_tokens",
        "No row of usage is lost or doubled",
    ),
    Corruption(
        "The bounds of a range are swapped",
        "spend_author",
        f"update spend_author set spend_low = spend_high, spend_high = spend_low where period = 'day' and "
        f"period_start = {ONE_DAY} and spend_low < spend_high",
        "assert_low_not_above_high",
        "low end of a range is never above its high end",
    ),
    Corruption(
        "A ranked model is missing from `model`",
        "model",
        "delete from model where model_permaslug = (select model_permaslug from share_model where rank = 1 order by "
        "period_start desc limit 1)",
        "assert_entities_cover_marts",
        "that a mart names is an entity",
    ),
    Corruption(
        "An author's models are counted twice",
        "author",
        "update author set models_ranked = 2 * models_ranked where models_ranked > 0",
        "assert_entities_cover_marts",
        "nothing is left out or counted twice",
    ),
    Corruption(
        "A provider has one endpoint too many",
        "provider",
        "update provider set endpoints = endpoints + 1 where endpoints > 0",
        "assert_entities_cover_marts",
        "that a mart names is an entity",
    ),
    Corruption(
        "An app has a name that was never observed",
        "app",
        "update app set app_name = 'Somebody else' where app_id = (select min(app_id) from app)",
        "satisfies_app",
        r"list_contains\(names, app_name\)",
    ),
    Corruption(
        "An app is shown by its number instead of its name",
        "growth_drivers",
        "update growth_drivers set member_name = member where dimension = 'app' and member <> 'unattributed'",
        "assert_apps_are_shown_by_their_names",
        "the app's name is beside it",
    ),
    Corruption(
        "The scorecard has the date of the day before",
        "model_scorecard",
        "update model_scorecard set date = date - 1",
        "assert_scorecard_matches_newest_day",
        "Every model of the newest day is on the scorecard",
    ),
    Corruption(
        "A missing day is marked as complete",
        "coverage",
        "update coverage set is_complete = true, is_observed = true, gap_reason = null where not is_complete",
        "assert_provenance_matches_lake",
        "coverage counts the days that provenance lists",
    ),
    Corruption(
        "A raw file has the wrong payload hash",
        "provenance",
        "update provenance set payload_sha256 = reverse(payload_sha256) where surface = 'models'",
        "assert_provenance_matches_lake",
        "Provenance describes each raw file as the file does",
    ),
    Corruption(
        "A citation names the wrong source",
        "citations",
        "update citations set citation = replace(citation, 'Simulated', 'Observed') where surface = 'rankings'",
        "assert_provenance_matches_lake",
        "citations are those of the newest responses",
    ),
    Corruption(
        "A citation has the wrong time",
        "citations",
        "update citations set citation = regexp_replace(citation, '20[0-9]{2}-', '2024-')",
        "satisfies_citations",
        r"contains\(citation, strftime\(as_of",
    ),
    Corruption(
        "A revised value differs from the published one",
        "restatement",
        "update restatement set last_tokens = last_tokens + 7, change_tokens = change_tokens + 7 where slice = 'all'",
        "assert_restatements_match_shares",
        "The newest value of a revised day is the one in the shares",
    ),
    Corruption(
        "A claim's value differs from the mart",
        "claim",
        "update claim set value = value * 1.01 where kind = 'total_tokens'",
        "assert_claims_match_marts",
        "The value of a claim is the one in the mart",
    ),
    Corruption(
        "An anomaly has a score below its threshold",
        "anomaly",
        "update anomaly set score = threshold / 2 where kind = 'share_jump'",
        "satisfies_anomaly",
        "score >= threshold",
    ),
    Corruption(
        "An anomaly has the hint of another kind",
        "anomaly",
        "update anomaly set hint = 'Look elsewhere.' where kind = 'share_jump'",
        "assert_anomalies_match_kinds",
        "Each anomaly has the threshold and the hint of its kind",
    ),
    Corruption(
        "A public figure that differs is marked as a match",
        "figure_check",
        "update figure_check set verdict = 'match' where verdict = 'mismatch'",
        "assert_public_figures_match_seed",
        "a verdict that follows from its distance to our figure",
        run="everything",
    ),
    Corruption(
        "A real row is among simulated ones",
        "share_model",
        f"update share_model set scope_id = 'openrouter_public_traffic' where period_start = {ONE_DAY} and rank = 1",
        "has_provenance_share_model_",
        "the times of real responses in the lake",
    ),
    Corruption(
        "A figure has an `as_of` without a response",
        "claim",
        "update claim set as_of = as_of + interval 1 second where kind = 'leading_model'",
        "has_provenance_claim_",
        "a public source, and the times",
    ),
    Corruption(
        "A seed's evidence has no date on which it was checked",
        "seeds.authors",
        "update seeds.authors set checked_on = null where status = 'verified'",
        "has_evidence_authors_",
        "verified by evidence that was opened on a day",
    ),
]

# Passed by the data tests and caught by the audit of the release.
RELEASE_CORRUPTIONS = [
    Corruption(
        "A raw view reads no file of the lake",
        "raw.models",
        "create or replace table main.none as from raw.models; delete from main.none; "
        "create or replace view raw.models as from main.none",
        "inventory",
        "returns nothing of a file for which the ledger lists [0-9]{2,} rows",
        run="few_run",
    ),
    Corruption(
        "A claim contains an overclaim",
        "claim",
        "update claim set statement = replace(statement, 'more than any other listed model', 'leading global AI usage') "
        "where kind = 'leading_model'",
        "overclaims",
        "“global”: OpenRouter's traffic is a slice",
        run="few_run",
    ),
    Corruption(
        "A hint mentions users, but tokens were counted",
        "anomaly",
        "update seeds.anomaly_kinds set hint = 'The most used model of the week.'; "
        "update anomaly set hint = 'The most used model of the week.'",
        "overclaims",
        "“most used model”",
        run="few_run",
    ),
    Corruption(
        "A value that no other check covers is changed",
        "price_endpoint",
        "update price_endpoint set max_completion_tokens = max_completion_tokens + 1 where max_completion_tokens is not "
        "null and model_id = (select min(model_id) from price_endpoint where max_completion_tokens is not null)",
        "reproducible",
        "differing: max_completion_tokens",
        run="simulated",
    ),
    Corruption(
        "The caveat about tokenizers is missing",
        "seeds.scopes",
        "update seeds.scopes set caveats = 'Tokens, not people.'",
        "tokenizer",
        "each provider has its own tokenizer",
        run="few_run",
    ),
    Corruption(
        "The scope of the data is not defined",
        "seeds.scopes",
        "delete from seeds.scopes where scope_id = 'simulated'; update seeds.scopes set scope_id = 'elsewhere'",
        "scope",
        "does not define the scope openrouter_public_traffic",
        run="few_run",
    ),
]

# Corruptions of files and of documentation; each has its own test.
FILE_CORRUPTIONS = [
    Corruption(
        "A new mart has no provenance columns", "a new mart", "", "provenance", "has no column scope_id, source_url"
    ),
    Corruption("A token column lacks the note about tokenizers", "share_model", "", "tokenizer", "its own tokenizer"),
    Corruption("A column description contains an overclaim", "share_author", "", "overclaims", "“market share”"),
    Corruption(
        "A file's hash differs from its description", "share_model.parquet", "", "datapackage", "a hash that differs"
    ),
    Corruption("A file is not described", "notes.txt", "", "datapackage", "is not described"),
    Corruption("One byte of a raw file is changed", "raw/rankings", "", "intact", "Changed files: "),
    Corruption("A raw file has the wrong schema", "raw/models", "", "schema", "wrong_files"),
    Corruption("A raw file is missing", "raw/rankings", "", "inventory", "a raw file was lost"),
]

ALL_CORRUPTIONS = [*FIGURE_CORRUPTIONS, *RELEASE_CORRUPTIONS, *FILE_CORRUPTIONS]
