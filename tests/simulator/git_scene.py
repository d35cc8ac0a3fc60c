"""A repository with what real ones have: several files, a deletion, two hunks in a file, an empty body."""

from datetime import UTC, datetime

from simulator.scenario import Commit, Repository

FIRST = """\
--- /dev/null
+++ b/src/pay/Service.kt
@@ -0,0 +1,22 @@
+package pay
+
+class Service(
+    private val rows: Rows,
+    private val risk: Risk,
+) {
+
+    fun pay(id: Long): Receipt {
+        if (risk.declined(id)) return Receipt.declined(id)
+        val payment = rows.withItems(id)
+        return Receipt.of(payment)
+    }
+
+    fun cancel(id: Long) {
+        rows.delete(id)
+    }
+
+    fun status(id: Long): String {
+        val payment = rows.find(id)
+        return payment.status
+    }
+}
--- /dev/null
+++ b/conf/app.yml
@@ -0,0 +1,3 @@
+pool: 50
+timeout: 1s
+debug: true
--- /dev/null
+++ b/README.md
@@ -0,0 +1,2 @@
+# pay
+Old text.
"""
SECOND = """\
--- a/conf/app.yml
+++ b/conf/app.yml
@@ -2,2 +2,2 @@
-timeout: 1s
-debug: true
+timeout: 400ms
+bulkhead: 25
--- a/README.md
+++ /dev/null
@@ -1,2 +0,0 @@
-# pay
-Old text.
"""
THIRD = """\
--- a/src/pay/Service.kt
+++ b/src/pay/Service.kt
@@ -10,2 +10,4 @@
-        val payment = rows.withItems(id)
-        return Receipt.of(payment)
+        val payment = rows.find(id)
+        return Receipt.of(payment, payment.items.map {
+            rows.item(it)
+        })
@@ -19 +21 @@
-        val payment = rows.find(id)
+        val payment = rows.find(id) ?: return "unknown"
--- /dev/null
+++ b/db/V2__items.sql
@@ -0,0 +1 @@
+CREATE INDEX items_payment ON items (payment_id);
"""


def _commit(
    hash_: str,
    who: str,
    when: tuple[int, ...],
    subject: str,
    diff: str,
    tag: str | None = None,
    body: str = "",
) -> Commit:
    date = datetime(*when, tzinfo=UTC)  # type: ignore[misc, arg-type]
    author = f"{who} <{who}@shop.example>"
    return Commit(hash=hash_, author=author, date=date, subject=subject, diff=diff, tag=tag, body=body)


REPOSITORY = Repository(
    name="pay",
    commits=[
        _commit("1f0a2b3c", "pay-dev", (2026, 10, 5, 8, 1, 2), "Pay, cancel, status", FIRST),
        _commit("5c6d7e8f", "ops", (2026, 11, 3, 17, 45, 0), "Bulkhead 25", SECOND, "v1.0", "After the incident."),
        _commit("9a8b7c6d", "pay-dev", (2026, 11, 19, 12, 0, 9), "Faster queries", THIRD, "v1.1", "No join.\nItems one by one."),
    ],
)  # fmt: skip
