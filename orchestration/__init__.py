"""Routerscope: OpenRouter's public rankings and prices as tables that can be trusted and quoted.

One package per stage: `openrouter` (the source system), `ingest` (what is due, and loading it), `storage` (lake,
warehouse, releases), `transform` (what dbt reports), `publish` (what a release contains and must pass), `access`
(reading a release), `alerts`, `usage` (the user's own calls), `cli`, and `defs` (Dagster). Modules here are used by all
of them.
"""

__version__ = "0.2.0"
