try:
    with open("/tmp/sparse", "wb") as file:
        file.truncate(10 << 30)
    print("made a sparse file")
except OSError as error:
    print("blocked", type(error).__name__)
