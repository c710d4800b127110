# Pyodide is no boundary: from Python into the JavaScript around it, by every known way, and from there at the host.
import json, sys

bait = json.loads(sys.argv[1])
SOURCE = """(async () => {
  const bait = %s;
  const found = [];
  const attempt = async (name, action) => {
    try { await action(); found.push('ESCAPED ' + name); } catch (error) { found.push('blocked ' + name + ' ' + String(error.message ?? error).slice(0, 60)); }
  };
  await attempt('read', async () => (await import('node:fs')).readFileSync(bait.canary));
  await attempt('write', async () => (await import('node:fs')).writeFileSync('/tmp/assay-escaped', 'x'));
  await attempt('variable', async () => (await import('node:process')).default.env[bait.variable].length);
  await attempt('connect', async () => (await Deno.connect({ port: bait.port })).close());
  await attempt('run', async () => new Deno.Command('/usr/bin/id').outputSync());
  await attempt('native', async () => Deno.dlopen('/lib/x86_64-linux-gnu/libc.so.6', {}));
  await attempt('signal', async () => Deno.kill(Deno.ppid, 'SIGTERM'));
  await attempt('web storage', async () => localStorage.setItem('a', 'b'));
  await attempt('cache', async () => (await caches.open('x')).put('http://x/', new Response('x')));
  await attempt('remote import', async () => import('http://127.0.0.1:' + bait.port + '/x.js'));
  return found.join(';');
})()""" % json.dumps(bait)


def by_run_js():
    from pyodide.code import run_js

    return run_js(SOURCE)


def by_constructor():
    from pyodide.ffi import to_js

    return to_js([1]).constructor.constructor("return " + SOURCE)()


def by_js_module():
    import js

    return js.eval(SOURCE)


def by_api():
    import pyodide_js

    return pyodide_js._api.config.constructor.constructor("return " + SOURCE)()


for way in (by_run_js, by_constructor, by_js_module, by_api):
    try:
        print(way.__name__, await way())
    except Exception as error:
        print("closed", way.__name__, type(error).__name__, str(error)[:80])

import ctypes

try:
    print("reached script", ctypes.CDLL(None).emscripten_run_script_int(b"typeof Deno === 'object' ? 1 : 0"))
except Exception as error:
    print("closed ctypes", type(error).__name__)

import pyodide_js

try:
    pyodide_js.mountNodeFS("/host", "/")
    import os

    print("ESCAPED mounted", os.listdir("/host")[:3])
except Exception as error:
    print("blocked mount", type(error).__name__, str(error)[:80])
