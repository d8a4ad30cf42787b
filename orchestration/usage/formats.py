"""The formats of logs: how each is recognized, and the SELECT that turns its rows into calls.

A reader names every column it reads. Prompts, answers, messages, addresses and any other column are not read, with one
exception that the user names (`--label`).

Each SELECT returns the columns of CALL_COLUMNS. A row that is no call (such as a span of an agent, whose model calls
have spans of their own) has a `skipped` reason and is not counted as a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestration.usage.columns import USD, Columns, count_of, path, usd_of

# What a reader returns, with types. `id` is hashed before it is stored.
CALL_COLUMNS = {
    "id": "varchar",
    "called_at": "timestamp",
    "is_daily": "boolean",  # the time is a day, and the row may be many calls
    "model": "varchar",
    "variant": "varchar",
    "provider_name": "varchar",
    "calls": "bigint",
    "is_failed": "boolean",
    "prompt_tokens": "bigint",  # with cached and cache-written tokens
    "cached_tokens": "bigint",
    "cache_write_tokens": "bigint",
    "completion_tokens": "bigint",  # with reasoning tokens
    "reasoning_tokens": "bigint",
    "charged_usd": USD,
    "cache_usd": USD,  # what the source charged for the cache, relative to the prompt price
    "extra_usd": USD,  # the part of the charge that pays for searches and files, not for tokens
    "upstream_usd": USD,  # what the provider charged to the user's own key
    "is_own_key": "boolean",
    "updated_at": "timestamp",  # the newest version of a call counts
    "skipped": "varchar",
}
_NO_CALL = "not_a_call"
_GATEWAY_CACHE = "gateway_cache"


@dataclass(frozen=True)
class Format:
    """A format of logs.

    `signs`: a file that has all columns of one of them is of this format. `required`: columns that it must have too.
    `columns` are all that are read, the rest is never parsed.
    """

    name: str
    title: str
    signs: tuple[frozenset[str], ...]
    required: tuple[str, ...]
    columns: tuple[str, ...]
    select: Callable[[Columns], Mapping[str, str]]


def _openrouter(log: Columns) -> Mapping[str, str]:
    cached = log.count("tokens_cached")
    upstream = log.usd("byok_usage_inference")
    return {
        "id": log.text("generation_id"),
        "called_at": log.time("created_at"),
        "model": log.text("model_permaslug"),
        "variant": log.text("variant"),
        "provider_name": log.text("provider_name"),
        "is_failed": f"coalesce({log.text('finish_reason_normalized')} = 'error', false)",
        "prompt_tokens": log.count("tokens_prompt"),
        "cached_tokens": f"coalesce({cached}, 0)",
        "completion_tokens": log.count("tokens_completion"),
        "reasoning_tokens": log.count("tokens_reasoning"),
        "charged_usd": log.usd("cost_total"),
        "cache_usd": f"coalesce({log.signed_usd('cost_cache')}, case when coalesce({cached}, 0) = 0 then 0 end)",
        "extra_usd": f"coalesce({log.usd('cost_web_search')}, 0) + coalesce({log.usd('cost_file_processing')}, 0)",
        "upstream_usd": f"nullif({upstream}, 0)",
        "is_own_key": f"coalesce({upstream}, 0) > 0",
    }


def _activity(log: Columns) -> Mapping[str, str]:
    upstream = log.usd("byok_usage_inference")
    endpoint = [log.text(name) for name in ("date", "endpoint_id", "model_permaslug", "provider_name")]
    return {
        # A later export has a day again, and more of its calls.
        "id": f"concat_ws(' ', {', '.join(endpoint)}, coalesce({upstream}, 0) > 0)",
        "called_at": log.time("date"),
        "is_daily": "true",
        "model": log.text("model_permaslug", "model"),
        "provider_name": log.text("provider_name"),
        "calls": log.count("requests"),
        "prompt_tokens": log.count("prompt_tokens"),
        "completion_tokens": log.count("completion_tokens"),
        "reasoning_tokens": log.count("reasoning_tokens"),
        "charged_usd": log.usd("usage"),
        "upstream_usd": f"nullif({upstream}, 0)",
        "is_own_key": f"coalesce({upstream}, 0) > 0",
    }


def _litellm(log: Columns) -> Mapping[str, str]:
    usage = ("usage_object",)
    metadata = log.json("metadata")
    prompt, completion = (*usage, "prompt_tokens_details"), (*usage, "completion_tokens_details")
    is_own_key = f"coalesce(lower({path(metadata, *usage, 'is_byok')}) = 'true', false)"
    upstream = usd_of(path(metadata, *usage, "cost_details", "upstream_inference_cost"))
    return {
        "id": log.text("request_id"),
        "called_at": log.time("startTime"),
        "model": log.text("model"),
        "is_failed": f"coalesce({log.text('status')} = 'failure', false)",
        "prompt_tokens": log.count("prompt_tokens"),
        # Without the usage object, nobody knows.
        "cached_tokens": (
            f"coalesce({count_of(path(metadata, *prompt, 'cached_tokens'))}, "
            f"case when {path(metadata, *usage)} is not null then 0 end)"
        ),
        # Both names hold the same count.
        "cache_write_tokens": (
            f"coalesce({count_of(path(metadata, *prompt, 'cache_write_tokens'))}, "
            f"{count_of(path(metadata, *prompt, 'cache_creation_tokens'))})"
        ),
        "completion_tokens": log.count("completion_tokens"),
        "reasoning_tokens": count_of(path(metadata, *completion, "reasoning_tokens")),
        "charged_usd": log.usd("spend"),
        "upstream_usd": f"case when {is_own_key} then {upstream} end",
        "is_own_key": is_own_key,
        "skipped": f"case when {log.flag('cache_hit')} then '{_GATEWAY_CACHE}' end",
    }


# Clients name the same counts differently. Of several names of one count, the largest value counts.
_LANGFUSE_READ = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens")
_LANGFUSE_WRITTEN = ("input_cache_creation", "input_cache_write_tokens", "cache_creation_input_tokens")
_LANGFUSE_REASONING = ("output_reasoning_tokens", "output_reasoning")


def _langfuse(log: Columns) -> Mapping[str, str]:
    details = log.json("usage_details")

    def counted(*names: str) -> str:
        return f"greatest({', '.join(count_of(path(details, name)) for name in names)}, 0)"

    given, answered, total = (count_of(path(details, name)) for name in ("input", "output", "total"))
    read, written, reasoned = counted(*_LANGFUSE_READ), counted(*_LANGFUSE_WRITTEN), counted(*_LANGFUSE_REASONING)
    # Counts are disjoint, but some clients include the cached or the reasoning tokens; the total shows which.
    is_input_whole = f"coalesce({total} in ({given} + {answered}, {given} + {answered} + {reasoned}), false)"
    is_output_whole = f"coalesce({total} in ({given} + {answered}, {given} + {read} + {written} + {answered}), false)"
    return {
        "id": log.text("id"),
        "called_at": log.time("start_time"),
        "model": log.text("provided_model_name"),
        "is_failed": f"coalesce({log.text('level')} = 'ERROR', false)",
        "prompt_tokens": f"{given} + case when {is_input_whole} then 0 else {read} + {written} end",
        "cached_tokens": read,
        "cache_write_tokens": written,
        "completion_tokens": f"{answered} + case when {is_output_whole} then 0 else {reasoned} end",
        "reasoning_tokens": reasoned,
        "charged_usd": log.usd("total_cost"),
        "updated_at": log.time("updated_at"),
        "skipped": f"case when {log.text('type')} is distinct from 'GENERATION' then '{_NO_CALL}' end",
    }


_OPERATIONS = ("chat", "text_completion", "generate_content", "embeddings")


def _open_telemetry(log: Columns) -> Mapping[str, str]:
    """Attributes are columns of their own here: the intake unpacks spans."""
    operation = log.text("gen_ai.operation.name")
    operations = ", ".join(f"'{name}'" for name in _OPERATIONS)
    return {
        "id": log.text("gen_ai.response.id", "spanId", "span_id"),
        "called_at": log.time("startTimeUnixNano", "start_time", "timestamp", "time"),
        "model": log.text("gen_ai.response.model", "gen_ai.request.model"),
        "is_failed": f"{log.text('error.type')} is not null",
        "prompt_tokens": log.count("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "cached_tokens": f"coalesce({log.count('gen_ai.usage.cache_read.input_tokens')}, 0)",
        "cache_write_tokens": log.count("gen_ai.usage.cache_creation.input_tokens"),
        "completion_tokens": log.count("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "skipped": f"case when {operation} is null or {operation} not in ({operations}) then '{_NO_CALL}' end",
    }


def _plain(log: Columns) -> Mapping[str, str]:
    return {
        "called_at": log.time("time"),
        "is_daily": f"regexp_full_match({log.text('time')}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        if log.types.get("time") != "DATE"
        else "true",
        "model": log.text("model"),
        "provider_name": log.text("provider"),
        "calls": log.count("requests"),
        "prompt_tokens": log.count("prompt_tokens"),
        "cached_tokens": log.count("cached_tokens"),
        "cache_write_tokens": log.count("cache_write_tokens"),
        "completion_tokens": log.count("completion_tokens"),
        "reasoning_tokens": log.count("reasoning_tokens"),
        "charged_usd": log.usd("cost_usd"),
    }


FORMATS = {
    one.name: one
    for one in (
        Format(
            name="openrouter",
            title="OpenRouter's export of generations",
            signs=(frozenset({"generation_id", "tokens_prompt", "model_permaslug"}),),
            required=("created_at", "tokens_completion"),
            columns=(
                *("generation_id", "created_at", "cost_total", "cost_web_search", "cost_cache", "cost_file_processing"),
                *("byok_usage_inference", "tokens_prompt", "tokens_completion", "tokens_reasoning", "tokens_cached"),
                *("model_permaslug", "provider_name", "variant", "finish_reason_normalized"),
            ),
            select=_openrouter,
        ),
        Format(
            name="activity",
            title="OpenRouter's daily activity (/api/v1/activity)",
            signs=(frozenset({"endpoint_id", "byok_usage_inference", "requests"}),),
            required=("date", "prompt_tokens", "completion_tokens"),
            columns=(
                *("date", "endpoint_id", "model", "model_permaslug", "provider_name", "usage", "requests"),
                *("byok_usage_inference", "prompt_tokens", "completion_tokens", "reasoning_tokens"),
            ),
            select=_activity,
        ),
        Format(
            name="litellm",
            title="LiteLLM's spend logs",
            signs=(frozenset({"request_id", "spend", "startTime", "metadata"}),),
            required=("model", "prompt_tokens", "completion_tokens"),
            columns=(
                *("request_id", "startTime", "model", "status", "cache_hit", "spend", "prompt_tokens"),
                *("completion_tokens", "metadata"),
            ),
            select=_litellm,
        ),
        Format(
            name="langfuse",
            title="Langfuse's export of observations",
            signs=(frozenset({"usage_details", "provided_model_name"}),),
            required=("id", "type", "start_time"),
            columns=(
                *("id", "type", "level", "start_time", "updated_at", "provided_model_name", "usage_details"),
                "total_cost",
            ),
            select=_langfuse,
        ),
        Format(
            name="opentelemetry",
            title="OpenTelemetry spans of generative AI",
            signs=(
                frozenset({"resourceSpans"}),
                frozenset({"gen_ai.usage.input_tokens"}),
                frozenset({"gen_ai.usage.prompt_tokens"}),
            ),
            required=(),
            columns=(
                *("spanId", "span_id", "startTimeUnixNano", "start_time", "timestamp", "time", "error.type"),
                *("gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id"),
                *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.output_tokens"),
                *("gen_ai.usage.completion_tokens", "gen_ai.usage.cache_read.input_tokens"),
                "gen_ai.usage.cache_creation.input_tokens",
            ),
            select=_open_telemetry,
        ),
        Format(
            name="plain",
            title="a plain table",
            signs=(frozenset({"time", "model", "prompt_tokens", "completion_tokens"}),),
            required=(),
            columns=(
                *("time", "model", "provider", "requests", "prompt_tokens", "cached_tokens", "cache_write_tokens"),
                *("completion_tokens", "reasoning_tokens", "cost_usd"),
            ),
            select=_plain,
        ),
    )
}
