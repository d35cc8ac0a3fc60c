"""`openssl`: the certificate of the front door, and its dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.balancer.names import resolve
from simulator.reply import Reply, failure

if TYPE_CHECKING:
    from simulator.world import World

ISSUER = "C = US, O = Let's Encrypt, CN = R11"
VALID = ("Oct 20 08:12:44 2026 GMT", "Jan 18 08:12:43 2027 GMT")


def _certificate(argv: list[str], stdin: str) -> Reply:
    """`openssl x509` of what `s_client` printed: dates, subject, issuer."""
    subject = re.search(r"^ 0 s:(.{1,200})$", stdin, re.MULTILINE)
    if subject is None:
        return failure("Could not read certificate from <stdin>\nUnable to load certificate", 1)
    lines = {"-subject": [f"subject={subject[1]}"], "-issuer": [f"issuer={ISSUER}"],
             "-dates": [f"notBefore={VALID[0]}", f"notAfter={VALID[1]}"],
             "-startdate": [f"notBefore={VALID[0]}"], "-enddate": [f"notAfter={VALID[1]}"]}  # fmt: skip
    return Reply("".join(f"{line}\n" for word in argv for line in lines.get(word, [])))


def run_openssl(world: World, argv: list[str], _stdin: str) -> Reply:
    """`openssl s_client -connect`: the certificate of the front door."""
    if argv[1:2] == ["version"]:
        return Reply("OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)\n")
    if argv[1:2] == ["x509"]:
        return _certificate(argv, _stdin)
    if argv[1:2] != ["s_client"]:
        return failure("openssl: s_client -connect HOST:PORT | x509 -noout -dates | version", 1)
    at = argv.index("-connect") + 1 if "-connect" in argv else len(argv)
    host = argv[at].partition(":")[0] if at < len(argv) else ""
    name = resolve(world, host)
    if name is None:
        return failure(f"{host}: Name or service not known\nconnect:errno=0", 1)
    return Reply(
        f"CONNECTED(00000003)\n---\nCertificate chain\n 0 s:CN = {host}\n   i:{ISSUER}\n   v:NotBefore: {VALID[0]}; NotAfter: {VALID[1]}\n"
        "---\nNew, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\nVerify return code: 0 (ok)\n---\nDONE\n"
    )
