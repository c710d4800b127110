"""Replaces clock and entropy of this process by values that follow from the job's seed, so that a re-run sees the same.
Cooperative: code can get round it, and then its re-run simply differs."""

import datetime
import os
import random
import sys
import time


def install(seed, epoch_ms):
    fill = stream(bytes.fromhex(seed))
    freeze_clock(epoch_ms)
    os.urandom = fill
    random._urandom = fill
    random.seed(seed)
    if "secrets" in sys.modules or "uuid" in sys.modules:
        for name in ("secrets", "uuid"):
            module = sys.modules.get(name)
            if module is not None and hasattr(module, "_urandom"):
                module._urandom = fill
    watch_numpy(int(seed[:8], 16))


def stream(seed):
    """Bytes of SHA-256(seed ‖ counter), in order."""
    import hashlib

    state = {"counter": 0, "rest": b""}

    def fill(count):
        while len(state["rest"]) < count:
            block = hashlib.sha256(seed + state["counter"].to_bytes(8, "big")).digest()
            state["counter"] += 1
            state["rest"] += block
        taken, state["rest"] = state["rest"][:count], state["rest"][count:]
        return taken

    return fill


def freeze_clock(epoch_ms):
    """The wall clock starts at the given time and moves only with what the program does: a microsecond a reading, and as long
    as it asked to sleep. Stopwatches (monotonic, perf_counter) stay real: event loops would never wake up without them."""
    state = {"ns": epoch_ms * 1_000_000}
    real_sleep = time.sleep

    def now_ns():
        state["ns"] += 1_000
        return state["ns"]

    def now():
        return now_ns() / 1e9

    def sleep(seconds):
        real_sleep(seconds)
        state["ns"] += int(seconds * 1e9)

    time.time, time.time_ns, time.sleep = now, now_ns, sleep
    real_gmtime, real_localtime, real_strftime = time.gmtime, time.localtime, time.strftime
    time.gmtime = lambda at=None: real_gmtime(now() if at is None else at)
    time.localtime = lambda at=None: real_localtime(now() if at is None else at)
    time.ctime = lambda at=None: time.asctime(time.localtime(at))
    time.strftime = lambda form, at=None: real_strftime(form, time.localtime() if at is None else at)
    real = datetime.datetime

    class Frozen(real):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls):
            return cls.fromtimestamp(now(), datetime.timezone.utc).replace(tzinfo=None)

        @classmethod
        def today(cls):
            return cls.now()

    Frozen.__name__ = Frozen.__qualname__ = "datetime"
    Frozen.__module__ = "datetime"
    datetime.datetime = Frozen
    day = datetime.date

    class FrozenDate(day):
        @classmethod
        def today(cls):
            return cls.fromtimestamp(now())

    FrozenDate.__name__ = FrozenDate.__qualname__ = "date"
    FrozenDate.__module__ = "datetime"
    datetime.date = FrozenDate


def watch_numpy(seed):
    """Seeds numpy's global generator now, or as soon as numpy is imported."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
        return

    from . import imports

    imports.call("numpy.random.mtrand", lambda module: module.seed(seed))
