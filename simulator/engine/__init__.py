"""The data plane's engines.

The cohort kernel may be compiled. An extension is used only when it was made from the very sources that
lie here, and not at all when DROPPROD_KERNEL=python: then the same file runs uncompiled, bit for bit.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("kernel.py", "kernel.pxd", "codes.py")
MARK = HERE / "kernel.built"  # the fingerprint of the sources that the extension was made from
_NAME = f"{__name__}.kernel"


def fingerprint() -> str:
    """SHA-256 of the kernel's sources."""
    h = hashlib.sha256()
    for name in SOURCES:
        h.update((HERE / name).read_bytes())
    return h.hexdigest()


def extension_fits() -> bool:
    """Whether an extension lies here that was made from these very sources."""
    try:
        return MARK.read_text() == fingerprint()
    except OSError:
        return False


def _load_source() -> None:
    """Import the kernel from its source, whatever extension lies beside it."""
    spec = importlib.util.spec_from_file_location(_NAME, HERE / "kernel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


if os.environ.get("DROPPROD_KERNEL") == "python" or not extension_fits():
    _load_source()
