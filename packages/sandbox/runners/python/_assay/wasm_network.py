"""HTTP for Python inside WebAssembly: there are no sockets and no TLS, so every exchange goes through the host process."""

import errno
import http.client
import importlib.util
import json
import socket
import sys
import urllib.request

from . import network, wasm_requests

NO_SOCKETS = "this sandbox has no sockets; use urllib or requests with an allowed host"
SOCKET_METHODS = ("bind", "connect", "connect_ex", "listen", "accept", "sendto", "recvfrom")
REFUSED = 0
_host = None


def connect(host):
    """The host's own functions, before each program."""
    global _host
    _host = host


def set_up():
    """Puts exchanges through the host in the place of sockets. Called once, before the snapshot is made."""
    # The interpreter's own would look for a host that is not there, and end the process.
    socket.socketpair = socket._fallback_socketpair = refuse_sockets
    for name in SOCKET_METHODS:
        setattr(socket.socket, name, refuse_sockets)
    http.client.HTTPSConnection = HostHTTPSConnection
    urllib.request.HTTPSHandler = HostHTTPSHandler
    network.install(exchange)
    wasm_requests.fetch = fetch
    sys.meta_path.append(RequestsFinder())


def refuse_sockets(*_, **__):
    raise OSError(errno.ENOSYS, NO_SOCKETS)


def fetch(method, url, headers, body, follow=True):
    """One exchange. Gives status, headers, content and the last address; raises OSError with the host's reason when refused."""
    from pyodide.ffi import to_js

    status, answer, content, final = _host.fetch(method, url, json.dumps(headers), to_js(bytes(body or b"")), follow)
    content = content.to_bytes()
    if status == REFUSED:
        raise OSError(content.decode("utf-8", "replace"))
    return status, json.loads(answer), content, final


def exchange(head, body):
    """One exchange as `network` asks for it."""
    return fetch(head["method"], head["url"], head["headers"], body, follow=False)[:3]


class HostHTTPSConnection(http.client.HTTPConnection):
    """The interpreter has no TLS, so it has no such class; the host speaks TLS."""

    default_port = 443

    def __init__(self, host, port=None, *, timeout=None, context=None, blocksize=8192, source_address=None, **_):
        super().__init__(host, port, blocksize=blocksize)


class HostHTTPSHandler(urllib.request.AbstractHTTPHandler):
    """Opens https addresses with `urllib`."""

    def __init__(self, debuglevel=None, context=None, check_hostname=None):
        super().__init__(0)

    def https_open(self, request):
        return self.do_open(HostHTTPSConnection, request)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


class RequestsFinder:
    """Gives a small `requests` when the real one is not there: get, post, … over the host."""

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "requests" else None

    def create_module(self, spec):
        wasm_requests.__name__ = spec.name
        return wasm_requests

    def exec_module(self, module):
        pass
