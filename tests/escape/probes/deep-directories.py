import os

os.chdir("/tmp")
depth = 0
try:
    while depth < 3000:
        os.mkdir("d")
        os.chdir("d")
        depth += 1
except OSError as error:
    print("stopped", type(error).__name__)
print("depth", depth)
