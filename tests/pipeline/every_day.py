"""Replay the recordings in one run a day and compare the marts with those of a single run.

    python tests/pipeline/every_day.py <recordings> <work folder>

Each day takes about half a minute, so the test suite replays a few days only.
"""

import datetime as dt
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import make_home, replay
from independent import recorded_at


def main(recordings: Path, work: Path) -> int:
    home = make_home(work / "dagster_home")
    times = [recorded_at(path) for path in sorted(recordings.glob("rankings-daily/*.json.gz"))]
    day = times[0].date()
    while day <= times[-1].date():
        end = min(dt.datetime.combine(day, dt.time.max), times[-1])
        run = replay(work / "daily", recordings, home, now=end.isoformat())
        print(day, run.output.strip().splitlines()[-1], flush=True)  # noqa: T201  # output for a person
        if run.code:
            print(run.output)  # noqa: T201
            return 1
        day += dt.timedelta(days=1)
    single = replay(work / "single", recordings, home)
    daily = run.marts()
    differing = [name for name, rows in single.marts().items() if daily[name] != rows]
    print("differing marts:", differing or "none")  # noqa: T201
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
