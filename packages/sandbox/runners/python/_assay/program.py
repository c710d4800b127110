"""Runs one program the way `python3 /tmp/main.py` does, and says what came of it.

The report is a dictionary: `value` is the text of the last expression or None, `error` is None or `name`, `message` and `traceback`,
`exitCode` is what the interpreter's exit status would be.
"""

import builtins
import linecache
import os
import sys
import traceback
import types

from . import figures, notebook

MAIN = "/tmp/main.py"
MAX_VALUE = 64 * 1024
MAX_MESSAGE = 4096
MAX_TRACEBACK = 32 * 1024
OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
BYTE_ORDER_MARK = "\ufeff"
FAILED = 1
EXIT_MASK = 255


def new_main():
    """Makes an empty `__main__` and gives its names."""
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__file__ = MAIN
    sys.modules["__main__"] = main
    return main.__dict__


def set_up():
    """What `site` and the start of the interpreter give a program. Called once, before the first program."""
    from _sitebuiltins import Quitter, _Helper

    builtins.exit, builtins.quit = Quitter("exit", "Ctrl-D (i.e. EOF)"), Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.help = _Helper()
    sys.dont_write_bytecode = True
    set_up_streams()
    figures.install()


def set_up_streams():
    """UTF-8 whatever the machine's locale is, and a line is out when it ends."""
    sys.stdout.reconfigure(line_buffering=True, encoding="utf-8", errors="strict")
    sys.stderr.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")


def run(source, names, argv, home="/tmp", packages=tuple):
    """Runs `source` with the names of `__main__`; `home` is the folder of the program, `packages` names what is installed."""
    source = source.removeprefix(BYTE_ORDER_MARK)
    sys.argv = [MAIN, *argv]
    find_modules_in(home)
    linecache.cache[MAIN] = (len(source), None, source.splitlines(keepends=True), MAIN)
    report = {"value": None, "error": None, "exitCode": 0}
    try:
        value = notebook.evaluate(source, MAIN, names)
        figures.keep_value(value)
        report["value"] = show(value)
    except SystemExit as stop:
        report["exitCode"] = exit_code(stop)
    except BaseException as error:
        name_missing_package(error, packages)
        report.update(error=describe(error), exitCode=FAILED)
        tell(error, report["error"]["traceback"])
    figures.keep_open()
    return report


def find_modules_in(home):
    """Puts the program's folder in front of the module path. What was cached about it may be older than its files."""
    if home not in sys.path:
        sys.path.insert(0, home)
    sys.path_importer_cache.pop(home, None)


def show(value):
    """Text of the last expression's value; None has none."""
    if value is None:
        return None
    text = repr(value)
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def exit_code(stop):
    """Exit status of a SystemExit. Anything but a number goes to standard error."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & EXIT_MASK
    write_error("%s\n" % (stop.code,))
    return FAILED


def name_missing_package(error, packages):
    """Says in an uncaught ModuleNotFoundError which packages there are."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return
    error.msg = (
        "PACKAGE_UNAVAILABLE: no module named '%s' in this sandbox, which has %s; do without it, or have the operator run "
        "'assay sandbox install'" % (error.name.partition(".")[0], ", ".join(packages()) or "the standard library")
    )
    error.args = (error.msg,)


def describe(error):
    """Name, message and traceback of the program's own frames. An exception that cannot be shown is named, at least."""
    name = type(error).__name__
    try:
        text = "".join(traceback.format_exception(type(error), error, program_frames(error.__traceback__)))
        return {"name": name, "message": str(error)[:MAX_MESSAGE], "traceback": text[-MAX_TRACEBACK:]}
    except BaseException as fault:
        return {"name": name, "message": "it cannot be shown: " + type(fault).__name__, "traceback": name + "\n"}


def program_frames(trace):
    """The traceback from the program's first frame on; without such a frame, from the first that is not the front end's."""
    first_foreign = None
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename == MAIN:
            return trace
        if first_foreign is None and not filename.startswith(OWN_DIRECTORY):
            first_foreign = trace
        trace = trace.tb_next
    return first_foreign


def tell(error, text):
    """Prints an uncaught exception, by the program's own `sys.excepthook` if it set one."""
    if sys.excepthook is sys.__excepthook__:
        write_error(text)
        return
    try:
        sys.excepthook(type(error), error, program_frames(error.__traceback__))
    except BaseException as fault:
        write_error("Error in sys.excepthook:\n" + describe(fault)["traceback"] + "\nOriginal exception was:\n" + text)


def write_error(text):
    """To standard error, as far as the program left one. What it printed before comes first."""
    flush_streams()
    try:
        sys.stderr.write(text)
    except BaseException:
        pass


def flush_streams():
    """Writes out both standard streams, as far as the program left them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
