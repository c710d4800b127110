import json, socket, sys

bait = json.loads(sys.argv[1])


def reach(name, family, kind, address):
    try:
        with socket.socket(family, kind) as link:
            link.settimeout(1)
            if kind == socket.SOCK_DGRAM and family != socket.AF_UNIX:
                link.sendto(b"x", address)
            else:
                link.connect(address)
        print("ESCAPED", name)
    except OSError as error:
        print("blocked", name, type(error).__name__)


reach("agent on loopback", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", bait["port"]))
reach("agent on loopback, IPv6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", bait["port"]))
reach("outside, TCP", socket.AF_INET, socket.SOCK_STREAM, ("203.0.113.80", 443))
reach("outside, UDP", socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53))
reach("metadata service", socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80))
if hasattr(socket, "AF_UNIX"):
    reach("abstract socket", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + bait["abstract"])
    reach("socket file", socket.AF_UNIX, socket.SOCK_STREAM, bait["socket"])
try:
    print("ESCAPED resolved", socket.getaddrinfo("example.org", 80)[0][4])
except OSError as error:
    print("blocked name service", type(error).__name__)
