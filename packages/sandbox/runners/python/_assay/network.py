"""Gives code in the sandbox an HTTP client that hands every exchange to the host over the control socket: http.client (and so
urllib and pandas.read_csv) and requests. TLS is spoken by the host, which checks the allow-list and records both bodies; the
sandbox itself has no network."""

import sys
import threading

from . import imports

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}
_lock = threading.Lock()


def install(exchange):
    def fetch(method, url, headers, body):
        kept = {name.lower(): str(value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | {"host"}}
        with _lock:
            status, answer, content = exchange({"method": method, "url": url, "headers": kept}, body)
        return status, {name: value for name, value in answer.items() if name.lower() not in HOP_BY_HOP}, content

    imports.call("http.client", lambda module: patch_http_client(module, fetch))
    imports.call("requests.adapters", lambda module: patch_requests(module, fetch))


def patch_http_client(client, fetch):
    def connector(scheme, usual):
        def connect(self):
            host = f"[{self.host}]" if ":" in self.host else self.host
            authority = host if self.port == usual else f"{host}:{self.port}"
            self.sock = BridgeSocket(f"{scheme}://{authority}", fetch)

        return connect

    client.HTTPConnection.connect = connector("http", 80)
    if hasattr(client, "HTTPSConnection"):
        client.HTTPSConnection.connect = connector("https", 443)


class BridgeSocket:
    """As much of a socket as http.client uses: takes one request at a time, gives its response to read."""

    def __init__(self, origin, fetch):
        self.origin = origin
        self.fetch = fetch
        self.pending = b""

    def sendall(self, content):
        self.pending += bytes(content)

    def makefile(self, mode, *_, **__):
        import io

        return io.BytesIO(self.answer())

    def answer(self):
        head, _, body = self.pending.partition(b"\r\n\r\n")
        self.pending = b""
        line, *fields = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = dict(field.split(":", 1) for field in fields)
        headers = {name.strip().lower(): value.strip() for name, value in headers.items()}
        if "chunked" in headers.get("transfer-encoding", ""):
            body = unchunk(body)
        url = target if "://" in target else self.origin + target
        status, answer, content = self.fetch(method, url, headers, body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
        length = f"content-length: {len(content)}\r\n"
        reason = sys.modules["http.client"].responses.get(status, "")
        return f"HTTP/1.1 {status} {reason}\r\n{lines}{length}\r\n".encode("latin-1") + (b"" if method == "HEAD" else content)

    def settimeout(self, _):
        pass

    def setsockopt(self, *_):
        pass

    def shutdown(self, _):
        pass

    def close(self):
        pass


def unchunk(content):
    parts = []
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        parts.append(content[:length])
        content = content[length + 2 :]
    return b"".join(parts)


def patch_requests(adapters, fetch):
    import io

    import urllib3

    def send(self, request, *_, **__):
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        elif not isinstance(body, (bytes, str)):
            body = b"".join(body)
        if isinstance(body, str):
            body = body.encode("utf-8")
        try:
            status, headers, content = fetch(request.method, request.url, request.headers, body)
        except OSError as error:
            raise adapters.ConnectionError(error, request=request) from None
        raw = urllib3.HTTPResponse(body=io.BytesIO(content), headers=headers, status=status, preload_content=False)
        return self.build_response(request, raw)

    adapters.HTTPAdapter.send = send
