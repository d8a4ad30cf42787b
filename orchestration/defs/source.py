"""The source of the data, as every asset made from it shows it, and what follows from it for freshness.

The definitions load before any run, so the source is the one of the settings, or the one of the published release.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import get_args

import dagster as dg

from orchestration.defs.runs import SOURCE_TAG
from orchestration.folders import data_folder
from orchestration.publish.datapackage import PACKAGE
from orchestration.settings import RECORDED_SOURCES, Source
from orchestration.storage.files import read_json
from orchestration.storage.releases import Releases


def known_source() -> Source | None:
    """The source that the settings name, or else that of the published release; None before the first run."""
    name = os.environ.get("ROUTERSCOPE_SOURCE") or _source_of_release()
    return next((source for source in get_args(Source) if source == name), None)


def _source_of_release() -> str | None:
    try:
        package = read_json(Releases(data_folder()).published / PACKAGE)
        return str(package["made"]["source"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def show_source(assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, with their source as a tag and a kind, and without freshness policies if it is a recording.

    Seeds have no source: they are part of the project.
    """
    source = known_source()

    def show(spec: dg.AssetSpec) -> dg.AssetSpec:
        if source is None:
            return spec
        if source in RECORDED_SOURCES:  # no schedule can keep them fresh
            spec = spec.replace_attributes(freshness_policy=None)
        return spec if spec.key.path[0] == "seeds" else spec.merge_attributes(tags={SOURCE_TAG: source}, kinds={source})

    return list(dg.map_asset_specs(show, assets))
