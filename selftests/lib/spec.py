#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# usage: spec.py SPECIFICATION.yaml >TABLE.h
#
# A netlink family's commands and attributes as a C table of the types of spec.h. The
# numbers are the names of the family's header, so that the compiler checks them.

import sys

import yaml

# What spec.h has a kind for; the rest is octets.
KINDS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "s32": 4, "flag": 0, "nest": 0, "pad": 0}


def upper(name):
    return name.upper().replace("-", "_")


def lower(name):
    return name.replace("-", "_")


def number(value, constants):
    return constants.get(value, value)


def attribute(spec, set_name, item, constants):
    checks = item.get("checks", {})
    kind = item["type"] if item["type"] in KINDS else "binary"
    fields = {
        "name": f'"{item["name"]}"',
        "type": f"{upper(spec['name'])}_A_{upper(set_name)}_{upper(item['name'])}",
        "kind": f"SPEC_{upper('u32' if kind == 's32' else kind)}",
        "len": number(checks.get("exact-len", KINDS.get(kind, 0)), constants),
        "min": f"{number(checks.get('min', 0), constants)}u",
        "max": f"{number(checks.get('max', 2 ** (8 * KINDS.get(kind, 0)) - 1), constants)}u",
    }
    if kind == "u64":
        fields["max"] = "UINT64_MAX"
    if item.get("byte-order") == "big-endian":
        fields["big_endian"] = "true"
    if kind == "nest":
        fields["nested"] = f"&spec_{lower(item['nested-attributes'])}"
    return ", ".join(f".{key} = {value}" for key, value in fields.items())


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        spec = yaml.safe_load(source)
    constants = {d["name"]: d["value"] for d in spec["definitions"] if d["type"] == "const"}
    sets = {item["name"]: item["attributes"] for item in spec["attribute-sets"]}
    # A subset's attributes are those of the set that it is of, and have their numbers.
    whole = {item["name"]: item.get("subset-of", item["name"]) for item in spec["attribute-sets"]}
    for name, of in whole.items():
        if of != name:
            names = [item["name"] for item in sets[name]]
            sets[name] = [item for item in sets[of] if item["name"] in names]

    print("/* Made by lib/spec.py from the family's specification. */")
    for name in sets:
        print(f"static const struct spec_set spec_{lower(name)};")
    for name, attributes in sets.items():
        print(f"\nstatic const struct spec_attribute spec_{lower(name)}_attributes[] = {{")
        for item in attributes:
            print(f"\t{{ {attribute(spec, whole[name], item, constants)} }},")
        print(f"}};\n\nstatic const struct spec_set spec_{lower(name)} = {{")
        print(f"\tspec_{lower(name)}_attributes, {len(attributes)},\n}};")
    print("\nstatic const struct spec_operation spec_operations[] = {")
    for item in spec["operations"]["list"]:
        if "do" not in item:
            continue
        places = [[a["name"] for a in sets[item["attribute-set"]]].index(wanted)
                  for wanted in item["do"]["request"]["attributes"]]
        print(f'\t{{ "{item["name"]}", {upper(spec["name"])}_CMD_{upper(item["name"])}, '
              f'&spec_{lower(item["attribute-set"])},\n\t  {"true" if "dump" in item else "false"}, '
              f'{len(places)}, {{ {", ".join(map(str, places))} }} }},')
    print("};")


main()
