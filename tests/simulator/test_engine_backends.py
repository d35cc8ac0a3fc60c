"""The kernel gives the same bits compiled and uncompiled, and its types say what its arithmetic needs."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulator.engine import codes, kernel
from simulator.scenario import ScenarioError, load, parse
from tests.depth import examples
from tests.simulator.engine_scenes import ACTS, act, digest, networks, plane_of

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "simulator" / "engine"
NETWORKS = examples(4, 6)
COLD = {"floats", "ints", "freeze", "restore", "more_entries", "imbalance"}  # plain Python, in no inner loop

# -- the same bits


def drawn(number: int) -> tuple[Any, Any]:
    """A random network and acts on it, the same for a number."""
    found: list[tuple[Any, Any]] = []

    @seed(number)
    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(networks(), st.lists(st.sampled_from(ACTS), min_size=2, max_size=4))
    def draw(raw: Any, acts: Any) -> None:
        found.append((raw, acts))

    draw()
    return found[-1]


def cases() -> list[Any]:
    """Random networks with acts on them, as plain values; none so large that it takes long uncompiled."""
    found: list[Any] = []
    for number in range(60):
        raw, acts = drawn(number)
        try:
            size = len(plane_of(parse(raw, "bare")).network.nodes)
        except ScenarioError:
            continue
        if 20 < size < 80:
            found.append((raw, acts))
        if len(found) == NETWORKS:
            break
    return found


def digests(given_cases: list[Any]) -> list[str]:
    """What the kernel of this process makes of the cases, and of an incident in payment-pool."""
    found = []
    for raw, acts in given_cases:
        plane = plane_of(parse(raw, "bare"))
        for number, what in enumerate(acts):
            plane.advance(0.45 * (number + 1))
            act(plane, tuple(what))
        plane.advance(3.0)
        found.append(digest(plane))
    plane = plane_of(load("payment-pool"))
    plane.advance(1)
    plane.set_pods("payment-service", "v2.8.1", 18)
    plane.set_pods("payment-service", "v2.8.0", 0)
    plane.advance(2)
    plane.kill_pods("antifraud", "v4.1.0", 2)
    plane.advance(2.5)
    found.append(digest(plane))
    return found


CHILD = """
import json, sys
from simulator.engine import kernel
from tests.simulator.test_engine_backends import digests
print(json.dumps([kernel.COMPILED, digests(json.load(sys.stdin))]))
"""


def in_a_process(given_cases: list[Any], **environment: str) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        input=json.dumps(given_cases),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: list[Any] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(not kernel.COMPILED, reason="the kernel is not compiled here: nothing to compare")
def test_both_backends_give_the_same_bits() -> None:
    given_cases = cases()
    assert len(given_cases) == NETWORKS
    compiled, fast = in_a_process(given_cases)
    uncompiled, slow = in_a_process(given_cases, DROPPROD_KERNEL="python")
    assert compiled and not uncompiled
    assert fast == slow
    assert len(set(fast)) == NETWORKS + 1


# -- the types


class Types:
    """The declarations of `kernel.pxd`."""

    def __init__(self) -> None:
        text = (ENGINE / "kernel.pxd").read_text()
        fields = re.findall(r"cdef public ([a-z \[\]:1]+?) (\w+)\n", text)
        self.fields = {name: kind for kind, name in fields}
        self.constants: dict[str, str] = {}
        for kind, names in re.findall(r"^cdef (double|long long) ([A-Z_, ]+)$", text, re.M):
            self.constants.update((name.strip(), kind) for name in names.split(","))
        self.returns: dict[str, str] = {"exp": "double", "erfc": "double", "sqrt": "double"}
        self.locals: dict[str, dict[str, str]] = {}
        pattern = (
            r"(?:@cython\.locals\(([^)]*)\)\n)?"
            r"c(?:p)?def (void|double|bint|long long) (\w+)\(([^)]*)\)"
        )
        for own, back, name, arguments in re.findall(pattern, text):
            self.returns[name] = back
            pairs = re.findall(r"(\w+)=cython\.(\w+)", own)
            self.locals[name] = {n: "long long" if kind == "longlong" else kind for n, kind in pairs}
            for argument in arguments.split(","):
                kind, _, short = argument.strip().rpartition(" ")
                self.locals[name][short] = kind


TYPES = Types()
TREE = ast.parse((ENGINE / "kernel.py").read_text())
HOT = [f for f in TREE.body if isinstance(f, ast.FunctionDef) and f.name not in COLD]


def test_every_field_is_declared_with_its_type() -> None:
    assert {n for n, kind in TYPES.fields.items() if kind == "double[::1]"} == set(kernel.FLOATS)
    assert {n for n, kind in TYPES.fields.items() if kind == "long long[::1]"} == set(kernel.INTS)
    scalars = {n for n, kind in TYPES.fields.items() if "[" not in kind}
    assert scalars == set(kernel.SCALARS)
    assert len(set(kernel.FLOATS)) == len(kernel.FLOATS) and len(set(kernel.INTS)) == len(kernel.INTS)


def test_every_constant_is_declared_with_its_type() -> None:
    used = {n.id for f in HOT for n in ast.walk(f) if isinstance(n, ast.Name) and n.id.isupper()}
    for name in used:
        kind = "double" if isinstance(getattr(codes, name), float) else "long long"
        assert TYPES.constants.get(name) == kind, name


@pytest.mark.parametrize("function", HOT, ids=lambda f: f.name)
def test_every_hot_function_has_its_locals_typed(function: ast.FunctionDef) -> None:
    declared = TYPES.locals.get(function.name)
    assert declared is not None, "not in kernel.pxd"
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    arguments = {a.arg for a in function.args.args}
    assert stored | arguments <= set(declared)
    assert all(declared.values())


def is_float(node: ast.expr, names: dict[str, str]) -> bool:
    """Whether an expression is certainly a float in both backends."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Name):
        return names.get(node.id, TYPES.constants.get(node.id)) == "double"
    if isinstance(node, ast.Attribute):
        return TYPES.fields.get(node.attr) == "double"
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and TYPES.fields.get(node.value.attr) == "double[::1]"
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and TYPES.returns.get(node.func.id) == "double"
    if isinstance(node, ast.UnaryOp):
        return is_float(node.operand, names)
    if isinstance(node, ast.IfExp):
        return is_float(node.body, names) and is_float(node.orelse, names)
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.FloorDiv | ast.Mod):
        return is_float(node.left, names) or is_float(node.right, names)
    return False


@pytest.mark.parametrize("function", HOT, ids=lambda f: f.name)
def test_no_division_is_between_integers(function: ast.FunctionDef) -> None:
    """Of two integers, `/` would be another operation in C."""
    names = TYPES.locals.get(function.name, {})
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            assert is_float(node.left, names) or is_float(node.right, names), ast.unparse(node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
            assert is_float(node.target, names), ast.unparse(node)
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            raise AssertionError(f"{ast.unparse(node)}: the power operator differs between backends")
