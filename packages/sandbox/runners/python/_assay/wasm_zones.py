"""Time zones for Python inside WebAssembly: the engine has them, no package brings them."""

import io
import zoneinfo

_host = None
_packaged_data = zoneinfo._common.load_tzdata
_packaged_names = zoneinfo.available_timezones


def connect(host):
    """The host's own functions, before each program."""
    global _host
    _host = host


def set_up():
    """Lets `zoneinfo` ask the engine. Called once, before the snapshot is made."""
    zoneinfo._common.load_tzdata = load_zone
    zoneinfo.available_timezones = all_zones


def load_zone(key):
    """A zone's TZif file: of a package that brings it, else of the engine."""
    try:
        return _packaged_data(key)
    except zoneinfo.ZoneInfoNotFoundError:
        content = None if _host is None else _host.zone(str(key))
    if content is None:
        raise zoneinfo.ZoneInfoNotFoundError(
            "no time zone found with key %s; zoneinfo.available_timezones() lists those of this sandbox" % key
        ) from None
    return io.BytesIO(content.to_bytes())


def all_zones():
    """Names of all zones."""
    return _packaged_names() | set(_host.zones().split(","))
