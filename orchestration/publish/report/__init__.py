"""The report of a release: one self-contained page, an image of each chart, and the week in a few cited sentences.

    <release>/report/index.html         needs no network and no other file
    <release>/report/<figure>.png       each chart, with its scope, citation and timestamps
    <release>/report/brief-<week>.md    the newest week, or the newest day if no week is complete

Reads the published tables only and computes no figure of its own.

    writer      reads the rows and writes these files; page.html.j2, page.css and page.js are its template
    figures     which figures the page shows, their rows and columns
    charts      how the figures are drawn
    brief       the cited sentences
    renderer    images and the page's script, made in a separate process
"""

from orchestration.publish.report.writer import BRIEF, FOLDER, PAGE, write_report

__all__ = ["BRIEF", "FOLDER", "PAGE", "write_report"]
