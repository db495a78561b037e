"""What a batch costs next to histories of growing length."""

from processes import REPOSITORY, run

PROGRAM = REPOSITORY / "build/release/tests/plans_bench"
POSTGRES = REPOSITORY / "tests/fakes/postgres.sh"
ROWS, SHORT_ROWS = (1_000_000, 10_000_000, 100_000_000), (100_000, 1_000_000)


def measure(room, short):
    if not PROGRAM.exists():
        raise AssertionError(f"{PROGRAM} is missing: script/bench builds it")
    folder = room.path / "postgres"
    try:
        run([POSTGRES, "start", folder, "shared_buffers=1GB", "max_wal_size=16GB"])
        told = run([PROGRAM, (folder / "conninfo").read_text().strip(), "snapshot", 100_000 if short else 1_000_000],
                   seconds=3600)
        told += run([PROGRAM, (folder / "conninfo").read_text().strip(), *(SHORT_ROWS if short else ROWS)],
                   seconds=7200)
    finally:
        run([POSTGRES, "stop", folder])
    print("plans: medians of 15 batches; buffers are all that PostgreSQL has looked at, catalogs included")
    print(told, end="", flush=True)
