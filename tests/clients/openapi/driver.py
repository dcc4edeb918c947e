"""Checks /openapi.json by openapi-spec-validator, and requests with their answers against it.

driver.py DOCUMENT EXCHANGES: prints a line for each exchange that the document does not permit, and for each
operation with a type of its own that no exchange is about.
"""

import json
import sys
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator


def problems(document, schema, value):
    # References in the schema are from the root of the document.
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def resolved(document, value):
    while "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


def check(document, exchange):
    operation = document["paths"][exchange["path"]][exchange["method"].lower()]
    responses, status = operation["responses"], str(exchange["status"])
    response = responses.get(status)
    if response is None and status.startswith("2"):
        response = responses.get("2XX")
    if response is None:
        if status.startswith("2"):
            return [f"status {status} is not described"]
        response = responses["default"]
    found = []
    is_refused = not status.startswith("2")
    content = resolved(document, response).get("content")
    if content:
        media_type = exchange["media_type"].split(";")[0]
        if media_type not in content:
            return [f"{media_type} is not one of {list(content)}"]
        answer = json.loads(exchange["answer"]) if media_type.endswith("json") else exchange["answer"]
        found += problems(document, content[media_type]["schema"], answer)
    elif exchange["answer"] and not is_refused:
        found.append("the answer has a body, which is not described")
    if exchange["request"] is not None and not is_refused:
        content, request = operation["requestBody"]["content"], exchange["request"]
        if exchange["request_type"] == "application/x-www-form-urlencoded":
            request = dict(parse_qsl(request, strict_parsing=True))
        body = content.get(exchange["request_type"]) or content.get("*/*")
        if body is None:
            return [f"a request of {exchange['request_type']} is not described"]
        found += problems(document, body["schema"], request)
    return found


def is_typed(operation):
    contents = [operation["responses"].get("200", {}).get("content", {}), operation.get("requestBody", {}).get("content", {})]
    return any(media["schema"] for content in contents for media in content.values())


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        exchanges = json.load(file)
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        print("invalid:", list(error.absolute_path), error.message[:200])
    done = set()
    for exchange in exchanges:
        name = f"{exchange['method']} {exchange['path']}"
        for problem in check(document, exchange):
            print(f"{name} {exchange['status']}: {problem}")
        if 200 <= exchange["status"] < 300:
            done.add(name)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if is_typed(operation) and f"{method.upper()} {path}" not in done:
                print(f"{method.upper()} {path}: not tried")


main()
