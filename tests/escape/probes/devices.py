import fcntl, os

HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "console"}
for name in ("vda", "sda", "mem", "kmem", "port", "kvm", "fuse", "nsm", "tdx_guest", "sev-guest", "sgx_enclave", "vsock", "vhost-vsock", "loop-control", "net/tun", "uinput"):
    try:
        os.close(os.open("/dev/" + name, os.O_RDONLY))
        print("ESCAPED opened", name)
    except OSError as error:
        print("blocked", name, type(error).__name__)
try:
    os.mknod("/tmp/block", 0o60600, os.makedev(254, 0))
    print("ESCAPED mknod")
except OSError as error:
    print("blocked mknod", type(error).__name__)
for request in (0x5412, 0x541C):
    try:
        fcntl.ioctl(0, request, b"x")
        print("ESCAPED ioctl", hex(request))
    except OSError as error:
        print("blocked ioctl", type(error).__name__)
