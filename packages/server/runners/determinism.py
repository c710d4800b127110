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
    seconds = epoch_ms / 1000
    time.time = lambda: seconds
    time.time_ns = lambda: epoch_ms * 1_000_000
    for name in ("monotonic", "perf_counter", "process_time"):
        setattr(time, name, lambda: 0.0)
        setattr(time, name + "_ns", lambda: 0)
    real_gmtime, real_localtime, real_strftime = time.gmtime, time.localtime, time.strftime
    time.gmtime = lambda at=seconds: real_gmtime(at)
    time.localtime = lambda at=seconds: real_localtime(at)
    time.strftime = lambda form, at=None: real_strftime(form, time.localtime() if at is None else at)
    real = datetime.datetime

    class Frozen(real):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(seconds, tz)

        @classmethod
        def utcnow(cls):
            return cls.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)

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
            return cls.fromtimestamp(seconds)

    FrozenDate.__name__ = FrozenDate.__qualname__ = "date"
    FrozenDate.__module__ = "datetime"
    datetime.date = FrozenDate


def watch_numpy(seed):
    """Seeds numpy's global generator now, or as soon as numpy is imported."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
        return

    import after_import

    after_import.call("numpy.random.mtrand", lambda module: module.seed(seed))
