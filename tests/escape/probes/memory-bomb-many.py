import os, time

children = []
try:
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                held = bytearray(b"\1") * (100 << 20)
            except MemoryError:
                os._exit(1)
            time.sleep(1)
            os._exit(0)
        children.append(child)
except OSError as error:
    print("blocked", type(error).__name__)
held = sum(os.waitpid(child, 0)[1] == 0 for child in children)
# 256 MiB is the limit of this probe: three children of 100 MiB do not fit.
print("ESCAPED" if held > 2 else "contained:", held, "children of 100 MiB")
