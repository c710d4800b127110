import os, struct

# A frame that claims four gigabytes, then noise: the host must end the job, not wait or allocate.
try:
    os.write(3, struct.pack(">I", 0xFFFFFFFF) + b"\x05" + os.urandom(4096))
    print("sent")
except OSError as error:
    print("blocked", type(error).__name__)
import time

time.sleep(30)
print("ESCAPED the host waits")
