"""Runs a command as long as somebody holds the other end of its standard input, then ends it and all that it started.

    python keeper.py COMMAND…

A test that is killed from outside cannot tidy up; its end of the line closes all the same. In a network namespace of
its own the loopback is switched on first. Kernels of a JupyterLab run in process groups of their own, so each process
below the command is ended by its number.
"""

import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress

import psutil

SECONDS = 8
"""for an orderly end"""


def loopback_up() -> None:
    """Switch the loopback on, where that is ours to do."""
    with suppress(ImportError, OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        import fcntl

        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))  # SIOCSIFFLAGS, up and running


def end(process: "subprocess.Popen[bytes]") -> None:
    """The command and its descendants: politely, then at once."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs([psutil.Process(process.pid), *family], timeout=SECONDS)
        for one in alive:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def main() -> int:
    """The command's exit status."""
    loopback_up()
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    held = threading.Thread(target=lambda: (sys.stdin.read(), end(process)), daemon=True)
    held.start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
