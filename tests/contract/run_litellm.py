"""Run by LiteLLM's own Python, without a network: what LiteLLM computes from the exported prices.

python run_litellm.py model_prices.json config.yaml calls.json      prints {"costs": [...], "deployments": n}
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
from litellm.types.utils import Usage  # noqa: E402

prices, config, calls = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:4])
litellm.register_model(json.loads(prices))
config = yaml.safe_load(config)
calls = json.loads(calls)

costs = []
for model, prompt, completion, cached, written in calls:
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details={"cached_tokens": cached, "cache_creation_tokens": written},
    )
    costs.append(sum(litellm.cost_per_token(model=f"openrouter/{model}", usage_object=usage)))

router = litellm.Router(model_list=config["model_list"], **config["router_settings"])
name = config["model_list"][0]["model_name"]
answer = router.completion(
    model=name, messages=[{"role": "user", "content": "Hello"}], mock_response="Hello", api_key="none"
)
print(json.dumps({"costs": costs, "deployments": len(router.model_list), "answer": answer.choices[0].message.content}))
