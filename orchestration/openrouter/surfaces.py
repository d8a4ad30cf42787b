"""The data surfaces of OpenRouter: one entry each, saying how to ask, what to cite, and what reads the answer.

A surface is added by adding its entry, its reader, its schema and its staging model. How bytes are come by (`client`,
`replay`), what is asked for when (the planner) and where rows are kept (the lake) does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pyarrow as pa

from orchestration.errors import ResponseError
from orchestration.openrouter import parsers, schemas
from orchestration.openrouter.json_fields import reason
from orchestration.openrouter.parsers import ParsedResponse, Response
from orchestration.settings import BASE_URL

__all__ = ["SURFACES", "Pages", "ParsedResponse", "Response", "Surface"]

# A simulator says in every answer that it is one, so that what it tells is never taken for real.
SIMULATOR_HEADER = "x-routerscope-simulator"


# What slices of rankings, lists of apps and benchmarks can be asked for.
MODALITIES = ("text", "image", "image_output", "audio", "tool_calling")
CONTEXT_BUCKETS = ("1K", "10K", "100K", "1M", "10M")
CATEGORIES = (
    "programming", "roleplay", "marketing", "marketing/seo", "technology", "science", "translation", "legal", "finance",
    "health", "trivia", "academia",
)  # fmt: skip
LANGUAGE_TYPES = ("natural", "programming")
APP_CATEGORIES = ("coding", "creative", "productivity", "entertainment")
BENCHMARK_SOURCES = ("artificial-analysis", "design-arena", "openrouter")


@dataclass(frozen=True)
class Pages:
    """How a surface is paged: what names a row, rows a page, greatest offset (None: as far as `links.next` leads)."""

    key: tuple[str, ...]
    limit: int
    max_offset: int | None = None


@dataclass(frozen=True)
class Surface:
    """One kind of question to OpenRouter.

    `name` is the raw table; `path` lies below the base URL and may name parameters in braces; `source_url` is the
    public page to cite; `citation` has `{as_of}` to fill in; `needs_key` means that it answers only with a key, and
    counts against the key's quota; `untyped` are known fields that are deliberately left in `extra`; `recordings` is
    the folder of recorded responses.
    """

    name: str
    path: str
    source_url: str
    citation: str
    licence: str
    schema: pa.Schema
    recordings: str
    _parse: Callable[[Response], ParsedResponse] = field(repr=False)
    schema_version: int = 1
    needs_key: bool = False
    pages: Pages | None = None
    untyped: frozenset[str] = frozenset()

    def parse(self, observation: Response) -> ParsedResponse:
        """Rows and dates of one response.

        Raises ResponseError naming the response if it cannot be read whole, whatever its reader raised.
        """
        try:
            return self._parse(observation)
        except Exception as error:  # a value that nobody foresaw costs this response, not the run
            raise ResponseError(
                f"{observation.label} cannot be read as a response of {self.path} ({self.name}): {reason(error)}. "
                "Nothing of it was written; every other response is kept."
            ) from error

    def request_url(self, params: Mapping[str, str], base_url: str = BASE_URL) -> str:
        """The URL that gives this response; never holds a key, which travels in a header."""
        in_path = {name for name in params if f"{{{name}}}" in self.path}
        path = self.path
        for name in in_path:
            path = path.replace(f"{{{name}}}", params[name])
        if in_path:  # what is left says what the answer covers, not what was asked
            return base_url + path
        return base_url + path + ("?" + urlencode(sorted(params.items())) if params else "")


_CC_BY = "CC BY 4.0"
_NO_LICENCE = "none stated"
_CITE_RANKINGS = "Source: OpenRouter (openrouter.ai/rankings), as of {as_of}."

RANKINGS = Surface(
    name="rankings",
    path="/datasets/rankings-daily",
    source_url="https://openrouter.ai/rankings",
    citation=_CITE_RANKINGS,
    licence=_CC_BY,
    schema=schemas.RANKINGS,
    recordings="rankings-daily",
    needs_key=True,
    _parse=parsers.parse_rankings,
)

RANKINGS_EXPORT = Surface(
    name="rankings_export",
    path="/datasets/exports/rankings-daily/{snapshot_date}.csv",
    source_url="https://openrouter.ai/api/v1/datasets/exports/index.json",
    citation=(
        "Source: OpenRouter (openrouter.ai), licensed under CC BY 4.0: reuse and republish with attribution to "
        "OpenRouter. Snapshot as of {as_of}."
    ),
    licence=_CC_BY,
    schema=schemas.RANKINGS_EXPORT,
    recordings="exports",
    _parse=parsers.parse_rankings_export,
)

MODELS = Surface(
    name="models",
    path="/models",
    source_url="https://openrouter.ai/api/v1/models",
    citation="Source: OpenRouter (openrouter.ai/api/v1/models), observed {as_of}.",
    licence=_NO_LICENCE,
    schema=schemas.MODELS,
    recordings="models",
    pages=Pages(("id",), limit=1000),
    untyped=frozenset({"default_parameters", "links", "per_request_limits", "supported_voices", "alias_target"}),
    _parse=parsers.parse_models,
)

ENDPOINTS = Surface(
    name="endpoints",
    path="/models/{model}/endpoints",
    source_url="https://openrouter.ai/models",
    citation="Source: OpenRouter (openrouter.ai/api/v1/models/{{model}}/endpoints), observed {as_of}.",
    licence=_NO_LICENCE,
    schema=schemas.ENDPOINTS,
    recordings="endpoints",
    untyped=frozenset({"answer", "model_id", "model_name", "supports_voice_cloning"}),
    _parse=parsers.parse_endpoints,
)

PROVIDERS = Surface(
    name="providers",
    path="/providers",
    source_url="https://openrouter.ai/api/v1/providers",
    citation="Source: OpenRouter (openrouter.ai/api/v1/providers), observed {as_of}.",
    licence=_NO_LICENCE,
    schema=schemas.PROVIDERS,
    recordings="providers",
    _parse=parsers.parse_providers,
)

TASKS = Surface(
    name="tasks",
    path="/classifications/task",
    source_url="https://openrouter.ai/rankings",
    citation=_CITE_RANKINGS,
    licence=_CC_BY,
    schema=schemas.TASKS,
    recordings="tasks",
    needs_key=True,
    _parse=parsers.parse_tasks,
)

SESSION_COST = Surface(
    name="session_cost",
    path="/datasets/session-cost",
    source_url="https://openrouter.ai/docs/cookbook/administration/data-api",
    citation=("Source: OpenRouter Data API (openrouter.ai/docs/cookbook/administration/data-api), as of {as_of}."),
    licence=_CC_BY,
    schema=schemas.SESSION_COST,
    recordings="session-cost",
    needs_key=True,
    pages=Pages(("app_slug", "model_permaslug", "turn_range"), limit=500, max_offset=5000),
    _parse=parsers.parse_session_cost,
)

BENCHMARKS = Surface(
    name="benchmarks",
    path="/benchmarks",
    source_url="https://openrouter.ai/rankings",
    citation="Source: OpenRouter (openrouter.ai/api/v1/benchmarks), as of {as_of}.",
    licence=_NO_LICENCE,
    schema=schemas.BENCHMARKS,
    recordings="benchmarks",
    needs_key=True,
    _parse=parsers.parse_benchmarks,
)

APPS = Surface(
    name="apps",
    path="/datasets/app-rankings",
    source_url="https://openrouter.ai/apps",
    citation="Source: OpenRouter (openrouter.ai/apps), as of {as_of}.",
    licence=_CC_BY,
    schema=schemas.APPS,
    recordings="app-rankings",
    needs_key=True,
    pages=Pages(("app_id",), limit=100, max_offset=100),
    _parse=parsers.parse_apps,
)

# In the order in which they are asked: what can never be asked for again comes first.
SURFACES = {
    surface.name: surface
    for surface in (
        MODELS,
        PROVIDERS,
        ENDPOINTS,
        TASKS,
        SESSION_COST,
        BENCHMARKS,
        RANKINGS_EXPORT,
        RANKINGS,
        APPS,
    )
}
