import os, signal

for target in (os.getppid(), 1):
    try:
        os.kill(target, signal.SIGKILL)
        print("sent to", target)
    except OSError as error:
        print("blocked", target, type(error).__name__)
try:
    os.kill(-1, signal.SIGKILL)
    print("sent to all")
except OSError as error:
    print("blocked -1", type(error).__name__)
