"""One Python cell: files and a job arrive on descriptor 3, the code runs as __main__, and the value of the last expression,
the error and the exit code go back. Single use unless the job belongs to a session.

Everything here runs beside hostile code and is believed by nobody: limits, clean-up and the record are the host's.
"""

import ast
import builtins
import json
import os
import sys

import open_files

CONTROL = 3
JOB, READY, REQUEST, RESPONSE, DONE, EXITED, FILE = 1, 2, 3, 4, 5, 6, 7
ROOT = os.environ.get("ASSAY_ROOT", "/tmp")
MAX_VALUE = 64 * 1024
# The program may take these from `os`.
READ, WRITE, PROCESS = os.read, os.write, os.getpid
OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__))


def read_fully(count):
    parts = []
    while count:
        part = READ(CONTROL, min(count, 1 << 20))
        if not part:
            os._exit(70)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_fully(descriptor, content):
    view = memoryview(content)
    while view:
        view = view[WRITE(descriptor, view) :]


def receive():
    length = int.from_bytes(read_fully(4), "big")
    frame = read_fully(length)
    head_length = int.from_bytes(frame[1:5], "big")
    head = json.loads(frame[5 : 5 + head_length]) if head_length else {}
    return frame[0], head, frame[5 + head_length :]


def send(kind, head, body=b""):
    text = json.dumps(head).encode("ascii")
    length = 5 + len(text) + len(body)
    write_fully(CONTROL, length.to_bytes(4, "big") + bytes([kind]) + len(text).to_bytes(4, "big") + text + body)


def local_path(path):
    return path if ROOT == "/tmp" else os.path.join(ROOT, path.removeprefix("/tmp/"))


def write_file(path, content):
    target = local_path(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)


class LeaveCode(builtins.object):
    """exit() and quit(), which `-S` leaves out."""

    def __call__(self, code=None):
        raise SystemExit(code)


def evaluate(code, filename, namespace):
    """Runs the program; gives the value of its last statement when that is an expression. Top-level await works."""
    tree = compile(code, filename, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, filename, "exec", flags, dont_inherit=True)
    tail = compile(ast.Expression(last.value), filename, "eval", flags, dont_inherit=True) if last is not None else None
    asynchronous = any(part is not None and part.co_flags & 0x80 for part in (body, tail))
    if not asynchronous:
        exec(body, namespace)
        return eval(tail, namespace) if tail is not None else None

    async def both():
        import inspect

        found = None
        for part in (body, tail):
            if part is not None:
                found = eval(part, namespace)
                if inspect.isawaitable(found) and part.co_flags & 0x80:
                    found = await found
        return found if tail is not None else None

    import asyncio

    return asyncio.run(both())


def describe(error):
    """Name, message and traceback of the program's own frames. An exception that cannot be shown is named, at least."""
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OWN_DIRECTORY):
        trace = trace.tb_next
    name = type(error).__name__
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
        return {"name": name, "message": str(error)[:4096], "traceback": text[-32768:]}
    except BaseException as fault:
        return {"name": name, "message": "it cannot be shown: " + type(fault).__name__, "traceback": name + "\n"}


def show(value):
    if value is None:
        return None
    text = repr(value)
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def exit_code(stop):
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 255
    print(stop.code, file=sys.stderr)
    return 1


def remember_source(filename, code):
    import linecache

    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)


def run(job, code, namespace):
    filename = "/tmp/main.py"
    sys.argv = [filename, *job["argv"]]
    namespace["__file__"] = filename
    remember_source(filename, code)
    if job.get("network"):
        import network

        network.install(exchange)
    if job.get("seed"):
        import determinism

        determinism.install(job["seed"], job["epochMs"])
    result = {"value": None, "error": None, "exitCode": 0}
    try:
        result["value"] = show(evaluate(code, filename, namespace))
    except SystemExit as stop:
        result["exitCode"] = exit_code(stop)
    except BaseException as error:
        result.update(error=describe(error), exitCode=1)
        complain(result["error"]["traceback"])
    return result


def complain(text):
    """To standard error, as far as the program left one."""
    flush()
    try:
        sys.stderr.write(text)
    except BaseException:
        pass


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass


def finish(namespace):
    """What the interpreter does at its end, without tearing every module down: threads, exit functions, the program's objects."""
    try:
        import atexit

        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        complain(describe(error)["traceback"])
    open_files.finalize(namespace)
    flush()


def mark(fence):
    """The end of this cell's output on both streams. A stream that the program closed has none."""
    for descriptor in (1, 2):
        try:
            write_fully(descriptor, fence)
        except OSError:
            pass


def exchange(head, body):
    """One HTTP exchange through the host; raises OSError with the host's reason."""
    send(REQUEST, {**head, "id": 1}, body)
    kind, answer, content = receive()
    if kind != RESPONSE or "error" in answer:
        raise OSError(answer.get("error", "the host does not answer"))
    return answer["status"], answer["headers"], content


def new_namespace():
    import types

    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    return main.__dict__


def become_shell(line, argv):
    import signal

    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv("/bin/sh", ["sh", "-c", line, "sh", *argv])


def leave_copy(home, namespace, result):
    """A process that the program forked ends where the program does; only the first one reports and takes further cells."""
    if PROCESS() == home:
        return
    finish(namespace)
    os._exit(result["exitCode"])


def close_in_copies():
    """What a session's cell forks gets no share in the channel on which later cells come."""

    def close():
        try:
            os.close(CONTROL)
        except OSError:
            pass

    os.register_at_fork(after_in_child=close)


def serve():
    """Takes files and jobs until a job that does not belong to a session has run."""
    home = os.getpid()
    in_session = False
    os.set_inheritable(CONTROL, False)
    os.chdir(ROOT)
    sys.stdout.reconfigure(line_buffering=True)
    builtins.exit = builtins.quit = LeaveCode()
    if ROOT != "/tmp":
        import redirect

        redirect.install(ROOT, os.environ.pop("ASSAY_KEPT", ROOT).split(":"))
    namespace = new_namespace()
    send(READY, {"version": sys.version.split()[0]})
    while True:
        kind, head, body = receive()
        if kind == FILE:
            write_file(head["path"], body)
        if kind != JOB:
            continue
        if head.get("shell"):
            become_shell(body.decode("utf-8"), head["argv"])
        fence = bytes.fromhex(head.get("fence") or "")
        if fence and not in_session:
            in_session = True
            close_in_copies()
        result = run(head, body.decode("utf-8"), namespace)
        leave_copy(home, namespace, result)
        if fence:
            open_files.flush()
            flush()
            mark(fence)
        else:
            finish(namespace)
        send(DONE, {**result, "cell": head["cell"]})
        if not fence:
            os._exit(result["exitCode"])


def prepare():
    """Packages of the image on the path, and the modules that every job needs."""
    sys.path[0:1] = [path for path in (OWN_DIRECTORY, os.environ.pop("ASSAY_PACKAGES", None)) if path]
    for name in ("linecache", "traceback", "types"):
        __import__(name)
    prepare_matplotlib(os.environ.get("ASSAY_MATPLOTLIB"))


def prepare_matplotlib(directory):
    """matplotlib wants a directory that it can write to; ours is complete and read-only."""
    if directory is None:
        return

    def settle(module):
        module.get_configdir = module.get_cachedir = lambda: directory

    import after_import

    after_import.call("matplotlib", settle)


if __name__ == "__main__":
    prepare()
    sys.modules["cell"] = sys.modules["__main__"]
    serve()
