"""The data plane's engines.

The cohort kernel may be compiled. An extension is used only when it was made from the very sources that
lie here, and not at all when DROPPROD_KERNEL=python: then the same file runs uncompiled, bit for bit.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_NAME = f"{__name__}.kernel"


def _extension_fits() -> bool:
    try:
        mark = (_HERE / "kernel.built").read_text()
        h = hashlib.sha256()
        for name in ("kernel.py", "kernel.pxd", "codes.py"):
            h.update((_HERE / name).read_bytes())
    except OSError:
        return False
    return mark == h.hexdigest()


def _load_source() -> None:
    """Import the kernel from its source, whatever extension lies beside it."""
    spec = importlib.util.spec_from_file_location(_NAME, _HERE / "kernel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


if os.environ.get("DROPPROD_KERNEL") == "python" or not _extension_fits():
    _load_source()
