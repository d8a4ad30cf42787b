"""Run by LiteLLM's own Python, without a network: what LiteLLM computes from the exported prices.

python run_litellm.py model_prices.json config.yaml calls.json

Prints {"costs": [...], "routed": [...], "deployments": n}: the cost of each call by the map of prices, and of each one
that the configuration has a deployment for, else null, as its router computes it.
"""

import json
import logging
import socket
import sys
from pathlib import Path

logging.disable(logging.CRITICAL)


def deny(*_: object) -> None:
    raise OSError("this test has no network")


socket.socket.connect = deny  # type: ignore[method-assign]

import litellm  # noqa: E402
import yaml  # noqa: E402
from litellm.types.utils import ModelResponse, Usage  # noqa: E402

prices, config, calls = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:4])
config = yaml.safe_load(config)
calls = json.loads(calls)


def usage(prompt: int, completion: int, cached: int, written: int) -> Usage:
    """As OpenRouter reports it: the details are parts of the numbers above them."""
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details={"cached_tokens": cached, "cache_write_tokens": written},
        completion_tokens_details={"reasoning_tokens": completion // 2},
    )


def routed_cost(name: str, *tokens: int) -> float:
    message = {"role": "assistant", "content": "Yes."}
    choices = [{"message": message, "finish_reason": "stop", "index": 0}]
    answer = ModelResponse(model=name, choices=choices, usage=usage(*tokens))
    asked = [{"role": "user", "content": "Hello?"}]
    done = router.completion(model=name, messages=asked, mock_response=answer)
    return done._hidden_params["response_cost"]


# The router comes first: it must not need the map.
router = litellm.Router(model_list=config["model_list"], **config["router_settings"])
names = set(router.get_model_names())
routed = [routed_cost(*call) if call[0] in names else None for call in calls]
litellm.register_model(json.loads(prices))
costs = [sum(litellm.cost_per_token(model=f"openrouter/{name}", usage_object=usage(*call))) for name, *call in calls]
print(json.dumps({"costs": costs, "routed": routed, "deployments": len(router.model_list)}))
