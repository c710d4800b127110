# What Python reaches of the JavaScript around it: the listed names, no loader, no file system but the one in memory.
import js, pyodide_js

for name in ("Deno", "navigator", "Worker", "SharedArrayBuffer", "Atomics", "caches", "localStorage", "MessageChannel", "require", "WebSocket"):
    if hasattr(js, name):
        print("ESCAPED", name)
tried = 0


def attempt(name, act):
    global tried
    tried += 1
    try:
        act()
        print("ESCAPED", name)
    except BaseException:
        pass


for kind in ("node:fs", "node:sqlite", "data:text/javascript,1", "npm:left-pad", "file:///etc/passwd"):
    text = "import('%s')" % kind
    for name, make in (("eval", js.eval), ("Function", lambda code: js.Function.new("return " + code)())):
        tried += 1
        try:
            await make(text)
            print("ESCAPED import", kind, name)
        except BaseException:
            pass
FS = pyodide_js.FS
for name in ("NODEFS", "IDBFS", "WORKERFS", "NATIVEFS_ASYNC"):
    attempt("mount " + name, lambda: FS.mount(getattr(FS.filesystems, name), js.Object.new(), "/mnt"))
attempt("mountNodeFS", lambda: pyodide_js.mountNodeFS("/host", "/"))
for name in ("readAsync", "readBinary"):
    call = getattr(pyodide_js._module, name, None)
    if call is not None:
        try:
            answer = call("/etc/passwd")
            if hasattr(answer, "then"):
                answer = await answer
            print("ESCAPED", name)
        except BaseException:
            pass
print("tried", tried)
