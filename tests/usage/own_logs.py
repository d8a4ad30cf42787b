"""One call as each format reports it, for tests of the intake. Values that a reader must not read contain MARKER."""

import csv
import gzip
import io
import json
from typing import Any

# Anything but a call's time, model, counts, charges and status. It must appear nowhere after the intake.
MARKER = "do-not-read"
TIME = "2026-08-05 04:00:00.120"
OPENROUTER = {
    "generation_id": "gen-1785902400-A",
    "created_at": TIME,
    "cost_total": "0.006475",
    "cost_web_search": "",
    "cost_cache": "0.00125",
    "cost_file_processing": "",
    "byok_usage_inference": "0",
    "tokens_prompt": "1000",
    "tokens_completion": "9",
    "tokens_reasoning": "3",
    "tokens_cached": "400",
    "model_permaslug": "anthropic/claude-opus-5-20260723",
    "provider_name": "Anthropic",
    "variant": "standard",
    "cancelled": "false",
    "streamed": "true",
    "user": MARKER,
    "finish_reason_raw": MARKER,
    "finish_reason_normalized": "stop",
    "generation_time_ms": "2100",
    "time_to_first_token_ms": "640",
    "api_key_disabled": "false",
    "api_key_name": MARKER,
    "app_name": MARKER,
}
ACTIVITY = {
    "date": "2026-08-05",
    "model": "anthropic/claude-opus-5",
    "model_permaslug": "anthropic/claude-opus-5-20260723",
    "endpoint_id": MARKER,
    "provider_name": "Anthropic",
    "usage": 0.006475,
    "byok_usage_inference": 0,
    "requests": 1,
    "prompt_tokens": 1000,
    "completion_tokens": 9,
    "reasoning_tokens": 3,
}
LITELLM = {
    "request_id": "gen-1785902400-A",
    "call_type": "acompletion",
    "api_key": MARKER,
    "spend": 0.006475,
    "total_tokens": 1009,
    "prompt_tokens": 1000,
    "completion_tokens": 9,
    "startTime": "2026-08-05T04:00:00.120Z",
    "endTime": "2026-08-05T04:00:02.220Z",
    "model": "openrouter/anthropic/claude-opus-5",
    "custom_llm_provider": "openrouter",
    "cache_hit": "False",
    "status": "success",
    "end_user": MARKER,
    "requester_ip_address": MARKER,
    "messages": {"content": MARKER},
    "response": {"content": MARKER},
    "metadata": {
        "user_api_key_alias": MARKER,
        "usage_object": {
            "prompt_tokens": 1000,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 400, "cache_creation_tokens": 100, "cache_write_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    },
}
LANGFUSE = {
    "id": "obs-1",
    "type": "GENERATION",
    "name": MARKER,
    "input": MARKER,
    "output": {"answer": MARKER},
    "metadata": {"user": MARKER},
    "start_time": TIME,
    "updated_at": "2026-08-05 04:00:05.000",
    "provided_model_name": "anthropic/claude-opus-5",
    "usage_details": {
        "input": 500,
        "input_cached_tokens": 400,
        "input_cache_creation": 100,
        "output": 6,
        "output_reasoning_tokens": 3,
        "total": 1009,
    },
    "total_cost": 0.006475,
}


def span(operation: str = "chat", identifier: str = "gen-1785902400-A") -> dict[str, Any]:
    """A span with the attributes of one call."""
    texts = {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": "anthropic/claude-opus-5",
        "gen_ai.response.id": identifier,
        "gen_ai.input.messages": MARKER,
        "user.email": MARKER,
    }
    counts = {
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.cache_creation.input_tokens": 100,
    }
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in texts.items()]
    attributes += [{"key": key, "value": {"intValue": str(value)}} for key, value in counts.items()]
    return {"spanId": "b7ad", "name": MARKER, "startTimeUnixNano": "1785902400120000000", "attributes": attributes}


def spans(*given: dict[str, Any]) -> dict[str, Any]:
    """Spans as a collector exports them."""
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": MARKER}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(given)}]}]}


PLAIN = {
    "time": TIME,
    "model": "anthropic/claude-opus-5",
    "prompt_tokens": "1000",
    "completion_tokens": "9",
    "cached_tokens": "400",
    "cache_write_tokens": "100",
    "reasoning_tokens": "3",
    "cost_usd": "0.006475",
    "provider": "Anthropic",
    "prompt": MARKER,
}


def as_csv(*rows: dict[str, Any], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_lines(*rows: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


# One call in a file of each format.
FILES = {
    "openrouter": as_csv(OPENROUTER),
    "activity": json.dumps({"data": [ACTIVITY]}, indent=1).encode(),
    "litellm": as_lines(LITELLM),
    "langfuse": json.dumps([LANGFUSE]).encode(),
    "opentelemetry": gzip.compress(as_lines(spans(span()))),
    "plain": as_csv(PLAIN),
}
