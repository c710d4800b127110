"""Fork server for cells. Lives inside a sandbox of its own (bubblewrap, no network, own root), imports what is slow to
import, and for each request on standard input (`cell TOKEN KIND`) makes one process in fresh user, mount, pid, ipc, net, uts and
cgroup namespaces. `forked TOKEN PID` and `ended TOKEN STATUS` go to standard output.

The cell is process 1 of its pid namespace, as a container's program is. It gives up every right before it says that it is ready:
no capabilities, no new privileges, the seccomp filter. It gets a /tmp, /dev/shm and /proc of its own, and no descriptor of another
cell. A Python cell goes on in this process's copy; a JavaScript cell becomes Node.
"""

import ctypes
import fcntl
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
from _assay import channel

libc = ctypes.CDLL(None, use_errno=True)
OPTIONS = json.loads(os.environ.pop("ASSAY_ZYGOTE"))
HOST_SOCKET = "/run/assay/host.sock"
FILTER = "/run/assay/seccomp.bpf"
UID, GID = os.getuid(), os.getgid()

STDIN, STDOUT, STDERR = 0, 1, 2
PYTHON, JAVASCRIPT = "python", "javascript"
#: Standard input, output, error and the control channel, in this order.
CHANNELS = 4
MOST_DESCRIPTORS = 4096
PART_BYTES = 4096
CELL_UMASK = 0o022
NOT_STARTED = 71
#: A process that a signal ended has this plus the signal's number as status, as in a shell.
SIGNALLED = 128

# <linux/sched.h>. The control group's namespace comes later, when the cell is in its group.
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
CELL_NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
SYS_CLONE = 56 if os.uname().machine == "x86_64" else 220
# <sys/mount.h>
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
# <linux/prctl.h>, <linux/seccomp.h>, <linux/capability.h>
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
SECCOMP_MODE_FILTER = 2
FILTER_INSTRUCTION_BYTES = 8
LINUX_CAPABILITY_VERSION_3 = 0x20080522
CAPABILITY_SETS_BYTES = 24
MOST_CAPABILITIES = 64
# <linux/sockios.h>, <net/if.h>
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def check(result, what):
    """Gives the result of a C function, or raises the error that it set."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, what + ": " + os.strerror(code))
    return result


def mount(target, kind, flags, options=None):
    """Mounts a new file system of this kind."""
    check(libc.mount(kind, target, kind, ctypes.c_ulong(flags), options), "mount " + target.decode())


def prctl(option, value, what):
    """Sets one property of this process."""
    check(libc.prctl(option, value, 0, 0, 0), what)


def read_filter():
    """The compiled seccomp filter."""
    with open(FILTER, "rb") as file:
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
    """One connection to the host for each descriptor of the cell, in order."""
    links = []
    for number in range(CHANNELS):
        link = socket.socket(socket.AF_UNIX)
        link.connect(HOST_SOCKET)
        link.sendall(("%s %d\n" % (token, number)).encode())
        links.append(link.detach())
    return links


def map_user():
    """Maps this user to itself in the new user namespace, and no other user."""
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (UID, UID)), ("gid_map", "%d %d 1" % (GID, GID))):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def mount_own():
    """File systems of this cell alone."""
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


def enter_own_group(control):
    """Waits until the host has moved this process into its control group, then makes that the root of what it sees."""
    if not os.read(control, 1):
        os._exit(NOT_STARTED)
    check(libc.unshare(CLONE_NEWCGROUP), "control group namespace")


def bring_up_loopback():
    """Brings up the loopback device of the new, otherwise empty network namespace."""
    with socket.socket() as link:
        fcntl.ioctl(link.fileno(), SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


def limit_resources(kind):
    """The kernel's limits of the process; `None` stands for none. V8 reserves far more address space than it uses."""
    address_space = OPTIONS["addressSpaceBytes"] if kind == PYTHON else None
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPTIONS["openFiles"]),
        (resource.RLIMIT_FSIZE, OPTIONS["fileBytes"]),
        (resource.RLIMIT_CPU, -(-OPTIONS["cpuMs"] // 1000)),
        (resource.RLIMIT_NPROC, OPTIONS["processes"]),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_SIGPENDING, OPTIONS["pendingSignals"]),
    ):
        if value is not None:
            resource.setrlimit(limit, (value, value))


def give_up_rights(program, kind):
    """Limits, no capabilities, no way to get any, and the filter of system calls. There is no way back."""
    limit_resources(kind)
    for capability in range(MOST_CAPABILITIES):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    prctl(PR_SET_NO_NEW_PRIVS, 1, "no new privileges")
    no_capabilities = ctypes.create_string_buffer(CAPABILITY_SETS_BYTES)
    check(libc.capset(struct.pack("II", LINUX_CAPABILITY_VERSION_3, 0), no_capabilities), "capset")
    content = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("HxxxxxxQ", len(program) // FILTER_INSTRUCTION_BYTES, ctypes.addressof(content))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0), "seccomp")


def reseed():
    """A fork inherits the state of every random generator; no two cells may draw the same numbers."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(int.from_bytes(os.urandom(4), "big"))


def take_descriptors(links, kind):
    """Puts the connections where the cell expects them, and closes everything else."""
    for target, link in enumerate(links):
        os.dup2(link, target, inheritable=target <= STDERR or kind == JAVASCRIPT)
    os.closerange(CHANNELS, MOST_DESCRIPTORS)


def become_node():
    """Goes on as Node, which reads jobs from the same descriptors."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(OPTIONS["javascript"][0], OPTIONS["javascript"])


def become_cell(token, kind, program):
    """Makes this forked process a cell, and serves."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "parent death")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    map_user()
    links = connect(token)
    enter_own_group(links[channel.DESCRIPTOR])
    mount_own()
    bring_up_loopback()
    os.setsid()
    take_descriptors(links, kind)
    os.umask(CELL_UMASK)
    # Gaining rights in a new user namespace took the process out of its own /proc; it gives them up again below.
    prctl(PR_SET_DUMPABLE, 1, "dumpable")
    give_up_rights(program, kind)
    if kind == JAVASCRIPT:
        become_node()
    reseed()
    cell.serve()


def fork_into_namespaces():
    """As os.fork(), but the child starts in namespaces of its own: one copy of this process where unshare would take two. The
    fork server has one thread, so that no lock of libc or the interpreter can be held by another."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = libc.syscall(SYS_CLONE, ctypes.c_ulong(CELL_NAMESPACES | signal.SIGCHLD), None, None, None, None)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    return check(pid, "clone")


def fork_cell(token, kind, program, cells):
    """Forks one cell and tells the host its process id."""
    pid = fork_into_namespaces()
    if pid == 0:
        try:
            become_cell(token, kind, program)
        except BaseException as error:
            os.write(STDERR, ("cell did not start: %s\n" % error).encode())
        os._exit(NOT_STARTED)
    cells[pid] = token
    os.write(STDOUT, ("forked %s %d\n" % (token, pid)).encode())


def reap(cells):
    """Tells the host which cells have ended."""
    while cells:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        os.write(STDOUT, ("ended %s %d\n" % (cells.pop(pid), code if code >= 0 else SIGNALLED - code)).encode())


def wake_on_child_end():
    """Descriptor that becomes readable when a cell ends."""
    wake, waker = os.pipe()
    for end in (wake, waker):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    return wake


def fork_on_request(program, wake):
    """Serves until the host closes standard input."""
    cells = {}
    pending = b""
    while True:
        readable, _, _ = select.select([STDIN, wake], [], [])
        if wake in readable:
            os.read(wake, PART_BYTES)
            reap(cells)
        if STDIN in readable:
            part = os.read(STDIN, PART_BYTES)
            if not part:
                os._exit(0)
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                _, token, kind = line.decode().split(" ")
                fork_cell(token, kind, program, cells)


def main():
    """Loads what cells share, then forks them."""
    program = read_filter()
    cell.prepare()
    preload(OPTIONS["preload"])
    wake = wake_on_child_end()
    gc.collect()
    gc.freeze()
    os.write(STDOUT, b"ready\n")
    fork_on_request(program, wake)


if __name__ == "__main__":
    main()
