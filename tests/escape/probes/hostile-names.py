import os

NAMES = ["a\nb.png", "-rf", "\x1b[31mred", "%s%n", "\u202egnp.exe", "x" * 255, "CON", ".hidden", 'with "quotes".csv', "a\\b", "tab\there"]
for name in NAMES:
    try:
        with open("/tmp/" + name, "w") as file:
            file.write("x")
    except OSError as error:
        print("blocked", type(error).__name__)
try:
    with open(b"/tmp/\xff\xfe.bin", "w") as file:
        file.write("x")
except (OSError, UnicodeError) as error:
    print("blocked", type(error).__name__)
with open("/tmp/plain.txt", "w") as file:
    file.write("plain")
