#!/usr/bin/env python3
"""Writes the run directory of the starter model's SFT run; docs/run-directory.md describes what is in one.

    make_run.py --model INITIAL_FOLDER --train train.jsonl --eval eval.jsonl --out RUN [--threads N]
"""

import argparse
import json
import os
import shutil

# A fixed id and date: the run is the same whenever it is made.
RUN = {
    "format": 1,
    "id": "01900000-0000-7000-8000-000000000001",
    "name": "Starter model",
    "created": "2024-06-01T00:00:00Z",
    "method": "sft",
    "hyperparameters": {
        "learning_rate": 3e-3, "lr_scheduler_type": "cosine", "warmup_steps": 50, "batch_size": 32,
        "num_train_epochs": 1, "max_grad_norm": 1.0, "adam_beta2": 0.98, "max_length": 256, "eval_steps": 250,
        "eval_samples": 8,
    },
    "sampling": {"samples": 1, "temperature": 1.0, "max_new_tokens": 128, "seed": 1},
    "device": "cpu",
    "dtype": "float32",
    "seed": 1,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "train", "eval", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    arguments = parser.parse_args()
    for folder in ("dataset", "requests"):
        os.makedirs(os.path.join(arguments.out, folder))
    shutil.copy(arguments.train, os.path.join(arguments.out, "dataset", "train.jsonl"))
    shutil.copy(arguments.eval, os.path.join(arguments.out, "dataset", "eval.jsonl"))
    run = dict(RUN, model=os.path.abspath(arguments.model), threads=arguments.threads)
    for name, data in (("run.json", run), ("status.json", {"state": "queued"})):
        with open(os.path.join(arguments.out, name), "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
