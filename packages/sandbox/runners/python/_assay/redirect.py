"""Where the code cannot have a /tmp of its own, paths below /tmp lead to the job's directory. A convenience for programs that
name `/tmp/sales.csv`; what they may reach is decided by Landlock, not here."""

import builtins
import io
import os

ONE = "access chdir chmod listdir lstat mkdir open readlink remove rmdir scandir stat truncate unlink utime walk".split()
TWO = "link rename replace symlink".split()


def install(root, kept):
    """`kept`: directories below /tmp that are the agent's own and keep their names."""

    def stays(text):
        return any(text == directory or text.startswith(directory + "/") for directory in kept)

    def lead(path):
        if isinstance(path, int):
            return path
        text = os.fspath(path) if hasattr(path, "__fspath__") else path
        if isinstance(text, bytes):
            inner = lead(os.fsdecode(text))
            return os.fsencode(inner)
        if isinstance(text, str) and (text == "/tmp" or text.startswith("/tmp/")) and not stays(text):
            return root + text[4:]
        return path

    def wrap(function, count):
        def led(*arguments, **options):
            return function(*(lead(value) for value in arguments[:count]), *arguments[count:], **options)

        led.__name__ = getattr(function, "__name__", "led")
        led.__doc__ = function.__doc__
        return led

    for names, count in ((ONE, 1), (TWO, 2)):
        for name in names:
            setattr(os, name, wrap(getattr(os, name), count))
    builtins.open = io.open = wrap(builtins.open, 1)
