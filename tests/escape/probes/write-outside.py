import os, sys, json

bait = json.loads(sys.argv[1])
places = ["/", "/usr", "/usr/bin", "/etc", "/bin", "/run", "/dev", "/var/tmp", "/opt/assay", "/node_modules", bait["working"]]
for place in places + [os.path.dirname(bait["canary"])]:
    path = os.path.join(place, "assay-escaped")
    try:
        with open(path, "w") as file:
            file.write("x")
        print("wrote", path)
    except OSError as error:
        print("blocked", path, type(error).__name__)
