"""What the interpreter does at its end, without tearing every module down: threads, exit functions, objects, open files."""

import atexit
import gc
import io
import sys

from .program import MAIN, describe, flush_streams, write_error

WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def end_program(names, home):
    """Ends the program whose names are `names` and whose files are below `home`: threads, exit functions, then its objects in
    the interpreter's own order, so that their `__del__` and `close` run."""
    run_exit_functions()
    for fields in (names, *own_modules(home)):
        clear(fields)
    # Of a text file in a reference cycle the collector may close the byte buffer first, and the text is gone.
    flush_files()
    gc.collect()
    end_cell()


def end_cell():
    """Ends one cell of a session: what was written can be read, and everything stays open."""
    flush_files()
    flush_streams()


def run_exit_functions():
    """Waits for threads that are no daemons, then calls what was registered with `atexit`."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        write_error(describe(error)["traceback"])


def flush_files():
    """Writes out every buffer that still holds something. Text buffers first: they fill the byte buffers."""
    found = [item for item in gc.get_objects() if isinstance(item, WRITERS)]
    found.sort(key=lambda stream: not isinstance(stream, io.TextIOWrapper))
    for stream in found:
        try:
            if not stream.closed:
                stream.flush()
        except BaseException:
            # A closed descriptor or a full disk: what is on disk is what there is.
            pass


def own_modules(home):
    """Dictionaries of the modules that came from the program's own files."""
    found = []
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(home + "/") and path != MAIN:
            found.append(vars(module))
    return found


def clear(fields):
    """As the interpreter does it: names with one underscore first, then the others, builtins last of all and untouched."""
    for first in (True, False):
        for name in list(fields):
            underscored = isinstance(name, str) and name.startswith("_") and not name.startswith("__")
            if name != "__builtins__" and underscored == first and fields.get(name) is not None:
                fields[name] = None
