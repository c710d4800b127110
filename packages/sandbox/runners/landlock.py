"""Confines this process with Landlock and seccomp, then becomes the cell. For machines that allow no user namespaces.

Everything it needs comes as one JSON argument from the agent; it runs before any foreign code. Landlock's rights differ from
kernel to kernel, so what is handled follows the ABI that the kernel reports: unknown bits would be refused as a whole.
"""

import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
# Between two looks whether a cell without its first process still has others, and kills of a group that forks.
GUARD_SECONDS = 0.2
GUARD_ROUNDS = 500


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def handled_rights(abi):
    rights = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if abi >= since:
            rights |= right
    return rights


def make_ruleset(abi, rights):
    """Files; TCP from ABI 4; abstract sockets and signals of other domains from ABI 6."""
    network = 3 if abi >= 4 else 0
    scopes = 3 if abi >= 6 else 0
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = ctypes.create_string_buffer(struct.pack("QQQ", rights, network, scopes), 24)
    return call(CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)


def allow(ruleset, path, rights):
    if not os.path.exists(path):
        return
    if not os.path.isdir(path):
        rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, opened), 12)
    call(ADD_RULE, ruleset, 1, rule, 0)
    os.close(opened)


def confine(options, abi):
    rights = handled_rights(abi)
    ruleset = make_ruleset(abi, rights)
    for path in options["read"]:
        allow(ruleset, path, EXECUTE | READ_FILE | READ_DIR)
    for path in options["devices"]:
        allow(ruleset, path, READ_FILE | WRITE_FILE)
    own = rights & ~(MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM | IOCTL_DEV)
    allow(ruleset, options["root"], own)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no new privileges")
    call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def limit(limits):
    for name, value in limits.items():
        number = getattr(resource, "RLIMIT_" + name)
        _, hard = resource.getrlimit(number)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (bound, bound))


def filter_calls(program):
    content = ctypes.create_string_buffer(program, len(program))
    argument = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(content))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.c_char_p(argument), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def guard(agent):
    """Leaves a process behind that ends this cell's whole process group when the agent ends, also by SIGKILL.

    It is no child that the cell could wait for, has a session of its own, and holds no descriptor of the cell. The cell cannot
    reach it: it may signal no process outside of its confinement. A process group cannot be left, because setsid and setpgid are refused.
    """
    group = os.getpgrp()
    cell = os.getpid()
    helper = os.fork()
    if helper != 0:
        os.waitpid(helper, 0)
        return
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    try:
        watched = [os.pidfd_open(agent), os.pidfd_open(cell)]
        os.chdir("/")
        lowest, highest = min(watched), max(watched)
        os.closerange(0, lowest)
        os.closerange(highest + 1, 1 << 16)
        ended, _, _ = select.select(watched, [], [])
        while watched[0] not in ended:
            os.killpg(group, 0)  # raises when the group is empty: then the guard has nothing left to do
            ended, _, _ = select.select(watched[:1], [], [], GUARD_SECONDS)
        for _ in range(GUARD_ROUNDS):
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)
    except OSError:
        pass
    os._exit(0)


def abi_version():
    try:
        return call(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    except OSError:
        return 0


def main():
    if sys.argv[1] == "--abi":
        print(abi_version())
        return
    options = json.loads(sys.argv[1])
    abi = abi_version()
    if abi < 1:
        sys.exit("this kernel has no Landlock, or it is switched off")
    with open(options["filter"], "rb") as file:
        program = file.read()
    agent = os.getppid()
    if agent == 1:
        sys.exit("the agent ended before the cell began")
    guard(agent)
    os.chdir(options["root"])
    confine(options, abi)
    limit(options["limits"])
    filter_calls(program)
    os.execve(options["command"][0], options["command"], options["environment"])


main()
