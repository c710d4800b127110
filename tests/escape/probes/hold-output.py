import os, time

if os.fork() == 0:
    time.sleep(43.321)
    os._exit(0)
print("main ends while a child holds its output")
os._exit(0)
