"""One process at a time."""

import subprocess
import sys

from labkit.core.locks import alone

HOLDER = """
import sys, time
from pathlib import Path
from labkit.core.locks import alone
with alone(Path(sys.argv[1]), "testing", print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(lock):
    """Another process that holds the lock until it is told to end or dies."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdin=-1, stdout=-1, text=True)
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_second_waits_for_the_first_and_says_so(tmp_path):
    lock = tmp_path / "folder" / ".lock"
    holder = hold(lock)
    told = []

    def tell(text):
        told.append(text)
        holder.communicate("\n")  # only now does the first let go

    with alone(lock, "making it", tell):
        assert holder.returncode == 0
    assert told == ["another process is making it; waiting for it"]


def test_a_killed_process_holds_nothing(tmp_path):
    holder = hold(tmp_path / ".lock")
    holder.kill()
    holder.communicate()
    told = []
    with alone(tmp_path / ".lock", "making it", told.append):
        pass
    assert told == []
