import os, threading, time

made = 0
try:
    while made < 3000:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        made += 1
    print("ESCAPED without limit", made, flush=True)
except RuntimeError as error:
    print("stopped after", made, flush=True)
os._exit(0)
