"""The Arrow schema of each raw table: the raw contract.

Columns keep the source's names and values; the staging models rename and type them. A field that is not named here is
kept as JSON in `extra`, so a new field neither breaks a run nor is lost.
"""

from __future__ import annotations

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
# Recorded per-token prices have up to 23 decimals.
PRICE = pa.decimal128(38, 24)

# USD per token, request, image or search, as the source quotes them; -1 means that the price depends on the route.
PRICES = (
    "prompt",
    "completion",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
    "internal_reasoning",
    "request",
    "image",
    "image_token",
    "image_output",
    "audio",
    "audio_output",
    "input_audio_cache",
    "web_search",
    "discount",
)

OVERRIDE = pa.struct(
    [
        pa.field("min_prompt_tokens", pa.int64()),
        pa.field("utc_start", pa.int32()),
        pa.field("utc_end", pa.int32()),
        *(pa.field(name, PRICE) for name in PRICES),
        pa.field("extra", pa.string()),
    ]
)

RANKINGS = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("model_permaslug", pa.string(), nullable=False),
        pa.field("total_tokens", pa.int64(), nullable=False),
        # Parameters of the request, which the rows do not repeat.
        pa.field("period", pa.string(), nullable=False),
        pa.field("modality", pa.string()),
        pa.field("context_bucket", pa.string()),
        pa.field("category", pa.string()),
        pa.field("language_type", pa.string()),
        pa.field("extra", pa.string()),
    ]
)

MODELS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("canonical_slug", pa.string()),
        pa.field("name", pa.string()),
        pa.field("description", pa.string()),
        pa.field("created", TIMESTAMP),
        pa.field("expiration_date", pa.string()),
        pa.field("knowledge_cutoff", pa.string()),
        pa.field("hugging_face_id", pa.string()),
        pa.field("alias_target_slug", pa.string()),
        pa.field("context_length", pa.int64()),
        pa.field("modality", pa.string()),
        pa.field("input_modalities", pa.list_(pa.string())),
        pa.field("output_modalities", pa.list_(pa.string())),
        pa.field("tokenizer", pa.string()),
        pa.field("instruct_type", pa.string()),
        pa.field("top_provider_context_length", pa.int64()),
        pa.field("top_provider_max_completion_tokens", pa.int64()),
        pa.field("top_provider_is_moderated", pa.bool_()),
        pa.field("supported_parameters", pa.list_(pa.string())),
        *(pa.field(f"pricing_{name}", PRICE) for name in PRICES),
        pa.field("pricing_overrides", pa.list_(OVERRIDE)),
        pa.field("reasoning", pa.string()),
        pa.field("benchmarks", pa.string()),
        pa.field("extra", pa.string()),
    ]
)

# One dated snapshot of the keyless export, with the trailing 30 days.
RANKINGS_EXPORT = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("model_permaslug", pa.string(), nullable=False),
        pa.field("rank", pa.int64()),  # null for `other`
        pa.field("total_tokens", pa.int64(), nullable=False),
        pa.field("share_of_daily_tokens", pa.float64()),
        pa.field("extra", pa.string()),
    ]
)

APPS = pa.schema(
    [
        pa.field("start_date", pa.date32(), nullable=False),
        pa.field("end_date", pa.date32(), nullable=False),
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("app_id", pa.int64(), nullable=False),
        pa.field("app_name", pa.string()),
        pa.field("total_tokens", pa.int64(), nullable=False),
        pa.field("total_requests", pa.int64()),
        pa.field("category", pa.string()),
        pa.field("extra", pa.string()),
    ]
)

TASKS = pa.schema(
    [
        pa.field("tag", pa.string(), nullable=False),
        pa.field("display_name", pa.string()),
        pa.field("macro_category", pa.string()),
        pa.field("window_days", pa.int64()),
        pa.field("usage_share", pa.float64()),
        pa.field("token_share", pa.float64()),
        pa.field("category_usage_share", pa.float64()),
        pa.field("category_token_share", pa.float64()),
        pa.field(
            "models",
            pa.list_(
                pa.struct(
                    [
                        pa.field("id", pa.string(), nullable=False),
                        pa.field("tag_usage_share", pa.float64()),
                        pa.field("tag_token_share", pa.float64()),
                        pa.field("extra", pa.string()),
                    ]
                )
            ),
        ),
        pa.field("extra", pa.string()),
    ]
)

SESSION_COST = pa.schema(
    [
        pa.field("app_slug", pa.string(), nullable=False),
        pa.field("app_name", pa.string()),
        pa.field("model_permaslug", pa.string(), nullable=False),
        pa.field("turn_range", pa.string(), nullable=False),
        pa.field("median_session_cost_usd", pa.float64()),
        pa.field("window_days", pa.int64()),
        pa.field("window_end_date", pa.date32()),
        pa.field("extra", pa.string()),
    ]
)

# Each benchmark source fills its own subset of the columns.
BENCHMARK_TEXTS = ("arena", "category", "benchmark_type", "primary_metric", "search_engine", "search_surface")
BENCHMARK_FIGURES = (
    "intelligence_index",
    "coding_index",
    "agentic_index",
    "elo",
    "win_rate",
    "avg_generation_time_ms",
    "accuracy",
    "accuracy_stddev",
    "primary_score",
    "avg_cost_per_task",
    "avg_latency_per_task_ms",
)
BENCHMARKS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("model_permaslug", pa.string(), nullable=False),
        pa.field("display_name", pa.string()),
        *(pa.field(name, pa.string()) for name in BENCHMARK_TEXTS),
        *(pa.field(name, pa.float64()) for name in BENCHMARK_FIGURES),
        pa.field("total_tasks", pa.int64()),
        pa.field("last_run_timestamp", TIMESTAMP),
        pa.field("tournament_stats", pa.string()),
        pa.field("run_config", pa.string()),
        pa.field("pricing_prompt", PRICE),
        pa.field("pricing_completion", PRICE),
        pa.field("extra", pa.string()),
    ]
)

PERCENTILES = pa.struct([pa.field(name, pa.float64()) for name in ("p50", "p75", "p90", "p99")])
ENDPOINTS = pa.schema(
    [
        pa.field("model_id", pa.string(), nullable=False),
        # HTTP status of the model's response: 404 if the model is private or gone, 0 without a usable response. Then,
        # and if a model has no endpoints, it has one row in which all columns below are null.
        pa.field("http_status", pa.int32(), nullable=False),
        pa.field("endpoint_no", pa.int32()),
        pa.field("provider_name", pa.string()),
        pa.field("tag", pa.string()),
        pa.field("name", pa.string()),
        pa.field("quantization", pa.string()),
        pa.field("context_length", pa.int64()),
        pa.field("max_prompt_tokens", pa.int64()),
        pa.field("max_completion_tokens", pa.int64()),
        pa.field("supported_parameters", pa.list_(pa.string())),
        pa.field("supports_implicit_caching", pa.bool_()),
        *(pa.field(f"pricing_{name}", PRICE) for name in PRICES),
        pa.field("pricing_overrides", pa.list_(OVERRIDE)),
        pa.field("status", pa.int32()),
        pa.field("uptime_last_5m", pa.float64()),
        pa.field("uptime_last_30m", pa.float64()),
        pa.field("uptime_last_1d", pa.float64()),
        pa.field("latency_last_30m", PERCENTILES),
        pa.field("throughput_last_30m", PERCENTILES),
        pa.field("extra", pa.string()),
    ]
)

PROVIDERS = pa.schema(
    [
        pa.field("slug", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("headquarters", pa.string()),
        pa.field("datacenters", pa.list_(pa.string())),
        pa.field("privacy_policy_url", pa.string()),
        pa.field("terms_of_service_url", pa.string()),
        pa.field("status_page_url", pa.string()),
        pa.field("extra", pa.string()),
    ]
)
