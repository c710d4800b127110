import os, time

made = 0
try:
    while made < 3000:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
    print("ESCAPED without limit", made, flush=True)
except OSError as error:
    print("stopped after", made, type(error).__name__, flush=True)
os._exit(0)
