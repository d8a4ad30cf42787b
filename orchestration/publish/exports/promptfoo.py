"""Export for promptfoo: a configuration that tests the leading models and those that are worth a test.

    exports/promptfoo/promptfooconfig.yaml      the models, why each is in it, and a limit for the cost of a call
    exports/promptfoo/prompt.txt                a neutral prompt, to be replaced
    exports/promptfoo/cases.yaml                a neutral case, to be replaced

The limit is the cost of a call of a given shape on the most expensive of the models. A release knows no user's calls,
so it uses DEFAULT_CALL; `routerscope find --promptfoo` writes the configuration for a call of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestration.publish.datapackage import SIMULATED
from orchestration.publish.exports.documents import as_yaml, plain
from orchestration.publish.exports.source import ExportSource

# Prompt and completion tokens of a call.
DEFAULT_CALL = (10_000, 1_000)
MAX_LEADERS = 3
MAX_CANDIDATES = 7
_MODELS = f"""
    select
        scorecard.model_id,
        scorecard.rank,
        scorecard.try_reason,
        cost_usd(prices.prices, {DEFAULT_CALL[0]}, {DEFAULT_CALL[1]}) as cost_usd,
        row_number() over (partition by scorecard.rank > {MAX_LEADERS} order by scorecard.rank) as number
    from model_scorecard as scorecard
    inner join price_current as prices using (model_id)
    where scorecard.rank <= {MAX_LEADERS} or scorecard.try_reason is not null
    qualify rank <= {MAX_LEADERS} or number <= {MAX_CANDIDATES}
    order by scorecard.rank
"""  # noqa: S608  # constants
# What the scorecard and its reasons are made from, the ranking first.
_CITED = """
    select citation
    from citations
    where surface in ('rankings', 'rankings_export', 'models', 'endpoints', 'benchmarks')
    order by not starts_with(surface, 'rankings'), surface
"""
# promptfoo fills in templates such as {{env.NAME}} wherever they stand, so an id with other characters is left out.
_SAFE_ID = re.compile(r"~?[A-Za-z0-9][A-Za-z0-9._:/-]*")
PROMPT = "Answer the question in one sentence.\n\n{{question}}\n"
CASES = (
    '- vars:\n    question: How many minutes are in three hours?\n  assert:\n    - type: contains\n      value: "180"\n'
)


@dataclass(frozen=True)
class Candidate:
    """A model to test: its id, why it is tested, and what the call costs on it (None if unknown)."""

    model_id: str
    reason: str
    cost_usd: Decimal | None


def export(source: ExportSource) -> dict[str, str]:
    """The files of the export, by name."""
    candidates = [
        Candidate(
            row["model_id"],
            " ".join(filter(None, [f"Rank {row['rank']}." if row["rank"] <= MAX_LEADERS else "", row["try_reason"]])),
            row["cost_usd"],
        )
        for row in source.rows(_MODELS)
    ]
    notice = " ".join(
        [*([SIMULATED] if source.is_simulated else []), *(row["citation"] for row in source.rows(_CITED))]
    )
    shape = f"{DEFAULT_CALL[0]:,} prompt and {DEFAULT_CALL[1]:,} completion tokens"
    return {
        "promptfooconfig.yaml": promptfoo_config(candidates, shape, notice),
        "prompt.txt": PROMPT,
        "cases.yaml": CASES,
    }


def promptfoo_config(candidates: Sequence[Candidate], shape: str, notice: str) -> str:
    """The text of `promptfooconfig.yaml` for these models and a call of this shape, described in words.

    Without a known cost, or if all are free, the configuration has no limit.
    """
    candidates = [one for one in candidates if _SAFE_ID.fullmatch(one.model_id)]
    comments = [notice, f"The cost of a call, at list prices: {shape}.", ""]
    for one in candidates:
        cost = "unknown" if one.cost_usd is None else f"${plain(one.cost_usd)}"
        comments += [f"{one.model_id}: {cost}. {one.reason}".rstrip()]
    costs = [one.cost_usd for one in candidates if one.cost_usd is not None]
    config: dict[str, Any] = {
        "description": "Models from OpenRouter's public ranking, by Routerscope. A ranking suggests what to test.",
        "prompts": ["file://prompt.txt"],
        "providers": [{"id": f"openrouter:{one.model_id}", "label": one.model_id} for one in candidates],
        "tests": "file://cases.yaml",
    }
    if costs and max(costs) > 0:
        config["defaultTest"] = {"assert": [{"type": "cost", "threshold": max(costs)}]}
    return "".join(f"# {line}".rstrip() + "\n" for line in comments) + as_yaml(config)
