"""Completes a release before readers can see it: adds report, exports, data package and citation, then audits it."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import __version__
from orchestration.errors import ExportError, RejectedError, ReportError
from orchestration.publish.audit import Result, audit
from orchestration.publish.candidate import ReleaseCandidate
from orchestration.publish.datapackage import SCOPE_OF, write_package
from orchestration.publish.exports import write_exports
from orchestration.publish.report import FOLDER, write_report
from orchestration.storage.lake import Lake
from orchestration.storage.releases import Release, Table


@dataclass
class Completion:
    """Called when the tables of a new release are written, before it is visible. Keeps the results of the audit.

    `sql` is the compiled SQL of each mart by name; `source` and `clock` are the name and the time of the data's source.
    `log` receives a line for each step.
    """

    lake: Lake
    warehouse: Path
    tables: Sequence[Table]
    sql: Mapping[str, str]
    source: str
    clock: dt.datetime
    results: list[Result] = field(default_factory=list)
    report_error: ReportError | None = None
    export_error: ExportError | None = None
    warnings: list[str] = field(default_factory=list)
    log: Callable[[str], None] = lambda _: None

    def __call__(self, release: Release) -> None:
        """Raises RejectedError if an audit check fails. Tables are published even if the report or an export fails."""
        folder = release.folder
        made = {
            "source": self.source,
            "clock": self.clock.isoformat(),
            "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        name = folder.name.partition("Z")[0] + "Z"  # without the suffix of an unfinished release
        self.log("drawing the report, making the exports (step 2 of 3 of publishing)")
        try:
            self.warnings.extend(write_report(folder, self.tables, made))
        except ReportError as error:
            self.report_error = error
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
        try:
            write_exports(folder)
        except ExportError as error:
            self.export_error = error
        write_package(folder, self.tables, SCOPE_OF[self.lake.kind], name, made, __version__)
        self.log("auditing the release (step 3 of 3 of publishing)")
        self.results.extend(self.audit(folder))
        if failed := [str(result) for result in self.results if not result.passed]:
            raise RejectedError("\n".join([f"{len(failed)} of the checks of the release failed.", *failed]))

    def audit(self, folder: Path) -> list[Result]:
        """Every audit check over a release in that folder."""
        return audit(ReleaseCandidate(folder, self.tables, self.lake.kind, self.warehouse, self.lake, self.sql))
