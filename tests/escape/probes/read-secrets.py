import json, os, sys

bait = json.loads(sys.argv[1])
paths = [bait["canary"], "/etc/shadow", "/root/.bashrc", "/proc/1/root/etc/shadow", "/proc/kcore", "/proc/1/mem"]
for path in paths + ["/proc/%d/root%s" % (os.getppid(), bait["canary"])]:
    try:
        with open(path, "rb") as file:
            print("ESCAPED read", path, len(file.read(16)))
    except (OSError, ValueError) as error:
        print("blocked", path, type(error).__name__)
for directory in ("/root", os.path.dirname(bait["canary"]), bait["working"]):
    try:
        print("ESCAPED listed", directory, os.listdir(directory)[:3])
    except OSError as error:
        print("blocked", directory, type(error).__name__)
