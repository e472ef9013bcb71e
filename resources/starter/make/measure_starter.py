#!/usr/bin/env python3
"""Measures the starter model: how its reviews vary, how many are copies, and what the rule says of them.

    measure_starter.py [--model FOLDER] [--train train.jsonl] [--samples 500] [--seed 1] [--show 6]

Samples reviews of the held-out prompts with prefbench-engine, scores them with `prefbench-cli rule-score`, and prints
one JSON object. --train is the corpus that make_starter.sh left in its work folder: without it the share of reviews
that stand in the corpus word for word cannot be told. --show prints some reviews with their scores first.
"""

import argparse
import json
import math
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STARTER = os.path.dirname(HERE)
BIN = os.path.join(STARTER, "..", "..", "build", "bin")


def readLines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def throughProgram(command, rows):
    """Rows as JSON lines into a program, and its JSON lines back."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        subprocess.run([*command, "--in", source, "--out", target], check=True)
        return readLines(target)


def sample(arguments):
    """As many reviews of each prompt as it takes to have the number asked for."""
    prompts = [row["prompt"] for row in readLines(arguments.prompts) if row["split"] == arguments.split]
    each = -(-arguments.samples // len(prompts))
    # The model is too small for threads to help.
    command = [arguments.engine, "generate", "--model", arguments.model, "--seed", str(arguments.seed),
               "--max-new-tokens", "128", "--samples", str(each), "--threads", "1"]
    answers = throughProgram(command, [{"prompt": prompt} for prompt in prompts])
    reviews = [{"prompt": prompts[number // each], "completion": answer["completion"]}
               for number, answer in enumerate(answers)]
    return reviews[: arguments.samples]


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    middle = mean(values)
    return math.sqrt(mean([(value - middle) ** 2 for value in values]))


def correlation(left, right):
    products = [(a - mean(left)) * (b - mean(right)) for a, b in zip(left, right)]
    return mean(products) / (deviation(left) * deviation(right))


def withinPrompt(reviews, scores):
    """Mean over prompts of the standard deviation of their reviews' scores, and the share of equal scores in pairs."""
    byPrompt = {}
    for review, score in zip(reviews, scores):
        byPrompt.setdefault(review["prompt"], []).append(score)
    groups = [group for group in byPrompt.values() if len(group) > 1]
    pairs = [(a, b) for group in groups for number, a in enumerate(group) for b in group[:number]]
    return mean([deviation(group) for group in groups]), mean([a == b for a, b in pairs])


def weights(model):
    """Parameters and bytes of model.safetensors."""
    path = os.path.join(model, "model.safetensors")
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    tensors = (entry["shape"] for name, entry in header.items() if name != "__metadata__")
    return sum(math.prod(shape) for shape in tensors), os.path.getsize(path)


def histogram(scores):
    counts = {}
    for score in scores:
        step = math.floor(score * 2 + 0.5) / 2
        counts[step] = counts.get(step, 0) + 1
    return {f"{step:g}": round(counts[step] / len(scores), 3) for step in sorted(counts)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=os.path.join(STARTER, "model"))
    parser.add_argument("--train", help="the corpus")
    parser.add_argument("--prompts", default=os.path.join(STARTER, "prompts.jsonl"))
    parser.add_argument("--split", default="test", choices=("train", "test"))
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--engine", default=os.path.join(BIN, "prefbench-engine"))
    parser.add_argument("--cli", default=os.path.join(BIN, "prefbench-cli"))
    arguments = parser.parse_args()

    reviews = sample(arguments)
    found = throughProgram([arguments.cli, "rule-score", "--rule", "starter"], reviews)
    texts = [review["completion"] for review in reviews]
    scores = [row["score"] for row in found]
    for review, row in list(zip(reviews, found))[: arguments.show]:
        print(f"{row['score']:+.2f}  {review['prompt']}{review['completion']}")

    parameters, size = weights(arguments.model)
    spread, ties = withinPrompt(reviews, scores)
    figures = {
        "parameters": parameters,
        "bytes": size,
        "samples": len(texts),
        "distinct_share": len(set(texts)) / len(texts),
        "words_per_review": mean([len(text.split()) for text in texts]),
        "score_mean": mean(scores),
        "score_deviation": deviation(scores),
        "score_deviation_within_prompt": spread,
        "ties_within_prompt": ties,
        "score_length_correlation": correlation(scores, [len(text.split()) for text in texts]),
        "repetition_share": mean([row["repetitions"] > 0 for row in found]),
        "contradiction_share": mean([row["contradictions"] > 0 for row in found]),
        "trailing_share": mean([row["trails_off"] for row in found]),
        "reviews_with_a_broken_sentence": mean([row["broken"] > 0 for row in found]),
        "broken_sentence_share": sum(row["broken"] for row in found) / sum(row["sentences"] for row in found),
        "scores": histogram(scores),
    }
    if arguments.train:
        corpus = {row["completion"] for row in readLines(arguments.train)}
        figures["verbatim_share"] = mean([text in corpus for text in texts])
    print(json.dumps({name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}))


if __name__ == "__main__":
    main()
