"""Assets that no run materializes: OpenRouter's endpoints, and the list of all responses in the lake."""

import dagster as dg

from orchestration.defs.raw import endpoint_key, raw_key
from orchestration.defs.resources import OWNERS, group_name
from orchestration.defs.source import show_source
from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.catalog import RESPONSES
from orchestration.settings import BASE_URL


@dg.definitions
def external_assets() -> dg.Definitions:
    endpoints = [
        dg.AssetSpec(
            endpoint_key(surface),
            group_name=group_name("openrouter"),
            kinds={"api"},
            description=f"OpenRouter's public endpoint `{surface.path}`. Runs read it and never write to it.",
            metadata={
                "endpoint": dg.MetadataValue.url(BASE_URL + surface.path),
                "cite": dg.MetadataValue.url(surface.source_url),
                "licence": surface.licence,
            },
        )
        for surface in SURFACES.values()
    ]
    responses = dg.AssetSpec(
        ["raw", RESPONSES],
        deps=[raw_key(surface) for surface in SURFACES.values()],
        group_name=group_name("raw"),
        kinds={"parquet"},
        owners=OWNERS,
        description="One row per response, read from the metadata of its Parquet file.",
    )
    return dg.Definitions(assets=[*endpoints, *show_source([responses])])
