taken = []
while len(taken) < 128:
    taken.append(bytearray(b"\1") * (32 << 20))
print("ESCAPED held", len(taken) * 32, "MiB")
