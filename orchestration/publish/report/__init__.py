"""The report of a release: one self-contained page, files of each figure, and the week in a few findings.

    <release>/report/index.html          needs no network, no script and no other file to be read
    <release>/report/<figure>.csv        the rows of a figure with its title, units and source
    <release>/report/<figure>.png, .svg  its chart, which stands alone
    <release>/report/brief-<week>.md     the newest week in at most 250 words, or the newest day if no week is complete

Reads the published tables only. What it computes beside them are sums of members without a name of their own, means
over seven days, shares of a range, and changes between two periods.

    writer      reads the rows and writes these files; page.html.j2, page.css and page.js are its template
    views.sql   the period of the report, and names for people
    headline    the tiles and the sentence at the top
    figures     which figures the page shows, their rows and columns
    findings    the titles of the figures
    charts      how the figures are drawn
    formats     how values read
    brief       the findings of the week
    downloads   the files of a figure and its citation
    renderer    SVG and PNG, made in a separate process
"""

from orchestration.publish.report.writer import BRIEF, FOLDER, PAGE, write_report

__all__ = ["BRIEF", "FOLDER", "PAGE", "write_report"]
