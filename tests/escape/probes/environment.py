import json, os, sys

bait = json.loads(sys.argv[1])
if bait["variable"] in os.environ:
    print("ESCAPED variable in os.environ")
for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
    for part in ("environ", "cmdline"):
        try:
            with open("/proc/%s/%s" % (name, part), "rb") as file:
                content = file.read()
        except OSError:
            continue
        if bait["secret"].encode() in content:
            print("ESCAPED secret in", name, part)
print("done")
