"""Remedies in how a part is cut out of a monolith: what must agree before calls move, how fast, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Params, entry

if TYPE_CHECKING:
    from simulator.world import World

# Read by `simulator/facade`; where nothing is cut out they change nothing.
GATE_CASES, STEPS, RETURN_S, SYNC_ROWS = (
    "cutover_cases",
    "cutover_steps",
    "cutover_return_s",
    "cutover_sync_rows",
)


def _gate(world: World, params: Params) -> None:
    world.policies[GATE_CASES] = max(1, int(params["cases"]))


def _steps(world: World, params: Params) -> None:
    world.policies[STEPS] = (min(1.0, max(0.01, params["step"])), max(1.0, params["hold_s"]))


def _return(world: World, params: Params) -> None:
    world.policies[RETURN_S] = max(1, int(params["period_s"]))


def _sync(world: World, params: Params) -> None:
    world.policies[SYNC_ROWS] = max(1.0, params["rows_per_s"])


ENTRIES = (
    entry("cutover_gate", "prevent", ("вызовы переводят на новый сервис, только когда записанные случаи на этой версии совпали все", "calls move to the new service only when all recorded cases agree on that version"),
          ("запись случаев идёт минуты до каждого шага", "recording the cases takes minutes before each step"), None, {"cases": 200}, install=_gate),
    entry("gradual_cutover", "mitigate", ("перевод вызовов долями с выдержкой", "calls move by shares, with a pause after each"),
          ("перенос длиннее, оба пути живут дольше", "the move takes longer, and both ways live longer"), None,
          {"step": 0.25, "hold_s": 300}, install=_steps),
    entry("cutover_auto_return", "mitigate", ("автовозврат на старый путь, когда суммы расходятся или падает SLI", "automatic return to the old way when amounts differ or the SLI falls"),
          ("старый путь нельзя убирать, пока перенос не закончен", "the old way cannot be removed before the move is over"), None,
          {"period_s": 30}, install=_return),
    entry("continuous_sync", "mitigate", ("постоянная синхронизация: чего нет в новой таблице, доносится из старой (CDC)", "continuous sync: what the new table lacks is carried over from the old one (CDC)"),
          ("ещё один поток данных; прячет входы, которые обходят фасад", "one more data flow; hides entries that pass the facade by"), None,
          {"rows_per_s": 200}, install=_sync),
)  # fmt: skip
