"""kill -9 at any moment: the journal keeps a true prefix with every record that was promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bot.journal import Journal, read_events, verify
from tests.bot.journal.facts import envelope, trade_date

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

WRITER = """
import sys
from pathlib import Path
from bot.journal import Journal
sys.path.insert(0, sys.argv[2])
from facts import envelope, trade_date
journal = Journal.open(Path(sys.argv[1]), clock_session=trade_date)
while True:
    seq = journal.next_seq
    journal.append_event(envelope(seq))
    journal.commit(durable=seq % 4 == 0)
    if seq % 4 == 0:
        print(seq, flush=True)
"""


def test_kill_9_loses_nothing_that_was_promised(path: Path) -> None:
    """Killed again and again in the middle of writing, each start finds a sound chain and every durable record."""
    promised = 0
    for patience in (1, 7, 2, 30, 1):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(HERE)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(patience):
            promised = int(writer.stdout.readline())
        writer.kill()
        rest = writer.stdout.read().splitlines()
        promised = max([promised, *(int(line) for line in rest if line)])
        writer.wait()
        writer.stdout.close()
        assert Path(f"{path}-wal").exists()
        found = verify(path)
        assert found.sound
        assert found.records >= promised
        assert list(read_events(path)) == [envelope(seq) for seq in range(1, found.records + 1)]
    assert promised >= 4 * 41
    journal = Journal.open(path, clock_session=trade_date)
    assert journal.next_seq == found.records + 1
    journal.close()
