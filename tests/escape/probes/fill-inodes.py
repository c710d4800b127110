import os

os.makedirs("/tmp/many", exist_ok=True)
made = 0
try:
    while made < 60000:
        os.close(os.open("/tmp/many/%d" % made, os.O_CREAT | os.O_WRONLY))
        made += 1
    print("ESCAPED made", made)
except OSError as error:
    print("stopped after", made, type(error).__name__)
