"""The tables big-company databases hold, as data. How sampled rows are drawn lives in `rows`.

A column line is `name | type and constraints | how a sampled row gets its value`. The makers are
explained in `rows.make`.
"""

from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True)
class ColumnSpec:
    name: str
    definition: str
    maker: str


@dataclass(frozen=True)
class TableSpec:
    """A table: `rows` stand behind `sample` sampled ones that reach back `span_s` seconds.

    `live` tables gain a row for each request of the scenario's main traffic class. `children_of` names
    the table whose sampled rows this one's belong to, `per_parent` to each. `indexes` are
    (name suffix, columns, condition); foreign keys are (column, table). There is none on `payments`:
    hot tables at this size go without, which is also why DROP TABLE meets no resistance.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    rows: int
    row_bytes: int
    sample: int
    span_s: int = 86_400
    live: bool = False
    children_of: str = ""
    per_parent: int = 1
    indexes: tuple[tuple[str, str, str], ...] = ()
    unique: tuple[str, ...] = ()
    foreign_keys: tuple[tuple[str, str], ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    dead_share: float = 0.01
    hot: str = ""  # the column that hot keys stand in, where the scenario has some


def _columns(text: str) -> tuple[ColumnSpec, ...]:
    rows = (tuple(part.strip() for part in line.split("|")) for line in text.strip().splitlines())
    return tuple(ColumnSpec(*row) for row in rows)


_DAY_S = 86_400
_YEAR_S = 365 * _DAY_S

_PAYMENTS = """
id | bigint not null default nextval('payments_id_seq'::regclass) | id
order_id | bigint not null | id 381000000
user_id | bigint not null | ref users
merchant_id | integer not null | ref merchants
amount | numeric(12,2) not null | money 90 24000
currency | character(3) not null default 'RUB'::bpchar | pick RUB:97 KZT:2 BYN:1
status | text not null default 'new'::text | status captured:965 refunded:20 declined:2 authorized:13
method | text not null | pick card:61 sbp:31 wallet:8
psp_ref | text | ref_text psp_
created_at | timestamp with time zone not null default now() | time 0
updated_at | timestamp with time zone not null default now() | time 0.4
"""
_PAYMENT_ITEMS = """
id | bigint not null default nextval('payment_items_id_seq'::regclass) | id
payment_id | bigint not null | parent
sku | text not null | sku
qty | integer not null default 1 | int 1 4
price | numeric(12,2) not null | money 90 9000
"""
_OUTBOX = """
id | bigint not null default nextval('orders_outbox_id_seq'::regclass) | id
aggregate_id | bigint not null | id 90000000
topic | text not null | pick payment.captured:92 payment.refunded:6 payment.declined:2
payload | jsonb not null | payload
created_at | timestamp with time zone not null default now() | time 0
sent_at | timestamp with time zone | time 0.2
"""
_USERS = """
id | bigint not null default nextval('users_id_seq'::regclass) | id
email | text not null | email
phone | text | phone
country | character(2) not null default 'RU'::bpchar | pick RU:93 KZ:5 BY:2
is_blocked | boolean not null default false | flag 0.004
created_at | timestamp with time zone not null default now() | time 0
"""
_KEYS = """
key | uuid not null | uuid
payment_id | bigint | id 72000000
request_hash | text not null | ref_text h
response_code | integer | pick 200:996 402:4
created_at | timestamp with time zone not null default now() | time 0
expires_at | timestamp with time zone not null | time 86400
"""
_MERCHANTS = """
id | integer not null default nextval('merchants_id_seq'::regclass) | id
name | text not null | merchant
category | text not null | pick electronics:20 clothing:35 home:22 food:13 books:10
commission | numeric(5,4) not null default 0.0350 | rate 0.02 0.09
is_active | boolean not null default true | flag 0.97
created_at | timestamp with time zone not null default now() | time 0
"""
_REFUNDS = """
id | bigint not null default nextval('refunds_id_seq'::regclass) | id
payment_id | bigint not null | id 1000000
amount | numeric(12,2) not null | money 90 9000
reason | text | pick customer_request:80 out_of_stock:15 fraud:5
status | text not null default 'new'::text | pick done:97 new:2 failed:1
created_at | timestamp with time zone not null default now() | time 0
"""
_ORDERS = """
id | bigint not null default nextval('orders_id_seq'::regclass) | id
user_id | bigint not null | ref users
status | text not null default 'new'::text | status paid:610 delivered:300 cancelled:60 new:30
total | numeric(12,2) not null | money 190 39000
created_at | timestamp with time zone not null default now() | time 0
updated_at | timestamp with time zone not null default now() | time 3
"""
_ORDER_ITEMS = """
id | bigint not null default nextval('order_items_id_seq'::regclass) | id
order_id | bigint not null | parent
sku | text not null | sku
qty | integer not null default 1 | int 1 4
price | numeric(12,2) not null | money 90 9000
"""
_PRODUCTS = """
id | bigint not null default nextval('products_id_seq'::regclass) | id
sku | text not null | sku
name | text not null | merchant
price | numeric(12,2) not null | money 90 90000
stock | integer not null default 0 | int 0 500
updated_at | timestamp with time zone not null default now() | time 0
"""

_SPECS = (
    TableSpec(
        "payments", _columns(_PAYMENTS), 104_021_733, 148, 260, live=True,
        indexes=(("order_id_idx", "order_id", ""), ("user_id_created_at_idx", "user_id, created_at DESC", ""),
                 ("created_at_idx", "created_at", ""),
                 ("authorized_idx", "created_at", "status = 'authorized'::text")),
        checks=(("payments_amount_check", "amount > 0::numeric"),), dead_share=0.06,
    ),
    TableSpec(
        "payment_items", _columns(_PAYMENT_ITEMS), 0, 92, 0, live=True, children_of="payments", per_parent=2,
        indexes=(("payment_id_idx", "payment_id", ""),),
    ),
    TableSpec(
        "orders_outbox", _columns(_OUTBOX), 3_612_408, 310, 240, span_s=3 * 3600,
        indexes=(("unsent_idx", "id", "sent_at IS NULL"),), dead_share=0.17,
    ),
    TableSpec(
        "users", _columns(_USERS), 12_480_112, 126, 240, span_s=4 * _YEAR_S,
        unique=("email",), indexes=(("phone_idx", "phone", ""),),
    ),
    TableSpec(
        "idempotency_keys", _columns(_KEYS), 31_205_884, 118, 240, span_s=_DAY_S,
        indexes=(("expires_at_idx", "expires_at", ""),), dead_share=0.11,
    ),
    TableSpec("merchants", _columns(_MERCHANTS), 48_210, 140, 160, span_s=6 * _YEAR_S, unique=("name",)),
    TableSpec(
        "refunds", _columns(_REFUNDS), 2_914_377, 104, 160, span_s=60 * _DAY_S,
        indexes=(("payment_id_idx", "payment_id", ""),),
    ),
    TableSpec(
        "orders", _columns(_ORDERS), 100_310_662, 132, 260, span_s=20 * _DAY_S, live=True,
        indexes=(("user_id_created_at_idx", "user_id, created_at DESC", ""), ("status_idx", "status", "")),
        checks=(("orders_total_check", "total >= 0::numeric"),), dead_share=0.08,
    ),
    TableSpec(
        "order_items", _columns(_ORDER_ITEMS), 0, 92, 0, live=True, children_of="orders", per_parent=2,
        indexes=(("order_id_idx", "order_id", ""),),
    ),
    TableSpec(
        "products", _columns(_PRODUCTS), 8_911_204, 190, 200, span_s=30 * _DAY_S, unique=("sku",),
    ),
)  # fmt: skip

WELL_KNOWN = {spec.name: spec for spec in _SPECS}
_PAYMENT_TABLES = (
    "payments", "payment_items", "orders_outbox", "users", "idempotency_keys", "merchants", "refunds",
)  # fmt: skip
BY_DATABASE = {"payments": _PAYMENT_TABLES, "payment": _PAYMENT_TABLES}
DEFAULT_TABLES = ("orders", "order_items", "users", "products", "orders_outbox", "idempotency_keys")

# What a loop over the parent's rows asks for, one query a row: the statement an N+1 release adds.
LOOP_QUERIES = {
    "payment_items": "SELECT sku, qty, price FROM payment_items WHERE payment_id = $1",
    "order_items": "SELECT sku, qty, price FROM order_items WHERE order_id = $1",
}


_GUESSES = (
    (("_at", "_time"), "timestamp with time zone", "time 0"),
    (("amount", "total", "price", "balance", "sum", "cost"), "numeric(12,2)", "money 90 24000"),
    (("qty", "quantity", "count", "stock", "attempts", "version", "shard"), "integer", "int 0 100"),
    (("status", "state"), "text", "pick done:95 new:4 failed:1"),
    (("payload", "data", "body"), "jsonb", "payload"),
    (("rating",), "numeric(3,2)", "rate 3 5"),
    (("id",), "bigint", "id 1000000"),
)


def _guess(column: str) -> str:
    """A column's line from its name."""
    for endings, kind, maker in _GUESSES:
        if column.endswith(endings):
            return f"{column} | {kind} | {maker}"
    return f"{column} | text | ref_text v"


@lru_cache(maxsize=256)
def widened(known: TableSpec, names: tuple[str, ...]) -> TableSpec:
    """A well-known table with the further columns that a scenario's statements name: what they refer to, by name."""
    refer, further, indexes = [], [], []
    for name in names:
        other = WELL_KNOWN.get(name.removesuffix("_id") + "s") if name.endswith("_id") else None
        kind = other.columns[0].definition.split()[0] if other is not None else ""
        if other is not None:
            refer.append(f"{name} | {kind} not null | ref {other.name}")
        else:
            further.append(_guess(name))
        if name.endswith("_id"):
            indexes.append((f"{name}_idx", name, ""))
    at = max(n for n, c in enumerate(known.columns) if c.name == "id" or c.name.endswith("_id")) + 1
    made = [_columns("\n".join(lines)) if lines else () for lines in (refer, further)]
    columns = (*known.columns[:at], *made[0], *known.columns[at:], *made[1])
    return replace(known, columns=columns, indexes=(*known.indexes, *indexes))


@lru_cache(maxsize=256)
def guessed(name: str, columns: tuple[str, ...]) -> TableSpec:
    """A table known only from a scenario's queries: types are guessed from the columns' names."""
    lines = [f"id | bigint not null default nextval('{name}_id_seq'::regclass) | id"]
    lines += [_guess(column) for column in columns if column != "id"]
    foreign = tuple((f"{c}_idx", c, "") for c in columns if c.endswith("_id"))
    return TableSpec(name, _columns("\n".join(lines)), 5_120_390, 120, 160, indexes=foreign)
