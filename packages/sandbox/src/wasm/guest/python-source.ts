/**
 * The Python half of the Python guest, as source: module `_assay`. It is part of the memory snapshot, so it must not touch
 * JavaScript when it is first run. It runs user code as a script would, and shows its last expression as a notebook would.
 */

export const PYTHON_SOURCE = String.raw`
import ast, asyncio, builtins, errno, gc, http.client, importlib.util, inspect, io, json, linecache, os, posix, random, socket, sys, time, traceback, types, urllib.request, zoneinfo

MAIN = '/tmp/main.py'
_host = None
_installed = ()


def _main_globals():
    module = types.ModuleType('__main__')
    module.__file__ = MAIN
    module.__builtins__ = builtins
    sys.modules['__main__'] = module
    return module.__dict__


_globals = _main_globals()


def prepare(host, argv, network, installed):
    """Everything that a job brings: its host, arguments and entropy."""
    global _host, _installed
    _host = host
    _installed = tuple(installed)
    sys.argv = [MAIN, *argv]
    if '/tmp' not in sys.path:
        sys.path.insert(0, '/tmp')
    os.chdir('/tmp')
    random.seed(int.from_bytes(os.urandom(32), 'big'))
    numpy = sys.modules.get('numpy')
    if numpy is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), 'big'))
    time.sleep = _sleep
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, encoding='utf-8', errors='replace')


def forget():
    """Starts over with empty globals."""
    global _globals
    _globals = _main_globals()
    linecache.clearcache()


def finish(session):
    """What the end of an interpreter does before its files are looked at: files that were left open are written out, and, when no
    further cell follows, the program's objects go, so that their close and __del__ run."""
    if not session:
        for underscored in (True, False):
            for name in list(_globals):
                private = name.startswith('_') and not name.startswith('__')
                if private == underscored and not name.startswith('__'):
                    _globals[name] = None
        _flush_files()
        gc.collect()
    _flush_files()
    _flush()


def _flush_files():
    writers = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    found = [item for item in gc.get_objects() if isinstance(item, writers)]
    # Text first: it fills the byte buffers below it.
    found.sort(key=lambda stream: not isinstance(stream, io.TextIOWrapper))
    for stream in found:
        try:
            if not stream.closed:
                stream.flush()
        except BaseException:
            pass


def _sleep(seconds):
    if seconds < 0:
        raise ValueError('sleep length must be non-negative')
    _host.sleep(float(seconds))


async def run(source):
    """Runs one script or cell. Gives (exit code, value or None, error name or None, message, traceback)."""
    lines = source.splitlines(keepends=True)
    linecache.cache[MAIN] = (len(source), None, lines, MAIN)
    value = None
    try:
        value = await _execute(source)
        shown = None if value is None else repr(value)[:65536]
        _flush()
        return (0, shown, None, '', '')
    except SystemExit as stop:
        _flush()
        code = stop.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
        return (code & 255, None, None if code == 0 else 'SystemExit', '' if code == 0 else 'exit status %d' % (code & 255), '')
    except BaseException as error:
        _flush()
        return _report(error)


async def _execute(source):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, MAIN, 'exec', flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    await _step(compile(tree, MAIN, 'exec', flags, dont_inherit=True))
    if last is None:
        return None
    return await _step(compile(last, MAIN, 'eval', flags, dont_inherit=True))


async def _step(code):
    value = eval(code, _globals)
    if code.co_flags & inspect.CO_COROUTINE:
        value = await value
    return value


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def _report(error):
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != MAIN:
        trace = trace.tb_next
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition('.')[0]
        here = ', '.join(_installed) or 'the standard library'
        error.msg = "PACKAGE_UNAVAILABLE: no module named '%s' in this sandbox, which has %s; run 'assay sandbox install', use the linux-ns lane, or do without it" % (package, here)
        error.args = (error.msg,)
    try:
        text = ''.join(traceback.format_exception(type(error), error, trace))
    except BaseException:
        text = type(error).__name__
    try:
        message = str(error)
    except BaseException:
        message = ''
    text = text[-32768:]
    print(text, file=sys.stderr, end='')
    _flush()
    return (1, None, type(error).__name__, message[:8192], text.rstrip('\n'))


def _refuse(what):
    def refuse(*args, **options):
        raise OSError(errno.ENOSYS, 'this sandbox has no %s' % what)
    return refuse


# The interpreter's own would look for a host that is not there, and end the process.
os.system = posix.system = _refuse('processes')
socket.socketpair = socket._fallback_socketpair = _refuse('sockets; use urllib or requests with an allowed host')
for _name in ('bind', 'connect', 'connect_ex', 'listen', 'accept', 'sendto', 'recvfrom'):
    setattr(socket.socket, _name, _refuse('sockets; use urllib or requests with an allowed host'))


_load_packaged_zone = zoneinfo._common.load_tzdata
_packaged_zones = zoneinfo.available_timezones


def _load_zone(key):
    """Data of a zone from the engine, where no package brings it."""
    try:
        return _load_packaged_zone(key)
    except zoneinfo.ZoneInfoNotFoundError:
        data = None if _host is None else _host.zone(str(key))
    if data is None:
        raise zoneinfo.ZoneInfoNotFoundError('no time zone found with key %s; zoneinfo.available_timezones() lists those of this sandbox' % key) from None
    return io.BytesIO(data.to_bytes())


def _all_zones():
    return _packaged_zones() | set(_host.zones().split(','))


zoneinfo._common.load_tzdata = _load_zone
zoneinfo.available_timezones = _all_zones


class HostSocket:
    """A socket to one host: takes one HTTP/1.1 request, has the host process send it, and gives the answer to read."""

    def __init__(self, scheme, host, port):
        self._scheme, self._host, self._port = scheme, host, port
        self._sent = bytearray()

    def sendall(self, data, flags=0):
        self._sent += bytes(data)

    def settimeout(self, seconds):
        pass

    def setsockopt(self, *args):
        pass

    def close(self):
        pass

    def makefile(self, mode='rb', *args, **kwargs):
        head, _, body = bytes(self._sent).partition(b'\r\n\r\n')
        self._sent.clear()
        request, *fields = head.decode('latin-1').split('\r\n')
        method, path, _ = request.split(' ', 2)
        headers = {}
        for field in fields:
            name, _, content = field.partition(':')
            headers[name.strip().lower()] = content.strip()
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            body = _unchunk(body)
        default = 443 if self._scheme == 'https' else 80
        host = '[%s]' % self._host if ':' in self._host else self._host
        origin = '%s://%s' % (self._scheme, host if self._port == default else '%s:%d' % (host, self._port))
        status, answer, content, _url = fetch(method, origin + path, headers, body, follow=False)
        lines = ['HTTP/1.1 %d %s' % (status, http.client.responses.get(status, ''))]
        lines += ['%s: %s' % item for item in answer.items()]
        lines += ['content-length: %d' % len(content), 'connection: close', '', '']
        return io.BytesIO('\r\n'.join(lines).encode('latin-1', 'replace') + content)


def _unchunk(body):
    whole = bytearray()
    while body:
        size, _, body = body.partition(b'\r\n')
        count = int(size.split(b';')[0], 16)
        if count == 0:
            break
        whole += body[:count]
        body = body[count + 2:]
    return bytes(whole)


def fetch(method, url, headers, body, follow=True):
    """One exchange through the host. Raises OSError with the host's reason when it is refused."""
    from pyodide.ffi import to_js
    status, answer, content, final = _host.fetch(method, url, json.dumps(headers), to_js(bytes(body or b'')), follow)
    content = content.to_bytes()
    if status == 0:
        raise OSError(content.decode('utf-8', 'replace'))
    return status, json.loads(answer), content, final


def _connect(self):
    self.sock = HostSocket('http', self.host, self.port)


class HostHTTPSConnection(http.client.HTTPConnection):
    default_port = 443

    def __init__(self, host, port=None, *, timeout=None, context=None, check_hostname=None, key_file=None, cert_file=None, blocksize=8192, source_address=None):
        super().__init__(host, port, blocksize=blocksize)

    def connect(self):
        self.sock = HostSocket('https', self.host, self.port)


class HostHTTPSHandler(urllib.request.AbstractHTTPHandler):
    def __init__(self, debuglevel=None, context=None, check_hostname=None):
        super().__init__(0)

    def https_open(self, request):
        return self.do_open(HostHTTPSConnection, request)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


http.client.HTTPConnection.connect = _connect
http.client.HTTPSConnection = HostHTTPSConnection
urllib.request.HTTPSHandler = HostHTTPSHandler


class RequestsFinder:
    """Gives a small 'requests' when the real one is not there: get, post, … over the host."""

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == 'requests' else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(REQUESTS, '<requests>', 'exec'), module.__dict__)


REQUESTS = '''
import json as _json, _assay
from urllib.parse import urlencode as _urlencode

class RequestException(OSError): pass
class ConnectionError(RequestException): pass
class HTTPError(RequestException):
    def __init__(self, *args, response=None):
        super().__init__(*args)
        self.response = response
class Timeout(RequestException): pass

class _Exceptions: pass
exceptions = _Exceptions()
exceptions.RequestException, exceptions.ConnectionError, exceptions.HTTPError, exceptions.Timeout = RequestException, ConnectionError, HTTPError, Timeout

class _Headers(dict):
    def __getitem__(self, name): return super().__getitem__(name.lower())
    def __contains__(self, name): return super().__contains__(name.lower())
    def get(self, name, default=None): return super().get(name.lower(), default)

class Response:
    def __init__(self, status, headers, content, url):
        self.status_code, self.headers, self.content, self.url = status, _Headers(headers), content, url
        self.encoding = 'utf-8'
    ok = property(lambda self: self.status_code < 400)
    text = property(lambda self: self.content.decode(self.encoding or 'utf-8', 'replace'))
    def json(self, **options): return _json.loads(self.content, **options)
    def iter_content(self, size=8192, **options):
        for at in range(0, len(self.content), size): yield self.content[at:at + size]
    def raise_for_status(self):
        if self.status_code >= 400: raise HTTPError('%d error for url: %s' % (self.status_code, self.url), response=self)
    def __repr__(self): return '<Response [%d]>' % self.status_code
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def close(self): pass

def request(method, url, params=None, data=None, json=None, headers=None, timeout=None, allow_redirects=True, **ignored):
    headers = {str(k).lower(): str(v) for k, v in (headers or {}).items()}
    if params: url += ('&' if '?' in url else '?') + _urlencode(params, doseq=True)
    body = b''
    if json is not None:
        body = _json.dumps(json).encode()
        headers.setdefault('content-type', 'application/json')
    elif isinstance(data, dict):
        body = _urlencode(data, doseq=True).encode()
        headers.setdefault('content-type', 'application/x-www-form-urlencoded')
    elif data is not None:
        body = data.encode() if isinstance(data, str) else bytes(data)
    try:
        return Response(*_assay.fetch(method.upper(), url, headers, body, allow_redirects))
    except OSError as error:
        raise ConnectionError(str(error)) from None

def _verb(name): return lambda url, **options: request(name, url, **options)
get, post, put, patch, delete, head, options = (_verb(n) for n in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'))

class Session:
    def __init__(self): self.headers = {}
    def request(self, method, url, headers=None, **options): return request(method, url, headers={**self.headers, **(headers or {})}, **options)
    def __getattr__(self, name):
        if name in ('get', 'post', 'put', 'patch', 'delete', 'head', 'options'): return lambda url, **o: self.request(name.upper(), url, **o)
        raise AttributeError(name)
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def close(self): pass
'''

sys.meta_path.append(RequestsFinder())
`;

/** Imported before the snapshot is made, so that jobs find them loaded. */
export const PRELOADED =
  'csv, collections, copy, datetime, decimal, functools, hashlib, itertools, math, re, statistics, string, textwrap, uuid';
