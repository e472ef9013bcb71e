#!/usr/bin/env python3
"""Writes the starter project's text: prompts.jsonl and, for the SFT run, reviews of those prompts.

    make_corpus.py --grammar grammar.json --prompts prompts.jsonl --train train.jsonl --eval eval.jsonl

Reviews are lines {"pair", "prompt", "completion"}: what dataset/ of an SFT run holds; train.jsonl reviews the training
prompts, eval.jsonl those held out. Prints one JSON object a file: its size and its entropy (see review_grammar.py).
"""

import argparse
import collections
import json
import os
import re

from review_grammar import Grammar, Writer


def drawPrompts(grammar, shape):
    writer = Writer(grammar, shape["seed"])
    facts = {}
    while len(facts) < shape["prompts"]:
        prompt, its = writer.prompt()
        writer.used.clear()
        facts.setdefault(prompt, its)
    prompts = list(facts)
    held = set(writer.random.sample(prompts, round(shape["held out"] * len(prompts))))
    return [(prompt, "test" if prompt in held else "train", facts[prompt]) for prompt in prompts]


def writeReviews(grammar, prompts, count, seed, path):
    writer = Writer(grammar, seed)
    flaws, nats, sizes, vocabulary, distinct = collections.Counter(), 0.0, [], set(), set()
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            prompt, facts = prompts[number % len(prompts)]
            completion, flaw, itsNats = writer.review(facts)
            line = {"pair": f"review-{number:06d}", "prompt": prompt, "completion": completion}
            file.write(json.dumps(line) + "\n")
            # one token a word or mark, and one for the end
            sizes.append(len(re.findall(r"\w+|[^\w\s]+", completion)) + 1)
            flaws[flaw] += 1
            nats += itsNats
            distinct.add(completion)
            vocabulary.update(re.findall(r"[a-z]+", (prompt + completion).lower()))
    sizes.sort()
    return {
        "file": os.path.basename(path),
        "reviews": count,
        "distinct": len(distinct),
        "words": len(vocabulary),
        "tokens": sum(sizes),
        "tokens_5_50_95_percent": [sizes[count * share // 100] for share in (5, 50, 95)],
        "nats_per_review": round(nats / count, 4),
        "nats_per_token": round(nats / sum(sizes), 4),
        "flaws": {flaw: round(number / count, 4) for flaw, number in flaws.most_common()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("grammar", "prompts", "train", "eval"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--reviews", type=int, help="for the training prompts; default: the grammar's number")
    arguments = parser.parse_args()
    grammar = Grammar(arguments.grammar)
    shape = grammar.data["shape"]
    prompts = drawPrompts(grammar, shape)
    with open(arguments.prompts, "w", encoding="utf-8") as file:
        for prompt, split, _ in prompts:
            file.write(json.dumps({"prompt": prompt, "split": split}) + "\n")
    files = (("train", arguments.train, arguments.reviews or shape["reviews"], 1), ("test", arguments.eval, shape["held out reviews"], 2))
    for split, path, count, offset in files:
        its = [(prompt, facts) for prompt, promptSplit, facts in prompts if promptSplit == split]
        print(json.dumps(writeReviews(grammar, its, count, shape["seed"] + offset, path)))


if __name__ == "__main__":
    main()
