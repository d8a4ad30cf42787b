"""The data surfaces of OpenRouter, one entry each: its request, its citation, its schema and its parser.

docs/how-to/add-a-surface.md lists the steps to add one. Fetching (`client`, `recordings`), scheduling (the planner) and
storage (the lake) do not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import pyarrow as pa

from orchestration.errors import ResponseError
from orchestration.openrouter import parsers, schemas
from orchestration.openrouter.json_fields import describe_error, one_line
from orchestration.openrouter.parsers import ParsedResponse, Response
from orchestration.settings import BASE_URL

__all__ = ["SURFACES", "Pages", "ParsedResponse", "Response", "Surface"]

# A simulator sends this header with every response, so that its data is never mistaken for real data.
SIMULATOR_HEADER = "x-routerscope-simulator"

# Values of the parameters that select slices of the rankings, categories of apps, and benchmarks.
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
    """How a surface is paged: the key of a row, rows per page, greatest offset (None: `links.next` names each page)."""

    key: tuple[str, ...]
    limit: int
    max_offset: int | None = None


@dataclass(frozen=True)
class Surface:
    """One kind of request to OpenRouter.

    `name` is the raw table; `path` is relative to the base URL, with parameters in braces; `source_url` is the public
    page to cite; `citation` contains `{as_of}`; `needs_key` means that it requires a key and counts against the key's
    quota; `untyped` are known fields that are deliberately left in `extra`; `recordings` is the subfolder of recorded
    responses.
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

    def parse(self, response: Response) -> ParsedResponse:
        """Rows and dates of one response.

        Raises ResponseError, which names the response, if it cannot be parsed as a whole.
        """
        try:
            return self._parse(response)
        except Exception as error:  # an unexpected value must not fail the run
            raise ResponseError(
                f"{response.label} cannot be parsed as a response of {self.path} ({self.name}): "
                f"{describe_error(error)}. None of it was written; all other responses are kept."
            ) from error

    def request_url(self, params: Mapping[str, str], base_url: str = BASE_URL) -> str:
        """The URL of the request. It never contains a key, which travels in a header."""
        path = filled_path(self.path, params)
        if path != self.path:  # the other parameters were added by the parser: the days that the response covers
            return base_url + path
        return base_url + path + ("?" + urlencode(sorted(params.items())) if params else "")


def filled_path(template: str, params: Mapping[str, str]) -> str:
    """A path with its parameters in braces replaced, quoted so that no value leads to another path of the host.

    Only the first slash of a value separates two segments, as in a model's id (author/slug). Raises ResponseError for
    a value with an empty segment or a segment of dots, which a server may resolve even if it is quoted.
    """
    path = template
    for name, value in params.items():
        if f"{{{name}}}" in template:
            if any(segment in ("", ".", "..") for segment in re.split(r"[/\\]", value)):
                raise ResponseError(
                    f"{one_line(value)!r} cannot be part of the path {template}, so it was not requested"
                )
            quoted = "/".join(quote(segment, safe=":~", errors="replace") for segment in value.split("/", 1))
            path = path.replace(f"{{{name}}}", quoted)
    return path


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

# In the order in which they are fetched. Surfaces without a history come first, because they cannot be fetched later.
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
