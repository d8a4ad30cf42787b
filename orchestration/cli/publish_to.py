"""`routerscope publish-to`: copy the published release to a folder for a web server.

`access.site` does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.terminal import Data, counted, out


def publish_to(
    site: Annotated[Path, typer.Argument(metavar="FOLDER", help="The site's folder; it is created if missing.")],
    keep: Annotated[int, typer.Option(metavar="N", min=2, help="Number of releases to keep.")] = 30,
    data: Data = None,
) -> None:
    """Copy the published release to a folder for a web server.

    The release gets a dated folder with checksums, which is never changed, and latest.json points to it. Simulated data
    is refused, and so is a release of another source than the site's.
    """
    from orchestration.access import site as sites

    change = sites.publish_to(site.absolute(), data, keep)
    if change.is_new:
        out.print(f"Published the release to {change.folder}.", soft_wrap=True)
    else:
        out.print(f"The release was already in {change.folder}; its files are unchanged.", soft_wrap=True)
    out.print(f"{site / sites.LATEST} points to it.", soft_wrap=True)
    if change.removed:
        removed = counted(len(change.removed), "older release")
        out.print(f"Removed {removed}: {', '.join(change.removed)}.", soft_wrap=True)
