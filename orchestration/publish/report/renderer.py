"""Pictures, made in separate processes, because the renderer is native code and can abort.

The report calls `render` with texts that `untrusted.plain_text` has cleaned: the renderer aborts on other characters.
Run as a program, this file reads jobs from its standard input, one JSON object per line, and writes a line for each:
`null`, or why the file could not be made.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

# The time limit of a job. The child then ends itself, even inside native code and even if its parent is gone.
JOB_TIMEOUT_SECONDS = 60.0
PICTURE_SCALE = 1.5
# More would take memory and gain little: a release has some 45 pictures, most of them small.
PROCESSES = 2


def render(
    jobs: Iterable[tuple[Path, Mapping[str, Any]]], timeout_seconds: float = JOB_TIMEOUT_SECONDS
) -> dict[Path, str]:
    """Make each file from its job; returns the files that could not be made, with the reason.

    A job is {"spec": a Vega-Lite chart with its data} for an SVG, or {"svg": an SVG} for a PNG of it. If a job crashes
    the renderer or takes longer than `timeout_seconds`, only its file is lost. The first files are made while later
    jobs are still being prepared.
    """
    idle = [_Renderer(timeout_seconds) for _ in range(PROCESSES)]

    def make(item: tuple[Path, Mapping[str, Any]]) -> tuple[Path, str | None]:
        renderer = idle.pop()
        try:
            return item[0], renderer.make(*item)
        finally:
            idle.append(renderer)

    try:
        with ThreadPoolExecutor(PROCESSES) as pool:
            return {path: reason for path, reason in pool.map(make, jobs) if reason}
    finally:
        for renderer in idle:
            renderer.close()


@dataclass
class _Renderer:
    """A child process, which makes files one after another. After a crash, the next file gets a new process."""

    timeout_seconds: float
    _process: subprocess.Popen[str] | None = None

    def make(self, path: Path, job: Mapping[str, Any]) -> str | None:
        """Why the file could not be made, or None if it was."""
        process = self._process = self._process or self._start()
        jobs, results = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            jobs.write(f"{json.dumps({'path': str(path), **job})}\n")
            jobs.flush()
            result = results.readline()
        except BrokenPipeError:
            result = ""
        if result:
            reason: str | None = json.loads(result)
        else:
            self.close()
            reason = self._why(process.returncode)
        if reason:
            path.unlink(missing_ok=True)  # it may be incomplete
        return reason

    def close(self) -> None:
        if self._process:
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        # Started by its path: as a module of the package it would import everything that the report needs.
        return subprocess.Popen(  # noqa: S603  # this file, with our own interpreter
            [sys.executable, "-P", __file__, str(self.timeout_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def _why(self, code: int) -> str:
        if code == -signal.SIGALRM:
            return f"the renderer took longer than {self.timeout_seconds:g} seconds"
        return f"the renderer crashed ({signal.Signals(-code).name if code < 0 else f'exit {code}'})"


def main(timeout_seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; this process ends with its input
    signal.setitimer(signal.ITIMER_REAL, timeout_seconds)
    # What the renderer prints goes to standard error; standard output has the results only.
    results = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    import vl_convert  # loaded in the child only, so that a crash of native code cannot end the run

    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, timeout_seconds)
        job = json.loads(line)
        path, reason = Path(job["path"]), None
        try:
            if "spec" in job:
                path.write_text(vl_convert.vegalite_to_svg(job["spec"]), encoding="utf-8")
            else:
                path.write_bytes(vl_convert.svg_to_png(job["svg"], scale=PICTURE_SCALE))
        except Exception as error:  # the parent decides what a lost file costs
            reason = f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        results.write(f"{json.dumps(reason)}\n")
        results.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
