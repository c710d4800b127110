"""Fork server for Python cells. Lives inside a sandbox of its own (bubblewrap, no network, own root), imports what is slow to
import, and for each request on standard input (`cell TOKEN`) makes one process in fresh user, mount, pid, ipc, net, uts and
cgroup namespaces. `forked TOKEN PID` and `ended TOKEN STATUS` go to standard output.

The cell is process 1 of its pid namespace, as a container's program is. It gives up every right before it says that it is ready:
no capabilities, no new privileges, the seccomp filter. It gets a /tmp, /dev/shm and /proc of its own, and descriptors of nobody
else.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

import cell

libc = ctypes.CDLL(None, use_errno=True)
OPTIONS = json.loads(os.environ.pop("ASSAY_ZYGOTE"))
CONTROL = 3
HOST = "/run/assay/host.sock"
IDS = (os.getuid(), os.getuid(), os.getgid(), os.getgid())
SYS_CLONE = 56 if os.uname().machine == "x86_64" else 220

# Mounts, UTS, IPC, user, pid, net. The control group comes later, when the cell is in its own.
CLONE_ALL = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
CLONE_NEWCGROUP = 0x02000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38


def check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, what + ": " + os.strerror(code))
    return result


def mount(target, kind, flags, options=None):
    check(libc.mount(kind, target, kind, ctypes.c_ulong(flags), options), "mount " + target.decode())


def read_filter():
    with open("/run/assay/seccomp.bpf", "rb") as file:
        return file.read()


def preload(names):
    """Imports, and draws once where that fills caches. A module that is missing or broken is simply not preloaded."""
    for name in names:
        try:
            __import__(name)
        except Exception as error:
            print("not preloaded:", name, error, file=sys.stderr)
    if "matplotlib.pyplot" in sys.modules:
        pyplot = sys.modules["matplotlib.pyplot"]
        figure = pyplot.figure()
        pyplot.plot([1, 2])
        figure.canvas.draw()
        pyplot.close("all")


def connect(token):
    """One connection for each descriptor of the cell, in order: standard input, output, error, control."""
    links = []
    for channel in range(4):
        link = socket.socket(socket.AF_UNIX)
        link.connect(HOST)
        link.sendall(("%s %d\n" % (token, channel)).encode())
        links.append(link.detach())
    return links


def map_user():
    """Maps this user to itself in the new user namespace, and nobody else."""
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % IDS[:2]), ("gid_map", "%d %d 1" % IDS[2:])):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def own_mounts():
    check(libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None), "private")
    quiet = MS_NOSUID | MS_NODEV
    disk = "size=%d,nr_inodes=%d,mode=0700" % (OPTIONS["diskBytes"], OPTIONS["inodes"] + 1)
    mount(b"/tmp", b"tmpfs", quiet, disk.encode())
    # Terminals of this cell alone: the one of the fork server is shared by all that it forks.
    mount(b"/dev/pts", b"devpts", MS_NOSUID | MS_NOEXEC, b"newinstance,ptmxmode=0666,mode=0620")
    mount(b"/dev/shm", b"tmpfs", quiet, b"size=65536,nr_inodes=64")
    mount(b"/proc", b"proc", quiet | MS_NOEXEC | MS_RDONLY)
    # The way to the host's socket ends here.
    mount(b"/run/assay", b"tmpfs", quiet | MS_NOEXEC | MS_RDONLY, b"size=4096,nr_inodes=1")


def own_group(control):
    """Waits until the host has moved this process into its control group, then makes that the root of what it sees."""
    if not os.read(control, 1):
        os._exit(71)
    check(libc.unshare(CLONE_NEWCGROUP), "control group namespace")


def loopback():
    """Brings up the loopback device of the new, otherwise empty network namespace."""
    import fcntl

    with socket.socket() as link:
        fcntl.ioctl(link.fileno(), 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def give_up_rights(program):
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPTIONS["openFiles"]),
        (resource.RLIMIT_FSIZE, OPTIONS["fileBytes"]),
        (resource.RLIMIT_CPU, -(-OPTIONS["cpuMs"] // 1000)),
        (resource.RLIMIT_NPROC, OPTIONS["processes"]),
        (resource.RLIMIT_AS, OPTIONS["addressSpaceBytes"]),
    ):
        if value is not None:
            resource.setrlimit(limit, (value, value))
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    none = ctypes.create_string_buffer(24)
    check(libc.capset(struct.pack("II", 0x20080522, 0), none), "capset")
    content = ctypes.create_string_buffer(program, len(program))
    check(libc.prctl(PR_SET_SECCOMP, 2, struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(content)), 0, 0), "seccomp")


def reseed():
    """A fork inherits the state of every random generator; no two cells may draw the same numbers."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(int.from_bytes(os.urandom(4), "big"))


def become_cell(token, program):
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    map_user()
    links = connect(token)
    own_group(links[CONTROL])
    own_mounts()
    loopback()
    os.setsid()
    for target, link in enumerate(links):
        os.dup2(link, target, inheritable=target < 3)
    os.closerange(4, 4096)
    os.umask(0o022)
    # Gaining rights in a new user namespace took the process out of its own /proc; it gives them up again below.
    check(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")
    give_up_rights(program)
    reseed()
    cell.serve()


def fork_into_namespaces():
    """As os.fork(), but the child starts in namespaces of its own: one copy of this process where unshare would take two. The
    fork server has one thread, so that no lock of libc or the interpreter can be held by another."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = libc.syscall(SYS_CLONE, ctypes.c_ulong(CLONE_ALL | signal.SIGCHLD), None, None, None, None)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    return check(pid, "clone")


def fork_cell(token, program, cells):
    pid = fork_into_namespaces()
    if pid == 0:
        try:
            become_cell(token, program)
        except BaseException as error:
            os.write(2, ("cell did not start: %s\n" % error).encode())
        os._exit(71)
    cells[pid] = token
    os.write(1, ("forked %s %d\n" % (token, pid)).encode())


def reap(cells):
    while cells:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        os.write(1, ("ended %s %d\n" % (cells.pop(pid), code if code >= 0 else 128 - code)).encode())


def main():
    program = read_filter()
    cell.prepare()
    preload(OPTIONS["preload"])
    wake, waker = os.pipe()
    for end in (wake, waker):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()
    os.write(1, b"ready\n")
    cells = {}
    pending = b""
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
            reap(cells)
        if 0 in readable:
            part = os.read(0, 4096)
            if not part:
                os._exit(0)
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                fork_cell(line.decode().split(" ")[1], program, cells)


if __name__ == "__main__":
    main()
