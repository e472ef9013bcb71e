#!/usr/bin/env python3
"""Writes the starter project's text: prompts.jsonl and, for the SFT run, a corpus of reviews of the training prompts.

    make_corpus.py --grammar grammar.json --prompts prompts.jsonl --corpus corpus.jsonl

A corpus line is {"pair", "prompt", "completion"}: what dataset/train.jsonl of an SFT run holds. The last line printed is
a JSON object with the corpus's size and its entropy (see review_grammar.py).
"""

import argparse
import collections
import json
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


def writeCorpus(grammar, shape, prompts, path):
    writer = Writer(grammar, shape["seed"] + 1)
    train = [(prompt, facts) for prompt, split, facts in prompts if split == "train"]
    flaws, nats, words, vocabulary, distinct = collections.Counter(), 0.0, [], set(), set()
    with open(path, "w", encoding="utf-8") as file:
        for number in range(shape["reviews"]):
            prompt, facts = train[number % len(train)]
            completion, flaw, itsNats = writer.review(facts)
            line = {"pair": f"review-{number:06d}", "prompt": prompt, "completion": completion}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            pieces = re.findall(r"\w+|\.\.\.|[.,:]", completion)
            flaws[flaw] += 1
            nats += itsNats
            words.append(len(pieces))
            distinct.add(completion)
            vocabulary.update(re.findall(r"[a-z]+", (prompt + completion).lower()))
    words.sort()
    return {
        "reviews": len(words),
        "distinct": len(distinct),
        "words": len(vocabulary),
        "tokens": sum(words),
        "tokens_p5": words[len(words) // 20],
        "tokens_p95": words[len(words) * 19 // 20],
        "nats_per_review": nats / len(words),
        # one token a word or mark, and one for the end
        "nats_per_token": nats / (sum(words) + len(words)),
        "flaws": dict(flaws),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grammar", required=True)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--reviews", type=int, help="instead of the grammar's number")
    arguments = parser.parse_args()
    grammar = Grammar(arguments.grammar)
    shape = dict(grammar.data["shape"])
    if arguments.reviews:
        shape["reviews"] = arguments.reviews
    prompts = drawPrompts(grammar, shape)
    with open(arguments.prompts, "w", encoding="utf-8") as file:
        for prompt, split, _ in prompts:
            file.write(json.dumps({"prompt": prompt, "split": split}) + "\n")
    print(json.dumps(writeCorpus(grammar, shape, prompts, arguments.corpus)))


if __name__ == "__main__":
    main()
