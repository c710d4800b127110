"""Runs a function once, right after a named module has been imported."""

import sys

_waiting = {}


class Finder:
    """Stands in front of the other finders while a function waits for its module."""

    def find_spec(self, name, path=None, target=None):
        if name not in _waiting:
            return None
        action = _waiting.pop(name)
        spec = self.spec_of_others(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            action(module)

        spec.loader.exec_module = exec_module
        return spec

    def spec_of_others(self, name, path, target):
        """What the next finder that knows the module says about it."""
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None


_finder = Finder()


def call(name, action):
    """Calls `action(module)` now if the module is there, else as soon as it has been imported."""
    if name in sys.modules:
        action(sys.modules[name])
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _waiting[name] = action
