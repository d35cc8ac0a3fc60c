"""The vocabulary of generated code: what a marketplace's modules are about. Data only."""

NOUNS: dict[str, tuple[str, ...]] = {
    "orders": ("Order", "OrderLine", "Checkout", "Delivery", "Return", "Pickup", "Reservation", "Basket"),
    "billing": (
        "Invoice",
        "Tax",
        "Rounding",
        "Ledger",
        "CreditNote",
        "Account",
        "Statement",
        "Payout",
        "Receipt",
    ),
    "catalog": ("Product", "Category", "Brand", "Attribute", "Media", "Review", "Price", "Offer"),
    "customers": ("Customer", "Address", "Consent", "Segment", "Loyalty", "Session", "Contact"),
    "promo": ("Coupon", "Campaign", "Bonus", "Gift", "Referral", "Discount", "Banner"),
    "shipping": ("Shipment", "Carrier", "Route", "Parcel", "Depot", "Label", "Tariff", "Slot"),
    "reports": ("Report", "Closing", "Extract", "Dashboard", "Metric", "Archive", "Export"),
    "admin": ("User", "Role", "Audit", "Ticket", "Macro", "Console", "Approval"),
    "core": ("Money", "Clock", "Locale", "Config", "Cache", "Text", "Retry", "Lock", "Event"),
}
KINDS: tuple[str, ...] = (
    "Service", "Dao", "Controller", "Validator", "Mapper", "Helper", "Job", "Factory", "Listener", "Manager",
)  # fmt: skip
VERBS: tuple[str, ...] = (
    "find", "load", "save", "update", "apply", "check", "collect", "resolve", "merge", "close", "open", "send",
    "prepare", "validate", "convert", "recalculate", "assign", "release", "archive", "notify", "sync", "split",
)  # fmt: skip
TAILS: tuple[str, ...] = (
    "", "ById", "ForUser", "Batch", "Quietly", "WithLock", "Legacy", "Internal", "Details", "State", "Totals", "Since",
)  # fmt: skip
LOCALS: tuple[str, ...] = ("result", "rows", "state", "total", "items", "current", "buffer", "stamp", "limit")
GUARDS: tuple[str, ...] = (
    "if ({0} == null) {{ return null; }}",
    'if ({0} == null) {{ throw new IllegalStateException("{1}"); }}',
    "if (config.isEnabled(\"{1}.{0}\")) {{ LOG.debug(\"{0}={{}}\", {0}); }}",
    "synchronized (LOCK) {{ counter++; }}",
)  # fmt: skip
REMARKS: tuple[str, ...] = (
    "// do not touch: the month-end depends on it",
    "// copied from the old site, see ticket 4411",
    "// 2014: goes away with the migration",
    "// null means the default warehouse",
    "// the order of these two lines matters",
    "// rounding: ask accounting before changing",
)
