"""Files that the program left open are written out before they are collected, as at the end of a plain interpreter."""

import gc
import io
import os
import sys

JOB = os.environ.get("ASSAY_ROOT", "/tmp") + "/"
WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def flush():
    """Writes out every buffer that still holds something; the files stay open. Text buffers first: they fill the byte buffers."""
    found = [found for found in gc.get_objects() if isinstance(found, WRITERS)]
    found.sort(key=lambda stream: not isinstance(stream, io.TextIOWrapper))
    for stream in found:
        try:
            if not stream.closed:
                stream.flush()
        except BaseException:
            # A closed descriptor or a full disk: what is on disk is what there is.
            pass


def finalize(namespace):
    """Lets go of the program's objects in the interpreter's own order, so that their `__del__` and `close` run, then flushes the
    rest. `namespace` is the dictionary of `__main__`; modules that the program brought along are cleared after it."""
    for fields in (namespace, *own_modules()):
        clear(fields)
    # Of a text file in a reference cycle the collector may close the byte buffer first, and the text is gone.
    flush()
    gc.collect()
    flush()


def own_modules():
    """Dictionaries of the modules that came from the job's own files."""
    found = []
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(JOB) and path != "/tmp/main.py":
            found.append(vars(module))
    return found


def clear(fields):
    """As the interpreter does it: names with one underscore first, then the others, builtins last of all and untouched."""
    for first in (True, False):
        for name in list(fields):
            underscored = isinstance(name, str) and name.startswith("_") and not name.startswith("__")
            if name != "__builtins__" and underscored == first and fields.get(name) is not None:
                fields[name] = None
