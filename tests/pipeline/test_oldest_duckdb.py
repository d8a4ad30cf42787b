"""The oldest DuckDB that must be able to read a release, from a file and over HTTP as the guide shows."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import PROJECT, Run, environment

from orchestration.access.site import publish_to
from orchestration.publish.schema import SCHEMA_VERSION

LOCK = PROJECT / "tests" / "pipeline" / "duckdb-1.2.lock"
GUIDE = PROJECT / "docs" / "how-to" / "public-release.md"
# The address and the release of the guide.
SITE, RELEASE = "https://example.org/routerscope", "20260807T021502Z"

pytestmark = pytest.mark.xdist_group("oldest_duckdb")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with DuckDB 1.2.2 and its extension httpfs, which DuckDB would otherwise download."""
    folder = tmp_path_factory.mktemp("duckdb-1.2")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--target", folder]
    subprocess.run([*install, "-r", LOCK], check=True)
    return folder


def run_in_1_2(packages: Path, code: str, *arguments: object) -> list:
    """What a program prints as JSON, run with these packages."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(packages, PYTHONPATH=packages),
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
    )
    return json.loads(done.stdout)


COSTS = (
    "select model_id, cost_usd(prices, 300000, 1000, cached_tokens := 250000, time_utc := time '16:30') as cost "
    "from price_current where prices.prompt > 0 union all "
    "select model_id, cost_usd(prices, 1000, 10) from price_on('anthropic/claude-sonnet-4.5', '2026-07-20') "
    "order by all"
)
# All rows of the release, and the price functions, with the file opened and with the file attached.
READ = f"""
import duckdb, json, sys
assert duckdb.__version__ == "1.2.2"
costs = {COSTS!r}
as_text = lambda rows: [[model, str(cost)] for model, cost in rows]
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    tables = [name for (name,) in connection.sql("show tables").fetchall()]
    rows = sum(len(connection.sql(f"from {{name}}").fetchall()) for name in tables)
    opened = as_text(connection.sql(costs).fetchall())
with duckdb.connect() as connection:
    connection.execute(f"attach '{{sys.argv[1]}}' as routerscope (read_only); use routerscope")
    attached = as_text(connection.sql(costs).fetchall())
print(json.dumps([rows, opened, attached]))
"""
# The rows of each statement of a script.
RUN_SCRIPT = """
import duckdb, json, pathlib, sys
[extension] = pathlib.Path(sys.argv[1]).rglob("httpfs.duckdb_extension")
with duckdb.connect() as connection:
    connection.execute(f"load '{extension}'")
    results = [connection.execute(statement).fetchall() for statement in connection.extract_statements(sys.argv[2])]
print(json.dumps(results, default=str))
"""


def test_duckdb_1_2_opens_a_release(everything: Run, packages: Path) -> None:
    rows, opened, attached = run_in_1_2(packages, READ, everything.published)
    assert rows == sum(len(rows) for rows in everything.marts().values())
    assert opened == attached == [[model, str(cost)] for model, cost in everything.query(COSTS)]
    assert opened


class RangeHandler(SimpleHTTPRequestHandler):
    """Serves a folder; answers a request for a range with that range, as web servers do for files."""

    protocol_version = "HTTP/1.1"
    served: list[tuple[str, int]]  # path and bytes of each answer with a body

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        content = path.read_bytes() if path.is_file() else b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), len(content) - 1)) if wanted else (0, len(content) - 1)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK)
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(content[first : last + 1])
        self.served.append((self.path, last + 1 - first))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(everything: Run, tmp_path: Path) -> Iterator[tuple[str, str, list[tuple[str, int]]]]:
    """The address of a site with the release of the recordings, the release's name, and the log of the answers."""
    name = publish_to(tmp_path / "site", everything.data, kept=2).folder.name
    handler = type("Handler", (RangeHandler,), {"served": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=tmp_path / "site")) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", name, handler.served
        server.shutdown()


def test_documented_queries_read_a_site_in_ranges(
    everything: Run, packages: Path, served: tuple[str, str, list[tuple[str, int]]]
) -> None:
    address, name, answers = served
    script = "\n".join(re.findall(r"^```sql\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    assert SITE in script
    assert RELEASE in script
    results = run_in_1_2(packages, RUN_SCRIPT, packages, script.replace(SITE, address).replace(RELEASE, name))
    expected = everything.query(
        "select author, share, as_of from share_author where period = 'week' order by period_start desc, rank limit 5"
    )
    as_text = [[author, share, str(as_of)] for author, share, as_of in expected]
    assert results.count(as_text) == 3, "attached, by the file of a dated release, and by the newest file"
    assert [[SCHEMA_VERSION]] in results
    size = everything.published.stat().st_size
    read = sum(length for path, length in answers if path.endswith(".duckdb"))
    assert 0 < read < size / 2
