"""As much of `requests` as programs usually need, where the real one is not installed. `fetch` is set by `wasm_network`."""

import json as _json
from types import SimpleNamespace
from urllib.parse import urlencode

FIRST_ERROR = 400
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
fetch = None


class RequestException(OSError):
    """Base of the others."""


class ConnectionError(RequestException):
    """The host refused the exchange, or could not make it."""


class Timeout(RequestException):
    """Never raised: the host has its own bound."""


class HTTPError(RequestException):
    """Raised by `Response.raise_for_status`."""

    def __init__(self, *args, response=None):
        super().__init__(*args)
        self.response = response


exceptions = SimpleNamespace(
    RequestException=RequestException, ConnectionError=ConnectionError, HTTPError=HTTPError, Timeout=Timeout
)


class Headers(dict):
    """Fields by name, however it is written."""

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class Response:
    """An answer, whole in memory."""

    encoding = "utf-8"

    def __init__(self, status, headers, content, url):
        self.status_code = status
        self.headers = Headers(headers)
        self.content = content
        self.url = url

    @property
    def ok(self):
        return self.status_code < FIRST_ERROR

    @property
    def text(self):
        return self.content.decode(self.encoding or "utf-8", "replace")

    def json(self, **options):
        return _json.loads(self.content, **options)

    def iter_content(self, size=8192, **_):
        for at in range(0, len(self.content), size):
            yield self.content[at : at + size]

    def raise_for_status(self):
        if not self.ok:
            raise HTTPError("%d error for url: %s" % (self.status_code, self.url), response=self)

    def __repr__(self):
        return "<Response [%d]>" % self.status_code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass


def encode_body(data, json, headers):
    """The body as bytes; sets its content type where the caller did not."""
    if json is not None:
        headers.setdefault("content-type", "application/json")
        return _json.dumps(json).encode()
    if isinstance(data, dict):
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        return urlencode(data, doseq=True).encode()
    if data is None:
        return b""
    return data.encode() if isinstance(data, str) else bytes(data)


def request(method, url, params=None, data=None, json=None, headers=None, allow_redirects=True, **_):
    """One exchange. Options that mean nothing here (timeout, verify, …) are taken and ignored."""
    fields = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    if params:
        url += ("&" if "?" in url else "?") + urlencode(params, doseq=True)
    body = encode_body(data, json, fields)
    try:
        return Response(*fetch(method.upper(), url, fields, body, allow_redirects))
    except OSError as error:
        raise ConnectionError(str(error)) from None


def _verb(name):
    return lambda url, **options: request(name, url, **options)


get, post, put, patch, delete, head, options = (_verb(name) for name in METHODS)


class Session:
    """Remembers headers between requests."""

    def __init__(self):
        self.headers = {}

    def request(self, method, url, headers=None, **rest):
        return request(method, url, headers={**self.headers, **(headers or {})}, **rest)

    def __getattr__(self, name):
        if name not in METHODS:
            raise AttributeError(name)
        return lambda url, **rest: self.request(name, url, **rest)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass
