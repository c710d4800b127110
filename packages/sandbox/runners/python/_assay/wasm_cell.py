"""The Python guest of the wasm lane: what `guest/python.ts` calls. Part of the memory snapshot, so it must not touch JavaScript
when it is first imported."""

import errno
import linecache
import os
import posix
import random
import sys
import time

from . import ending, program, wasm_network, wasm_zones

HOME = "/tmp"
_host = None
_installed = ()
_names = program.new_main()


def set_up():
    """Called once, before the snapshot is made."""
    program.set_up()
    wasm_network.set_up()
    wasm_zones.set_up()
    # The interpreter's own would end the process.
    os.system = posix.system = refuse_processes


def prepare(host, installed):
    """Takes what the host offers and fresh entropy, before each program."""
    global _host, _installed
    _host, _installed = host, tuple(installed)
    wasm_network.connect(host)
    wasm_zones.connect(host)
    os.chdir(HOME)
    reseed()
    time.sleep = sleep
    program.set_up_streams()


def forget():
    """Starts over with empty names."""
    global _names
    _names = program.new_main()
    linecache.clearcache()


def run(source, argv):
    """Runs one program or cell. Gives (exit code, value or None, error name or None, message, traceback)."""
    report = program.run(source, _names, argv, HOME, lambda: _installed)
    program.flush_streams()
    error = report["error"] or {"name": None, "message": "", "traceback": ""}
    return report["exitCode"], report["value"], error["name"], error["message"], error["traceback"]


def finish(session):
    """Ends the program, or one cell of a session."""
    if session:
        ending.end_cell()
    else:
        ending.end_program(_names, HOME)


def reseed():
    """The interpreter came out of a snapshot with the state of every random generator."""
    random.seed(int.from_bytes(os.urandom(32), "big"))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), "big"))


def sleep(seconds):
    """Moves the frozen clock."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _host.sleep(float(seconds))


def refuse_processes(*_, **__):
    raise OSError(errno.ENOSYS, "this sandbox has no processes")
