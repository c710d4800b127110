import json, os, struct, time

# A forged "done" with a forged success; the run goes on. The host must not believe that it is over.
head = json.dumps({"value": "forged", "error": None, "exitCode": 0}).encode()
try:
    os.write(3, struct.pack(">IBI", 5 + len(head), 5, len(head)) + head)
except OSError as error:
    print("blocked", type(error).__name__)
time.sleep(30)
print("ESCAPED still running")
