import json, os, sys

bait = json.loads(sys.argv[1])


def attempt(action, *arguments):
    try:
        action(*arguments)
    except (OSError, NotImplementedError) as error:
        print("blocked", type(error).__name__)


attempt(os.symlink, "/etc/passwd", "/tmp/link.txt")
attempt(os.symlink, bait["canary"], "/tmp/secret.txt")
attempt(os.symlink, os.path.dirname(bait["canary"]), "/tmp/directory")
attempt(os.mkfifo, "/tmp/fifo.txt")
attempt(os.link, "/usr/bin/env", "/tmp/hard.txt")
with open("/tmp/honest.txt", "w") as file:
    file.write("honest")
attempt(os.link, "/tmp/honest.txt", "/tmp/second-name.txt")
with open("/tmp/plain.txt", "w") as file:
    file.write("plain")
