"""A read-mostly Kubernetes API over one of our worlds, so that the real kubectl can be its judge.

Serves discovery, lists, single objects, tables (the columns are the server's, the layout is kubectl's), metrics and
access reviews; patches and deletions hold for one command. kubectl reads the machine's clock, so all time stamps are
moved by `shift_s` and moved back in what it prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.kubernetes import access, metrics, selectors, tables
from simulator.kubernetes.layout import stamp
from simulator.kubernetes.objects import as_object
from simulator.kubernetes.parse import Refused
from simulator.kubernetes.patching import merge
from simulator.kubernetes.resources import TYPES, Item, ResourceType, items

Json = dict[str, Any]
STAMP = re.compile(
    r"\b((?!2006-01-02T15)20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?=Z|\.\d+Z)"
)  # not Go's own example
LONG = re.compile(r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d \+0000")
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
CATEGORY = "pods replicationcontrollers services daemonsets deployments replicasets statefulsets".split()
CATEGORY += ["horizontalpodautoscalers", "cronjobs", "jobs"]
REASONS = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists", 422: "Invalid"}
SCALED = ("deployments", "replicasets", "statefulsets", "replicationcontrollers")
OMITTED = re.compile(r"^metadata\.uid|^involvedObject\.(uid|apiVersion)")


def moved(text: str, by_s: float) -> str:
    """A text with all its time stamps moved."""

    def short(found: re.Match[str]) -> str:
        return f"{datetime.fromisoformat(found[1]) + timedelta(seconds=by_s):%Y-%m-%dT%H:%M:%S}"

    def long(found: re.Match[str]) -> str:
        when = datetime.strptime(found[0], "%a, %d %b %Y %H:%M:%S +0000") + timedelta(seconds=by_s)
        return f"{when:%a, %d %b %Y %H:%M:%S} +0000"

    return LONG.sub(long, STAMP.sub(short, text))


class Problem(Exception):
    """What the server refuses, with the status object that says so."""

    def __init__(self, code: int, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details or {}

    def status(self) -> Json:
        head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        reason = REASONS.get(self.code, "InternalError")
        return {**head, "message": self.message, "reason": reason, "details": self.details, "code": self.code}


class Api:
    """One world behind paths. `deleted` and `patched` hold what the command in progress has changed."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.begin(0.0)

    def begin(self, shift_s: float) -> None:
        """A fresh world for the next command."""
        self.world, self.shift_s = self.make(), shift_s
        self.deleted: set[tuple[str, str]] = set()
        self.patched: dict[tuple[str, str], Json] = {}

    def answer(self, method: str, target: str, accept: str, kind: str, body: bytes) -> tuple[int, Any]:
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            return self._routed(method, url.path.rstrip("/"), query, accept, kind, body)
        except Problem as problem:
            return problem.code, problem.status()
        except Refused as problem:
            text = re.sub(
                r'^(error|Error from server \(\w+\)): (Unable to find "[^"]*" that match label selector "[^"]*", field selector "[^"]*": )?',
                "",
                problem.message,
            )
            return 403 if "orbidden" in problem.message else 400, Problem(
                403 if "orbidden" in problem.message else 400, text
            ).status()

    def _routed(
        self, method: str, path: str, query: Json, accept: str, kind: str, body: bytes
    ) -> tuple[int, Any]:
        fixed = self._about(path)
        if fixed is not None:
            return 200, fixed
        if "/authorization.k8s.io/" in path or "/authentication.k8s.io/" in path:
            return 201, self._review(path, body)
        if path.startswith(metrics.ROOT):
            return 200, self._metrics(path, query)
        found = re.match(
            r"/(?:api/(v1)|apis/([^/]+/[^/]+))(?:/namespaces/([^/]+)(?=/))?/([^/]+)(?:/([^/]+))?(?:/([^/]+))?$",
            path,
        )
        plural = found[4] if found else ""
        version = (found[1] or found[2]) if found else ""
        if found is None or plural not in TYPES or TYPES[plural].api_version != version:
            raise Problem(404, "the server could not find the requested resource")
        spec, namespace, name, part = TYPES[plural], found[3], found[5], found[6]
        if method == "POST":
            raise self._forbidden("create", spec, "", namespace or "")
        if name is None:
            return 200, self._listed(spec, namespace, query, accept)
        return self._one(method, spec, namespace or "", name, part, accept, kind, body)

    def _about(self, path: str) -> Json | None:
        """Discovery, version, health."""
        groups = sorted({"metrics.k8s.io", *(each.group for each in TYPES.values() if each.group)})
        if path == "/version":
            return {"major": "1", "minor": "32", "gitVersion": "v1.32.4", "platform": "linux/amd64"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [self._group(g) for g in groups]}
        inner = path.removeprefix("/apis/") if path.startswith("/apis/") else path.removeprefix("/api/")
        own = [each for each in TYPES.values() if each.api_version == inner]
        if inner != path and inner == "metrics.k8s.io/v1beta1":
            verbs = ["get", "list"]
            rows = [
                {"name": name, "singularName": "", "namespaced": name == "pods", "kind": kind, "verbs": verbs}
                for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
            ]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": inner, "resources": rows}
        if inner == path or not own:
            return None
        rows: list[Json] = []
        for each in own:
            row = {"name": each.plural, "singularName": each.singular, "namespaced": each.namespaced}
            row |= {"kind": each.kind, "verbs": VERBS, "shortNames": list(each.shorts)}
            rows.append(row | ({"categories": ["all"]} if each.plural in CATEGORY else {}))
            if each.plural in SCALED:
                scale = {
                    "name": each.plural + "/scale",
                    "singularName": "",
                    "namespaced": True,
                    "kind": "Scale",
                }
                rows.append(
                    {**scale, "group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]}
                )
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": inner, "resources": rows}

    def _group(self, name: str) -> Json:
        version = next((each.version for each in TYPES.values() if each.group == name), "v1beta1")
        named = {"groupVersion": f"{name}/{version}", "version": version}
        return {"name": name, "versions": [named], "preferredVersion": named}

    def _review(self, path: str, body: bytes) -> Json:
        """Access reviews, which kubectl sends as protocol buffers."""
        status: Json = {}
        version, _, plural = path.removeprefix("/apis/").rpartition("/")
        if plural == "selfsubjectaccessreviews":
            raw = _fields(_fields(body[4:]).get(2, b""))  # the magic number, the wrapper, the object
            asked = _fields(_fields(raw.get(2, b"")).get(1, b""))
            verb, resource = asked.get(2, b"").decode(), asked.get(5, b"").decode()
            kind = TYPES.get(resource)
            allowed = verb in access.READS if kind is None else access.may(verb, kind)
            status = {"allowed": allowed and resource != "*"}
        elif plural == "selfsubjectreviews":
            status = {"userInfo": {"username": access.USER, "groups": ["oncall", "system:authenticated"]}}
        kinds = {
            "selfsubjectaccessreviews": "SelfSubjectAccessReview",
            "selfsubjectreviews": "SelfSubjectReview",
        }
        return {"kind": kinds.get(plural, "SelfSubjectRulesReview"), "apiVersion": version, "status": status}

    def _metrics(self, path: str, query: Json) -> Json:
        single = re.match(r"(.*/(?:pods|nodes))/([^/]+)$", path)
        page = metrics.page(self.world, single[1] if single else path)
        rows = page["items"] if page else []
        if single:
            rows = [row for row in rows if row["metadata"]["name"] == single[2]]
            if not rows:
                plural = single[1].rpartition("/")[2]
                raise Problem(404, f'{plural} "{single[2]}" not found')
            kind = "PodMetrics" if single[1].endswith("pods") else "NodeMetrics"
            return {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", **rows[0]}
        terms = selectors.label_terms(query.get("labelSelector", ""))
        kept = [row for row in rows if selectors.matches(terms, row["metadata"].get("labels", {}))]
        return {**(page or {}), "items": kept}

    def _listed(self, spec: ResourceType, namespace: str | None, query: Json, accept: str) -> Json:
        found = self._selected(spec, namespace, query)
        if query.get("watch"):
            events = [{"type": "ADDED", "object": self._object(item)} for item in found]
            return {"events": events}
        if "as=Table" in accept:
            return self._table(spec, found, query.get("includeObject", "Metadata"))
        rows = [self._object(item) for item in found]
        meta = {"resourceVersion": "48120000"}
        return {"kind": spec.kind + "List", "apiVersion": spec.api_version, "metadata": meta, "items": rows}

    def _selected(self, spec: ResourceType, namespace: str | None, query: Json) -> list[Item]:
        raw = ",".join(t for t in query.get("fieldSelector", "").split(",") if t and not OMITTED.match(t))
        terms, fields = selectors.server_terms(spec, query.get("labelSelector", ""), raw)
        found = []
        for item in items(self.world, spec, namespace):
            gone = (spec.plural, item.name) in self.deleted
            if gone or not selectors.matches(terms, item.labels):
                continue
            if not fields or selectors.fields_match(fields, _Reader(self._object(item))):
                found.append(item)
        return found

    def _object(self, item: Item) -> Json:
        return self.patched.get((item.type.plural, item.name)) or as_object(self.world, item)

    def _table(self, spec: ResourceType, found: list[Item], include: str) -> Json:
        short, wide = tables.header(spec.plural, False), tables.header(spec.plural, True)
        columns = [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "NAME" else "",
                "description": "",
                "priority": int(name not in short),
            }
            for name in wide
        ]
        rows = []
        for item in found:
            whole = self._object(item)
            part = {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": whole["metadata"],
            }
            rows.append(
                {
                    "cells": tables.row(self.world, item, True),
                    "object": whole if include == "Object" else part,
                }
            )
        head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "48120000"}}
        return {**head, "columnDefinitions": columns, "rows": rows}

    def _forbidden(self, verb: str, spec: ResourceType, name: str, namespace: str) -> Problem:
        text = access.forbidden(verb, spec, name, namespace).message
        return Problem(403, text.partition("(Forbidden): ")[2], {"name": name, "kind": spec.plural})

    def _one(
        self,
        method: str,
        spec: ResourceType,
        namespace: str,
        name: str,
        part: str | None,
        accept: str,
        kind: str,
        body: bytes,
    ) -> tuple[int, Any]:
        found = [item for item in items(self.world, spec, namespace or None) if item.name == name]
        if spec.plural == "leases" and name in self.world.kubernetes.nodes:
            renewed = stamp(self.world.at(self.world.now_s)).replace("Z", ".000000Z")
            return 200, {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": name}, "spec": {"holderIdentity": name, "renewTime": renewed}}  # fmt: skip
        if not found or (spec.plural, name) in self.deleted:
            where = {"name": name, "group": spec.group, "kind": spec.plural}
            raise Problem(404, f'{spec.qualified} "{name}" not found', where)
        item = found[0]
        if part == "log":
            return 200, "one\ntwo\n"
        if part == "scale" and spec.plural not in SCALED:
            raise Problem(404, "the server could not find the requested resource")
        verb = {"GET": "get", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}[method]
        if not access.may(verb, spec):
            raise self._forbidden(verb, spec, name, namespace)
        if method == "DELETE":
            self.deleted.add((spec.plural, name))
            return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        if part == "scale":
            return 200, self._scaled(item, method, body)
        whole = self._object(item)
        if method != "GET":
            sent = _sent(body)
            if isinstance(sent, list):
                whole = _operated(deepcopy(whole), sent)
            else:
                whole = merge(deepcopy(whole), sent, "strategic" in kind) if method == "PATCH" else sent
            self.patched[spec.plural, name] = whole
        if method == "GET" and "as=Table" in accept:
            return 200, self._table(spec, [item], "Object" if "Object" in accept else "Metadata")
        return 200, whole

    def _scaled(self, item: Item, method: str, body: bytes) -> Json:
        whole = deepcopy(self._object(item))
        if method != "GET":
            whole["spec"]["replicas"] = _sent(body).get("spec", {}).get("replicas", 0)
            self.patched[item.type.plural, item.name] = whole
        meta = {key: whole["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
        number = whole["spec"]["replicas"]
        head = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta}
        return {**head, "spec": {"replicas": number}, "status": {"replicas": number}}


def _operated(whole: Json, operations: list[Json]) -> Json:
    """The operations of a JSON patch that kubectl sends of its own: replace, add, remove."""
    for each in operations:
        *way, last = [word.replace("~1", "/").replace("~0", "~") for word in each["path"].split("/")[1:]]
        node: Any = whole
        for word in way:
            node = node[int(word)] if isinstance(node, list) else node.setdefault(word, {})
        if each["op"] == "remove":
            node.pop(last, None)
        else:
            node[last] = each["value"]
    return whole


def _fields(data: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a protocol buffer's message; of repeated ones the last."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        value, at = _number(data, at)
        if tag & 7 == 2:
            found[tag >> 3] = data[at : at + value]
            at += value
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _sent(body: bytes) -> Any:
    """What a client has sent; the recorder asks for JSON, and DELETE may have no body."""
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Problem(415, "the body of the request was in an unknown format") from None


class _Reader:
    def __init__(self, root: Json) -> None:
        self.root = root

    def __call__(self, path: str) -> str:
        node: Any = self.root
        for name in path.split("."):
            node = node.get(name, "") if isinstance(node, dict) else ""
        return str(node)


def serve(api: Api) -> ThreadingHTTPServer:
    """A server on a free port of the loopback interface; the caller runs and closes it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size) if size else b""
            accept, kind = self.headers.get("Accept", ""), self.headers.get("Content-Type", "")
            code, answer = api.answer(self.command, self.path, accept, kind, body)
            events = answer.get("events") if isinstance(answer, dict) else None
            if events is not None:
                text = "".join(json.dumps(event) + "\n" for event in events)
            else:
                text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
            data = moved(text, api.shift_s).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the recorder's terminal."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
