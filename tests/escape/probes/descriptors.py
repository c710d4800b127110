import os, stat

# Standard streams and the control socket, nothing else of the agent.
for number in range(3, 256):
    try:
        facts = os.fstat(number)
    except OSError:
        continue
    kind = stat.S_IFMT(facts.st_mode)
    try:
        target = os.readlink("/proc/self/fd/%d" % number)
    except OSError:
        target = "?"
    own = (number == 3 and stat.S_ISSOCK(facts.st_mode)) or target.startswith(("/tmp/", "/proc/", "anon_inode", "pipe:"))
    print("own" if own else "ESCAPED", number, oct(kind), target)
