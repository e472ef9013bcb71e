"""Does `datasets` load an exported file as preference pairs?

usage: check_dataset.py FILE.jsonl SOURCE.jsonl

FILE must hold the pairs of SOURCE, in any order, as columns prompt, chosen and rejected of text.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets  # noqa: E402

COLUMNS = ("prompt", "chosen", "rejected")


def main():
    file, source = sys.argv[1:]
    loaded = datasets.load_dataset("json", data_files=file, split="train")
    types = {name: loaded.features[name].dtype for name in COLUMNS}
    if not all(type.endswith("string") for type in types.values()):
        print(f"columns are {types}", file=sys.stderr)
        return 1
    found = sorted(tuple(row[name] for name in COLUMNS) for row in loaded)
    with open(source, encoding="utf-8") as lines:
        expected = sorted(tuple(json.loads(line)[name] for name in COLUMNS) for line in lines)
    if found != expected:
        print(f"{len(found)} pairs, not the {len(expected)} of {source}", file=sys.stderr)
        return 1
    print(f"{len(found)} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
