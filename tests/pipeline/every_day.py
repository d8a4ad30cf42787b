"""Replay every day of the recordings, one run a day, and compare with one run over all of them.

    python tests/pipeline/every_day.py <recordings> <folder to work in>

Takes about half a minute a day, so the tests do it for a few days only.
"""

import datetime as dt
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import make_home, replay
from independent import moment


def main(recordings: Path, work: Path) -> int:
    home = make_home(work / "dagster_home")
    moments = [moment(path) for path in sorted(recordings.glob("rankings-daily/*.json.gz"))]
    day = moments[0].date()
    while day <= moments[-1].date():
        end = min(dt.datetime.combine(day, dt.time.max), moments[-1])
        run = replay(work / "daily", recordings, home, now=end.isoformat())
        print(day, run.output.strip().splitlines()[-1], flush=True)  # noqa: T201  # a script for a person
        if run.code:
            print(run.output)  # noqa: T201
            return 1
        day += dt.timedelta(days=1)
    at_once = replay(work / "at_once", recordings, home)
    daily = run.marts()
    differing = [name for name, rows in at_once.marts().items() if daily[name] != rows]
    print("differing marts:", differing or "none")  # noqa: T201
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
