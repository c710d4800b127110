"""One native Python cell: files and a job arrive on the control channel, the program runs as `__main__`, its report goes back.
Single use unless the job belongs to a session.

Everything here runs next to hostile code and is not trusted: limits, clean-up and the record are the host's.
"""

import os
import re
import signal
import sys

from _assay import channel, ending, imports, program

HOME = os.environ.get("ASSAY_ROOT", "/tmp")
PACKAGES = os.environ.pop("ASSAY_PACKAGES", None)
MATPLOTLIB = os.environ.get("ASSAY_MATPLOTLIB")
STDOUT, STDERR = 1, 2
DIST_INFO = re.compile(r"(.+?)-[^-]+\.dist-info$")
# The program may take it from `os`.
_process_id = os.getpid


def prepare():
    """The module path as a plain interpreter has it, and matplotlib's folder. Called before anything foreign is there."""
    del sys.path[0]
    if PACKAGES is not None:
        sys.path.append(PACKAGES)
    if MATPLOTLIB is not None:
        imports.call("matplotlib", settle_matplotlib)


def settle_matplotlib(matplotlib):
    """matplotlib wants a directory that it can write to; ours is complete and read-only."""
    matplotlib.get_configdir = matplotlib.get_cachedir = lambda: MATPLOTLIB


def serve():
    """Takes files and jobs until a job that does not belong to a session has run."""
    first_process = os.getpid()
    in_session = False
    os.set_inheritable(channel.DESCRIPTOR, False)
    os.chdir(HOME)
    program.set_up()
    lead_paths_home()
    names = program.new_main()
    channel.send(channel.READY, {"version": sys.version.split()[0]})
    while True:
        kind, head, body = channel.receive()
        if kind == channel.FILE:
            write_file(head["path"], body)
        if kind != channel.JOB:
            continue
        code = body.decode("utf-8")
        if head.get("shell"):
            become_shell(code, head["argv"])
        fence = bytes.fromhex(head.get("fence") or "")
        if fence and not in_session:
            in_session = True
            channel.close_in_copies()
        report = run(head, code, names)
        end_copy(first_process, names, report)
        if fence:
            ending.end_cell()
            mark_end(fence)
        else:
            ending.end_program(names, HOME)
        channel.send(channel.DONE, {**report, "cell": head["cell"]})
        if not fence:
            os._exit(report["exitCode"])


def run(job, code, names):
    """Runs one job with what it asks for: network, fixed clock and entropy."""
    if job.get("network"):
        from _assay import network

        network.install(channel.exchange)
    if job.get("seed"):
        from _assay import determinism

        determinism.install(job["seed"], job["epochMs"])
    return program.run(code, names, job["argv"], HOME, installed_packages)


def installed_packages():
    """Names of the installed packages."""
    if PACKAGES is None:
        return ()
    found = (DIST_INFO.match(name) for name in os.listdir(PACKAGES))
    return sorted(match.group(1) for match in found if match is not None)


def lead_paths_home():
    """Where the cell has no /tmp of its own, paths below /tmp lead to its directory."""
    if HOME == "/tmp":
        return
    from _assay import redirect

    redirect.install(HOME, os.environ.pop("ASSAY_KEPT", HOME).split(":"))


def write_file(path, content):
    """Puts a file of the job where the program finds it."""
    target = path if HOME == "/tmp" else os.path.join(HOME, path.removeprefix("/tmp/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)


def become_shell(line, argv):
    """A shell job: this process becomes /bin/sh."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv("/bin/sh", ["sh", "-c", line, "sh", *argv])


def end_copy(first_process, names, report):
    """A process that the program forked ends where the program does; only the first one reports and takes further cells."""
    if _process_id() == first_process:
        return
    ending.end_program(names, HOME)
    os._exit(report["exitCode"])


def mark_end(fence):
    """The end of this cell's output on both streams. A stream that the program closed has none."""
    for descriptor in (STDOUT, STDERR):
        try:
            channel.write_fully(descriptor, fence)
        except OSError:
            pass


if __name__ == "__main__":
    prepare()
    sys.modules["cell"] = sys.modules["__main__"]
    serve()
