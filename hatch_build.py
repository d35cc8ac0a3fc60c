"""Compiles the cohort kernel when it can: without Cython or a C compiler the same file runs uncompiled.

Used by hatchling when the package is built or installed, and by hand: `python hatch_build.py`.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
from simulator.engine import HERE, MARK, extension_fits, fingerprint  # noqa: E402 - of this checkout


def compile_kernel() -> Path | None:
    """Build the extension beside its source. None, with a line on why, when that cannot be done."""
    target = HERE / f"kernel{sysconfig.get_config_var('EXT_SUFFIX')}"
    if target.exists() and extension_fits():
        return target
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        c_file = Path(folder) / "kernel.c"
        built = Path(folder) / target.name
        cython = [sys.executable, "-m", "cython", "-3", "--module-name", "simulator.engine.kernel"]
        link = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        steps = (
            [*cython, str(HERE / "kernel.py"), "-o", str(c_file)],
            # no fused multiply-add and no reordering: the same bits as the interpreter
            [*compiler, "-O3", "-ffp-contract=off", "-fPIC", "-shared", *link, f"-I{sysconfig.get_paths()['include']}",
             str(c_file), "-o", str(built), "-lm"],
        )  # fmt: skip
        for step in steps:
            try:
                done = subprocess.run(step, capture_output=True, text=True, timeout=600, cwd=ROOT)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(f"kernel not compiled, it runs uncompiled: {error}", file=sys.stderr)
                return None
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                print(f"kernel not compiled, it runs uncompiled: {last}", file=sys.stderr)
                return None
        MARK.unlink(missing_ok=True)
        beside = target.with_suffix(".new")  # a process that runs the old one keeps it
        beside.write_bytes(built.read_bytes())
        beside.replace(target)
    MARK.write_text(fingerprint())
    return target


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the extension into the wheel, where there is one."""

    def initialize(self, version: str, build_data: dict) -> None:
        built = compile_kernel()
        if built is None:
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"] += [f"simulator/engine/{built.name}", f"simulator/engine/{MARK.name}"]


if __name__ == "__main__":
    found = compile_kernel()
    print(found or "not compiled")
    raise SystemExit(0 if found else 1)
