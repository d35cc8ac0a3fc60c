"""Objects that are no listings in the formats of -o: yaml, json, name, templates."""

from __future__ import annotations

import json
from typing import Any

from simulator.kubernetes import jsonpath
from simulator.kubernetes.parse import Refused
from simulator.kubernetes.yamltext import dump
from simulator.reply import Reply
from simulator.shell import gotemplate

FORMATS = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml"


def formatted(root: dict[str, Any], output: str) -> Reply:
    """One object in the format of an -o. Raises Refused for a format that there is not."""
    kind, equals, argument = output.partition("=")
    if kind not in FORMATS.split(",") or (equals and kind in ("json", "yaml", "name")):
        raise Refused(
            f'error: unable to match a printer suitable for the output format "{output[:80]}", allowed formats are: {FORMATS}'
        )
    if kind == "yaml":
        return Reply(dump(root))
    if kind == "json":
        return Reply(json.dumps(root, indent=4, ensure_ascii=False, sort_keys=True) + "\n")
    if kind == "name":
        return Reply(f"{root['kind'].lower()}/{root.get('metadata', {}).get('name', '')}\n")
    if kind.endswith("file"):
        raise Refused(
            f"error: error reading {argument[:200]}, open {argument[:200]}: no such file or directory"
        )
    if not argument:
        raise Refused("error: template format specified but no template given")
    return Reply(templated(kind, argument, root))


def templated(kind: str, template: str, root: Any) -> str:
    """What a template makes of an object. Raises Refused."""
    try:
        if kind in ("go-template", "template"):
            return gotemplate.render(template, root)
        if kind == "jsonpath-as-json":
            values = jsonpath.select(jsonpath.path_tokens(jsonpath.relaxed(template)), [root])
            return json.dumps(values, indent=4, ensure_ascii=False, sort_keys=True) + "\n"
        return jsonpath.evaluate(template, root)
    except gotemplate.TemplateError as error:
        raise Refused(
            f"error: error parsing template {template[:200]}, template: output:1: {error}"
        ) from None
    except jsonpath.PathError as error:
        raise Refused(jsonpath.failure(template, error, root)) from None
