"""What a candidate draws in a notation of their own is read whole: boxes, kinds, settings, words on arrows."""

import pytest

from agent.interview.design import Design, looks_like_design, read_design
from agent.interview.hearing import drawing_and_prose

MERMAID = """```mermaid
flowchart LR
  %% the hot path
  U[Users 20k rps] --> LB[Load balancer]
  LB --> A["Payment API x20 5ms"]
  A -->|read| C[(Redis hit 95%)]
  A -- write --> D[(Orders)]
  A -.-> K[[Events]]
  K --> W{{Mail worker}}
  subgraph DC1
    A & B[Admin] --> D
  end
  subgraph DC2
    D --> R[(Replica)]
  end
  style A fill:#f9f
```"""
SEQUENCE = """sequenceDiagram
  participant A as Order API
  actor U as Buyer
  U->>A: POST /pay
  A->>PostgreSQL: insert
  PostgreSQL-->>A: ok
  A-)Kafka: event
  Note over A: once"""
PLANTUML = """@startuml
component "Order API" as api
database "Orders" as db
queue Kafka
api -down-> db : SQL
api ..> Kafka
Kafka --> [Mail worker]
@enduml"""
DOT = """digraph {
 api [label="Order API", shape=box];
 lb -> api [label="http"];
 api -> db;
 db [shape=cylinder label="Orders"];
}"""
PLAIN = """My idea is this:
клиенты 1000 rps
база 16 ядер
апи x20 4мс -> кэш попаданий 95%
апи ->|запись| база"""


def _read(text: str) -> Design:
    assert looks_like_design(text)
    return read_design(drawing_and_prose(text)[0])


def _edges(text: str) -> list[tuple[str, str, bool, str]]:
    return [(e.source, e.target, e.waits, e.label) for e in _read(text).edges]


def test_a_mermaid_flowchart_keeps_labels_shapes_settings_and_places() -> None:
    design = _read(MERMAID)
    assert design.rps == 20_000 and design.places == 2
    assert design.parts["payment-api"].count == 20 and design.parts["payment-api"].time_ms == 5
    assert {name: part.kind for name, part in design.parts.items()} == {
        "load-balancer": "balancer",
        "payment-api": "service",
        "redis": "cache",
        "orders-db": "store",
        "events-queue": "queue",
        "mail-worker": "worker",
        "admin": "service",
        "replica-db": "store",
    }
    edges = _edges(MERMAID)
    assert ("payment-api", "redis", True, "read") in edges and ("admin", "orders-db", True, "") in edges
    assert ("payment-api", "orders-db", True, "write") in edges
    assert ("payment-api", "events-queue", False, "") in edges


def test_a_sequence_keeps_calls_and_leaves_the_answers_out() -> None:
    assert _edges(SEQUENCE) == [
        ("order-api", "postgresql", True, "insert"),
        ("order-api", "kafka", False, "event"),
    ]


def test_plantuml_and_graphviz_keep_what_boxes_are_called() -> None:
    assert _edges(PLANTUML) == [
        ("order-api", "orders-db", True, "SQL"),
        ("order-api", "kafka", False, ""),
        ("kafka", "mail-worker", False, ""),
    ]
    assert _edges(DOT) == [("lb", "order-api", True, "http"), ("order-api", "orders-db", True, "")]


def test_declarations_of_the_plain_notation_are_no_prose() -> None:
    design = _read(PLAIN)
    assert design.parts["база"].cores == 16 and design.rps == 1000
    assert ("апи", "база", True, "запись") in _edges(PLAIN)
    assert set(design.parts) == {"база", "апи", "кэш"}  # the caption draws no box


@pytest.mark.parametrize(
    "prose",
    [
        "I keep the database simple: one primary, two replicas, and no sharding until it hurts.",
        "Очередь нужна, чтобы пик не положил базу, и я готов платить за это задержкой.",
    ],
)
def test_prose_around_a_drawing_stays_prose(prose: str) -> None:
    notation, said = drawing_and_prose(f"{prose}\n{PLAIN}\n{prose}")
    assert prose.split(maxsplit=1)[0] not in notation and said.count(prose) == 2


def test_a_mistake_is_named_by_the_line_that_was_typed() -> None:
    text = "This is what I would build, and the reasons come after the drawing.\nlb -> api x20\napi -> db cores 9000"
    with pytest.raises(ValueError, match="line 3: db: cores 9000"):
        read_design(drawing_and_prose(text)[0])


def test_stores_in_the_frame_of_one_data_centre_stand_there() -> None:
    frames = (
        "flowchart LR\n A[lb] --> B[api x40 5ms]\n subgraph dc-1\n  C[(orders-db x4)]\n  D[(audit-db x2)]\n end\n"
        " subgraph dc-2\n  E[api-2]\n end\n B --> C\n B --> D\n"
    )
    design = _read(frames)
    assert {p.place for p in design.parts.values() if p.kind == "store"} == {1} and design.places == 2
    assert design.parts["api"].place == 0
    copies = _read(frames.replace("E[api-2]", "E[(copy-db x4)]") + " B --> E\n")
    assert copies.places == 2 and not any(p.place for p in copies.parts.values())
    labelled = _read("flowchart LR\n A[lb] --> B[api]\n B --> C[(orders-db x4 dc2)]")
    assert labelled.parts["orders-db"].place == 2
