# Imports every module of the standard library that there is, calls what it has, several ways, and prints what came back: one line for
# each call. Two runs under one seed must print the same. It prints how much it called last.
import asyncio, gc, inspect, io, signal, sys, types, warnings

warnings.simplefilter("ignore")
LEFT_OUT = {
    "antigravity", "idlelib", "this", "turtle", "turtledemo", "test", "pydoc_data", "lib2to3", "__main__", "_pyrepl", "msilib",
}
# Ends the program, waits for a person, or changes what the walk itself stands on.
SKIPPED = {
    "exit", "_exit", "quit", "abort", "breakpoint", "help", "input", "interact", "main", "set_trace", "settrace", "setprofile", "post_mortem",
    "pm", "run", "runcall", "runctx", "raise_signal", "kill", "killpg", "run_forever", "main_loop", "loop", "license", "copyright", "credits",
    "chdir", "fchdir", "chroot", "close", "closerange", "dup2", "removedirs", "set_int_max_str_digits", "setrecursionlimit", "execv", "execve",
    "disable", "freeze", "set_threshold", "install", "uninstall", "invalidate_caches", "_clear_type_cache", "setdefaulttimeout", "console",
    "_run_module_as_main", "_run_code", "_run_module_code", "setswitchinterval", "_stop", "unregister_all", "setitimer", "pause",
    "alarm", "sigwait", "sigwaitinfo", "sigtimedwait", "getpass", "getuser", "test", "_test", "demo", "reload", "set_asyncgen_hooks", "addaudithook",
    "set_coroutine_origin_tracking_depth", "_debugmallocstats", "set_debug", "setdlopenflags", "terminate", "_shutdown", "shutdown", "_leave_task",
    "_enter_task", "_swap_current_task", "_register_task", "_unregister_task", "set_event_loop", "set_event_loop_policy", "_set_running_loop",
    "activate_stack_trampoline", "deactivate_stack_trampoline", "call_tracing", "excepthook", "unraisablehook", "displayhook", "print", "cmp",
}
# Traps of the interpreter itself, the same in every run: given as arguments.
CRASHING = set(sys.argv[1:])
real = sys.stdout
lines = []
taken = 0


def text(value, depth=0):
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, types.ModuleType)):
        return getattr(value, "__qualname__", "module")
    if isinstance(value, (str, bytes, bytearray, int, float, complex, bool, type(None))):
        return repr(value)[:300]
    if depth > 2:
        return type(value).__name__
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (text(k, depth + 1), text(v, depth + 1)) for k, v in list(value.items())[:20])
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[%s]" % ",".join(text(item, depth + 1) for item in list(value)[:20])
    members = getattr(value, "__dict__", None)
    shown = "" if not isinstance(members, dict) else text(members, depth + 1)
    plain = repr(value) if type(value).__repr__ is not object.__repr__ else type(value).__name__
    return "%s %s" % (plain[:200], shown[:200])


ARGUMENTS = [(), (16,), ("x",), (b"x",), (1.5,), ([3, 1, 2],), ("x", "y")]


def attempt(path, call, arguments):
    global taken
    taken += 1
    sys.stderr.write(path + '\n')
    try:
        value = call(*[list(item) if isinstance(item, list) else item for item in arguments])
        if inspect.iscoroutine(value):
            value.close()
            shown = "coroutine"
        else:
            shown = text(value)
    except BaseException as error:
        shown = "raised %s %s" % (type(error).__name__, str(error)[:120])
    finally:
        sys.stdout = real
    lines.append("%s%r %s" % (path, arguments, shown))


for name in sorted(sys.stdlib_module_names):
    if name in LEFT_OUT:
        continue
    try:
        module = __import__(name, fromlist=["x"])
    except BaseException as error:
        lines.append("%s is not here %s" % (name, type(error).__name__))
        continue
    for member in sorted(dir(module)):
        if member in SKIPPED or member.startswith("__") or "%s.%s" % (name, member) in CRASHING:
            continue
        value = getattr(module, member, None)
        path = "%s.%s" % (name, member)
        if isinstance(value, types.ModuleType):
            continue
        if not callable(value):
            lines.append("%s = %s" % (path, text(value)))
            continue
        owner = getattr(value, "__module__", None)
        if owner not in (name, "_" + name, "builtins", None) and owner is not None and not owner.startswith("_"):
            continue
        for arguments in ARGUMENTS:
            sys.stdout = io.StringIO()
            attempt(path, value, arguments)

real.write("\n".join(line.replace("\n", " ")[:500] for line in lines))
real.write("\ncalled %d\n" % taken)
