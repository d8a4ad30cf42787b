"""The Arrow schema of each raw table: the raw contract.

Columns carry the source's own names and values; renaming and judging is staging's work. A field that is
not named here is kept as JSON in `extra`, so drift at the source loses nothing and breaks nothing.
"""

from __future__ import annotations

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
# Recorded per-token prices have up to 23 decimals.
PRICE = pa.decimal128(38, 24)

# USD per token, request, image or search, as the source quotes them; -1 marks a price that depends on the route.
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
        # What was asked, which the rows themselves do not say.
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
