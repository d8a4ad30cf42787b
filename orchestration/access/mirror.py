"""The release that object storage publishes, copied into a cache folder and read from there like a local one.

    $XDG_CACHE_HOME/routerscope/<name>/    a data folder with releases and claim history only (default: ~/.cache)

What is copied and how it is verified is in `storage.remote`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from orchestration.folders import absolute
from orchestration.settings import remote_address
from orchestration.storage.files import check_data_folder
from orchestration.storage.remote import Remote

_HASH_DIGITS = 8
_NOT_IN_NAMES = re.compile(r"\W+")


def mirrored(address: str, log: Callable[[str], None], has_raw: bool = False) -> Path:
    """The cache folder with the release that is published at this address now, and with the raw files if needed.

    `log` receives lines of progress. Raises SettingsError for an address that cannot be used, and RemoteError if the
    release cannot be copied: an older one in the cache is never read in its place.
    """
    address = remote_address(address)
    folder = cache_folder(address)
    check_data_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remote = Remote(address, folder, log)
    remote.pull_release()
    if has_raw:
        remote.pull_raw()
    return folder


def cache_folder(address: str) -> Path:
    """The cache folder of an address: a readable name, and a hash that distinguishes similar addresses."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:_HASH_DIGITS]
    return _cache() / f"{_NOT_IN_NAMES.sub('-', address)}-{digest}"


def is_mirror(data: Path) -> bool:
    """Whether a data folder is such a cache folder."""
    return data.parent == _cache()


def _cache() -> Path:
    return absolute(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")) / "routerscope"
