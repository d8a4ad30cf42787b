"""Pictures, made in a separate process, because the renderer is native code and can abort.

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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

# The time limit of a job. The child then ends itself, even inside native code and even if its parent is gone.
JOB_TIMEOUT_SECONDS = 60.0
PICTURE_SCALE = 1.5


def render(jobs: Mapping[Path, Mapping[str, Any]], timeout_seconds: float = JOB_TIMEOUT_SECONDS) -> dict[Path, str]:
    """Make each file from its job; returns the files that could not be made, with the reason.

    A job is {"spec": a Vega-Lite chart with its data} for an SVG, or {"svg": an SVG} for a PNG of it. If a job crashes
    the renderer or takes longer than `timeout_seconds`, only its file is lost.
    """
    lost: dict[Path, str] = {}
    renderer: _Renderer | None = None
    try:
        for path, job in jobs.items():
            renderer = renderer or _Renderer(timeout_seconds)
            if reason := renderer.make(path, job):
                lost[path] = reason
                path.unlink(missing_ok=True)  # it may be incomplete
            if renderer.has_ended:
                renderer = None
    finally:
        if renderer:
            renderer.close()
    return lost


@dataclass
class _Renderer:
    """One child process, which makes files one after another until it ends."""

    timeout_seconds: float
    has_ended: bool = False
    _process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        # Started by its path: as a module of the package it would import everything that the report needs.
        self._process = subprocess.Popen(  # noqa: S603  # this file, with our own interpreter
            [sys.executable, "-P", __file__, str(self.timeout_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def make(self, path: Path, job: Mapping[str, Any]) -> str | None:
        """Why the file could not be made, or None if it was."""
        jobs, results = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        try:
            jobs.write(f"{json.dumps({'path': str(path), **job})}\n")
            jobs.flush()
            result = results.readline()
        except BrokenPipeError:
            result = ""
        if result:
            reason: str | None = json.loads(result)
            return reason
        self.close()
        code = self._process.returncode
        if code == -signal.SIGALRM:
            return f"the renderer took longer than {self.timeout_seconds:g} seconds"
        return f"the renderer crashed ({signal.Signals(-code).name if code < 0 else f'exit {code}'})"

    def close(self) -> None:
        self.has_ended = True
        self._process.communicate()


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
