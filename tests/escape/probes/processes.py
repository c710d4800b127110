import os

try:
    seen = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
except OSError:
    seen = []
print("seen", seen[:40])
for pid in seen:
    try:
        with open("/proc/%d/mem" % pid, "rb"):
            if pid not in (os.getpid(),):
                print("opened memory of", pid)
    except OSError:
        pass
print("done")
