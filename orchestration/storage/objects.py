"""Objects below one address of object storage: S3, Google Cloud Storage or Azure, through the library `obstore`.

Every call is bounded in time, ends at Ctrl-C, and raises RemoteError in words that contain no key. What the objects
contain does not belong here.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from orchestration.errors import RemoteError, SettingsError

if TYPE_CHECKING:
    from obstore import UpdateVersion
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

REQUEST_TIMEOUT_SECONDS = 120
CONNECT_TIMEOUT_SECONDS = 10
MAX_RETRIES = 4
RETRY_TIMEOUT_SECONDS = 120
MAX_CONCURRENT_REQUESTS = 8
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_CREDENTIALS_SERVICE = ("169.254.169.254", "metadata.google", "169.254.170.2")
_ADVICE = {
    "NoSuchBucket": "The bucket does not exist. Create it, or correct the address.",
    "ContainerNotFound": "The container does not exist. Create it, or correct the address.",
    "403": "Its credentials need the permissions to list, read, write and delete objects below this address.",
    "401": "Check the credentials in the environment.",
    "InvalidAccessKeyId": "Check the credentials in the environment.",
    "SignatureDoesNotMatch": "Check the credentials in the environment, and the clock of this machine.",
    "ExpiredToken": "Renew the credentials in the environment.",
}
_CHECK = "Check the address, its endpoint and the network."

Result = TypeVar("Result")
Version: TypeAlias = "UpdateVersion"


@dataclass(frozen=True)
class Content:
    """The bytes of an object, and its version for a conditional write."""

    content: bytes
    version: Version


class Objects:
    """The objects below one address, by key. Missing objects and lost conditional writes are results, not errors."""

    def __init__(self, address: str) -> None:
        """Reads the credentials from the environment, as obstore does; sends nothing yet.

        Raises SettingsError if obstore is not installed, or cannot use the environment's settings.
        """
        try:
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ModuleNotFoundError:
            raise SettingsError(
                f"{address} is object storage, but the package obstore is not installed. Nothing was changed. Install "
                "it: .venv/bin/python -m pip install 'obstore>=0.12,<0.13'"
            ) from None
        self.address = address
        # Options given here replace those of the environment, also the one that allows unencrypted connections.
        options: ClientConfig = {
            "timeout": dt.timedelta(seconds=REQUEST_TIMEOUT_SECONDS),
            "connect_timeout": dt.timedelta(seconds=CONNECT_TIMEOUT_SECONDS),
            "allow_http": any(os.environ.get(name, "").lower() in ("1", "true") for name in _ALLOW_HTTP),
        }
        retries: RetryConfig = {
            "max_retries": MAX_RETRIES,
            "retry_timeout": dt.timedelta(seconds=RETRY_TIMEOUT_SECONDS),
        }
        problem = ""
        try:
            self._store: ObjectStore = from_url(address, client_options=options, retry_config=retries)
        except (BaseError, ValueError) as error:
            problem = _without_secrets(str(error).partition("\n")[0])
        if problem:
            raise SettingsError(
                f"{address} cannot be opened: {problem}. Nothing was changed. Check the address, and the credentials "
                "in the environment (docs/how-to/object-storage.md)."
            )

    def get(self, key: str) -> Content | None:
        """The object, or None if there is none."""
        return _run(self._get(key))

    def get_many(self, keys: Iterable[str], receive: Callable[[str, bytes], None]) -> None:
        """Download objects, several at a time, and hand over each one. Raises RemoteError if one is missing."""

        async def get(key: str) -> None:
            found = await self._get(key)
            if found is None:
                raise RemoteError(
                    f"{self.shown(key)} does not exist, although it is listed. What was downloaded before is kept. "
                    "Another host may have replaced it: run the command again."
                )
            receive(key, found.content)

        _run(_each(keys, get))

    def put_many(self, files: Mapping[str, Path], done: Callable[[str], None]) -> None:
        """Upload files, several at a time. Each object is complete or does not exist."""
        import obstore

        async def put(key: str) -> None:
            with self._errors("written", key):
                await obstore.put_async(self._store, key, files[key], max_concurrency=MAX_CONCURRENT_REQUESTS)
            done(key)

        _run(_each(files, put))

    def put_if(self, key: str, content: bytes, version: Version | None) -> Version | None:
        """Write an object if it still has this version, or if none exists (None).

        Returns its new version, or None if the object had another version.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        async def put() -> Version | None:
            try:
                with self._errors("written", key):
                    try:
                        result = await obstore.put_async(self._store, key, content, mode=version or "create")
                        return _version(result["e_tag"], result["version"])
                    except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                        pass
            except RemoteError:
                with contextlib.suppress(RemoteError):
                    if written := await version_of_content():
                        return written
                raise
            return await version_of_content()

        async def version_of_content() -> Version | None:
            """If an answer was lost, a retry is refused: only the object itself shows that the first try succeeded."""
            found = await self._get(key)
            return found.version if found and found.content == content else None

        return _run(put())

    def obeys_conditions(self, key: str) -> bool:
        """Whether the server refuses a conditional write to an object of another version. Uses this key for a trial."""
        import obstore

        async def put() -> None:
            with self._errors("written", key):
                await obstore.put_async(self._store, key, b"")

        _run(put())
        is_written = self.put_if(key, b"replaced", {"e_tag": '"0"', "version": "1"})
        self.delete([key])
        return is_written is None

    def list(self, prefix: str) -> dict[str, int]:
        """The size of each object below a prefix (`raw`: of `raw/…`), by key, in bytes."""
        import obstore

        async def collect() -> dict[str, int]:
            with self._errors("listed", prefix):
                found = await obstore.list(self._store, prefix).collect_async()
            return {one["path"]: one["size"] for one in found}

        return _run(collect())

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones are ignored."""
        import obstore

        async def delete() -> None:
            with self._errors("deleted", keys[0]), contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._store, keys)

        if keys:
            _run(delete())

    def shown(self, key: str) -> str:
        """The address of an object, for messages."""
        return f"{self.address}/{key}"

    async def _get(self, key: str) -> Content | None:
        import obstore

        with self._errors("read", key):
            try:
                found = await obstore.get_async(self._store, key)
                content = bytes(await found.bytes_async())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
                    raise
                return None
        return Content(content, _version(found.meta["e_tag"], found.meta["version"]))

    @contextlib.contextmanager
    def _errors(self, done: str, key: str) -> Iterator[None]:
        """Raises RemoteError for an error of obstore, whose own text may contain a signed address or a key."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise RemoteError(f"{self.shown(key)} could not be {done}: {_reason(str(error))}") from None


def _version(e_tag: str | None, version: str | None) -> Version:
    """A version for a condition. obstore refuses a field that is None."""
    return {"e_tag": e_tag} if version is None else {"e_tag": e_tag, "version": version}


_ALLOW_HTTP = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")


def _reason(text: str) -> str:
    """Why a request failed, in words of our own, and what to do."""
    if any(service in text for service in _CREDENTIALS_SERVICE):
        return "no credentials were found. Set them in the environment (docs/how-to/object-storage.md), and run again."
    code, status = _CODE.search(text), _STATUS.search(text)
    if code or status:
        parts = [code[1]] if code else []
        parts += [f"status {status[1]}"] if status else []
        advice = next((_ADVICE[found[1]] for found in (code, status) if found and found[1] in _ADVICE), _CHECK)
        return f"the server answered {', '.join(parts)}. {advice} Then run again."
    if "timed out" in text or "TimedOut" in text or "Timeout" in text:
        return f"there was no answer in time. {_CHECK} Then run again."
    if "builder error" in text:
        return (
            "the address or the endpoint cannot be used. An endpoint that begins with http:// needs "
            "AWS_ALLOW_HTTP=true. Correct it, and run again."
        )
    return f"the connection failed. {_CHECK} Then run again."


def _without_secrets(text: str) -> str:
    """The text without any value that the environment holds for object storage."""
    for name, value in os.environ.items():
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")) and len(value) > len("true"):
            text = text.replace(value, f"({name})")
    return text


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine. Unlike obstore's blocking calls, it ends at once when a signal raises an error.

    It runs in a thread of its own, because an event loop may be running in this one, as in a notebook.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(loop.run_until_complete, task).result()
    except RemoteError as error:
        error.__context__ = None  # obstore's error: Dagster would store its text
        raise
    except BaseException:
        loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.shutdown()
        loop.close()


async def _each(keys: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
    """Do the work for each key, several at a time; the first error ends it."""
    remaining = iter(keys)

    async def take() -> None:
        for key in remaining:
            await work(key)

    workers = [asyncio.create_task(take()) for _ in range(MAX_CONCURRENT_REQUESTS)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
