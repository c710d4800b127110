import os, time

if os.fork() == 0:
    os.setsid() if hasattr(os, "setsid") else None
    if os.fork() == 0:
        time.sleep(47.123)
    os._exit(0)
print("main ends")
