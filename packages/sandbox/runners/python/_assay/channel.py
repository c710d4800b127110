"""The control channel of a native cell, descriptor 3: frames as `u32be length | u8 type | u32be head length | head | body`.

The numbers are those of `src/native/cell.ts`. Everything here runs next to hostile code and is not trusted.
"""

import json
import os

DESCRIPTOR = 3
JOB, READY, REQUEST, RESPONSE, DONE, FILE = 1, 2, 3, 4, 5, 7
LENGTH_BYTES = 4
FIXED_BYTES = 5
MAX_PART = 1 << 20
HOST_GONE = 70
# The program may take these from `os`.
_read, _write = os.read, os.write


def receive():
    """Waits for the next frame; gives its type, head and body. Ends the process when the host is gone."""
    length = int.from_bytes(read_fully(LENGTH_BYTES), "big")
    frame = read_fully(length)
    head_length = int.from_bytes(frame[1:FIXED_BYTES], "big")
    body_at = FIXED_BYTES + head_length
    head = json.loads(frame[FIXED_BYTES:body_at]) if head_length else {}
    return frame[0], head, frame[body_at:]


def send(kind, head, body=b""):
    """Sends one frame."""
    text = json.dumps(head).encode("ascii")
    length = FIXED_BYTES + len(text) + len(body)
    frame = length.to_bytes(LENGTH_BYTES, "big") + bytes([kind]) + len(text).to_bytes(LENGTH_BYTES, "big") + text + body
    write_fully(DESCRIPTOR, frame)


def exchange(head, body):
    """One HTTP exchange through the host; raises OSError with the host's reason."""
    send(REQUEST, {**head, "id": 1}, body)
    kind, answer, content = receive()
    if kind != RESPONSE or "error" in answer:
        raise OSError(answer.get("error", "the host does not answer"))
    return answer["status"], answer["headers"], content


def read_fully(count):
    parts = []
    while count:
        part = _read(DESCRIPTOR, min(count, MAX_PART))
        if not part:
            os._exit(HOST_GONE)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_fully(descriptor, content):
    """Writes everything, however little the descriptor takes at a time."""
    view = memoryview(content)
    while view:
        view = view[_write(descriptor, view) :]


def close_in_copies():
    """What a session's cell forks gets no share in the channel on which later cells come."""

    def close():
        try:
            os.close(DESCRIPTOR)
        except OSError:
            pass

    os.register_at_fork(after_in_child=close)
