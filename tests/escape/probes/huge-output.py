import sys

block = "x" * 65536
for _ in range(16384):
    sys.stdout.write(block)
print("ESCAPED wrote 1 GiB")
