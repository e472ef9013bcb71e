#!/usr/bin/env python3
"""Runs `prefbench-cli demo` for seeds 1..N and prints the results as a markdown table (standard output).

Exit status 1 unless at least nine runs in ten have an accuracy of 0.75 or more on held-out prompts and a 95 % interval
of the rule's score difference wholly above 0.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ACCURACY = 0.75
SHARE = 0.9


def run_demo(cli, folder, seed, pairs):
    command = [cli, "demo", str(folder), "--seed", str(seed)]
    if pairs:
        command += ["--pairs", str(pairs)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"seed {seed}: {' '.join(command)} ended with status {finished.returncode}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def passes(result):
    return result["eval_accuracy"] >= ACCURACY and result["rule_score_difference_ci95"][0] > 0


def row(seed, result):
    low, high = result["rule_score_difference_ci95"]
    return (f"| {seed} | {result['pairs']} | {result['steps']} | {result['eval_loss']:.3f} | {result['eval_accuracy']:.3f} "
            f"| {result['eval_margin']:.2f} | {result['rule_score_before']:+.3f} | {result['rule_score_after']:+.3f} "
            f"| {low:+.3f} to {high:+.3f} | {result['seconds']['total']:.0f} | {'yes' if passes(result) else 'no'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--cli", default=str(root / "build/bin/prefbench-cli"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--keep", help="folder to keep the projects in (default: a temporary one)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        results = {}
        print("| seed | pairs | steps | eval loss | eval accuracy | eval margin | score before | score after "
              "| difference, 95 % | seconds | passes |")
        print("|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|---|")
        for seed in range(1, options.seeds + 1):
            results[seed] = run_demo(options.cli, folder / f"seed-{seed}", seed, options.pairs)
            print(row(seed, results[seed]), flush=True)
    passed = sum(passes(result) for result in results.values())
    print(f"\n{passed} of {len(results)} pass: accuracy ≥ {ACCURACY} and interval above 0.")
    return 0 if passed >= SHARE * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
