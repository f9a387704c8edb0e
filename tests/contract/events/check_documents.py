#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program writes is what docs/events promises: every sample validates, every field is
described, topics, types, keys and headers are those of the AsyncAPI document.

  check_documents.py PRINT_SAMPLES DOCS_EVENTS
"""

import json
import subprocess
import sys
from pathlib import Path

try:
    import jsonschema
    import yaml
except ImportError as missing:
    sys.exit(f"{missing}: apt-get install python3-jsonschema python3-yaml")

failures = []


def check(holds, text):
    if not holds:
        failures.append(text)


def load_schemas(docs):
    schemas = {}
    for path in sorted((docs / "schema").glob("*.json")):
        schema = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[schema["$id"]] = schema
        check(path.name == schema["$id"].split(":")[3] + ".v1.json", f"{path.name}: $id is {schema['$id']}")
    return schemas


def check_described(value, schema, where):
    """Every member is in the schema, in the schema's order; nothing is left out."""
    if not isinstance(value, dict):
        return
    check(list(value) == list(schema["properties"]), f"{where}: fields {sorted(set(value) ^ set(schema['properties']))} "
          "differ, or their order")
    for name, member in value.items():
        part = schema["properties"].get(name, {})
        if "description" not in part:
            failures.append(f"{where}.{name}: has no description")
        if isinstance(member, dict):
            check_described(member, part, f"{where}.{name}")


def check_record(record, schemas, channels, asyncapi):
    value, headers = record["value"], record["headers"]
    where = f"record {value['node_seq']} of {record['topic']}"
    schema = schemas.get(headers["ce_dataschema"])
    check(schema is not None, f"{where}: no schema {headers['ce_dataschema']}")
    if schema is None:
        return
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        failures.append(f"{where}: {error.json_path}: {error.message}")
    check_described(value, schema, where)
    channel = channels.get(record["topic"])
    check(channel is not None, f"{where}: topic isn't in the AsyncAPI document")
    if channel is not None:
        message = asyncapi["components"]["messages"][channel]
        check(message["name"] == headers["ce_type"], f"{where}: ce_type {headers['ce_type']}")
        check(message["payload"]["schema"]["$ref"] == f"schema/{headers['ce_dataschema'].split(':')[3]}.v1.json",
              f"{where}: another schema in the AsyncAPI document")
    promised = asyncapi["components"]["schemas"]["headers"]
    check(sorted(headers) == sorted(promised["required"]), f"{where}: headers {sorted(headers)}")
    for error in jsonschema.Draft202012Validator(promised).iter_errors(headers):
        failures.append(f"{where}: header {error.json_path}: {error.message}")
    check(headers["ce_id"] == value["event_id"], f"{where}: ce_id isn't event_id")
    check(headers["node_seq"] == str(value["node_seq"]), f"{where}: node_seq differs")
    check(headers["node_epoch"] == str(value["node_epoch"]), f"{where}: node_epoch differs")
    key = "registration_id" if "registration_id" in value else "contact_id"
    check(value[key] in (record["key"], None), f"{where}: key isn't {key}")


def check_values(records, schemas):
    """The program writes every value that the schemas list: none is a leftover."""
    for schema in schemas.values():
        mine = [record["value"] for record in records if record["headers"]["ce_dataschema"] == schema["$id"]]
        for name, part in schema["properties"].items():
            if "enum" in part and schema["title"] != "Contact record":
                unused = set(part["enum"]) - {value[name] for value in mine}
                check(not unused, f"{schema['$id']}: {name} lists {unused}, which the program never writes")


def main():
    docs = Path(sys.argv[2])
    output = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")
    records = [json.loads(line) for line in output.splitlines()]
    schemas = load_schemas(docs)
    asyncapi = yaml.safe_load((docs / "asyncapi.yaml").read_text())
    check(asyncapi["asyncapi"] == "3.0.0", "asyncapi.yaml isn't AsyncAPI 3.0.0")
    channels = {channel["address"]: name for name, channel in asyncapi["channels"].items()}
    for record in records:
        check_record(record, schemas, channels, asyncapi)
    topics = {record["topic"] for record in records}
    check(topics == set(channels), f"topics of the program and the document differ: {topics ^ set(channels)}")
    check_values(records, schemas)
    text = (docs / "events.md").read_text()
    for topic in topics:
        check(topic in text, f"events.md doesn't name {topic}")
    # A schema that accepts anything would prove nothing.
    for record in records[:1]:
        broken = dict(record["value"], node_seq="1")
        schema = schemas[record["headers"]["ce_dataschema"]]
        check(not jsonschema.Draft202012Validator(schema).is_valid(broken), "the schema accepts a text as node_seq")
    for failure in failures:
        print(f"not ok - {failure}")
    print(f"{len(records)} records against {len(schemas)} schemas, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
