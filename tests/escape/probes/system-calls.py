import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine != "x86_64":
    print("blocked: numbers of this table are for x86-64")
    raise SystemExit(0)
CALLS = {
    "io_uring_setup": (425, 8, 0),
    "keyctl": (250, 0, -3, 0),
    "add_key": (248, b"user", b"k", b"v", 1, -3),
    "request_key": (249, b"user", b"k", 0, 0),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 1),
    "unshare_user": (272, 0x10000000),
    "unshare_net": (272, 0x40000000),
    "setns": (308, 0, 0),
    "mount": (165, b"tmpfs", b"/tmp", b"tmpfs", 0, 0),
    "umount2": (166, b"/tmp", 2),
    "move_mount": (429, -100, b"/", -100, b"/tmp", 0),
    "chroot": (161, b"/tmp"),
    "pivot_root": (155, b"/tmp", b"/tmp"),
    "open_by_handle_at": (304, -100, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, 0, 0, 0),
    "reboot": (169, 0, 0, 0, 0),
    "fsopen": (430, b"tmpfs", 0),
    "open_tree": (428, -100, b"/", 1),
    "pidfd_open": (434, os.getpid(), 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "memfd_secret": (447, 0),
    "swapon": (167, b"/x", 0),
    "settimeofday": (164, 0, 0),
    "clock_settime": (227, 0, 0),
    "iopl": (172, 3),
    "ioperm": (173, 0, 1, 1),
    "personality": (135, 0x0400000),
    "clone3": (435, 0, 0),
    "clone_newuser": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "clone_newns": (56, 0x00020000 | 17, 0, 0, 0, 0),
    "acct": (163, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "sethostname": (170, b"x", 1),
    "mknod_block": (133, b"/tmp/block", 0o60600, 0xFE00),
    "fanotify_init": (300, 0, 0),
    "lookup_dcookie": (212, 0, 0, 0),
    "process_madvise": (440, 0, 0, 0, 0, 0),
    "move_pages": (279, 0, 0, 0, 0, 0, 0),
    "modify_ldt": (154, 0, 0, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "vmsplice": (278, 1, 0, 0, 0),
}
for name, call in CALLS.items():
    ctypes.set_errno(0)
    result = libc.syscall(*call)
    code = ctypes.get_errno()
    refused = result == -1 and code in (errno.EPERM, errno.ENOSYS)
    print("blocked" if refused else "ESCAPED", name, result, code)
    if result == 0 and name.startswith("clone_"):
        os._exit(0)
