"""Throughput of our tokenizers against `tokenizers`, one thread each, on mixed text.

usage: tokenizer_speed.py PROGRAM FILE...

PROGRAM is prefbench-bench-tokenizer, FILE a tokenizer.json. 10 MB of lines (prose, code, numbers, several scripts; words
drawn with Zipf's frequencies) are encoded line by line; the fastest of three rounds counts.
"""

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer  # noqa: E402

SIZE = 10_000_000
ALPHABETS = ["abcdefghijklmnopqrstuvwxyz"] * 6 + ["абвгдежзийклмнопрстуфхцчшщ", "αβγδεζηθικλμνξοπρστυφχψω",
                                                  "äöüßéèêçñåø" + "aeiourst" * 3, "的一是不了人我在有他这中大来上国个到说们"]


def words(numbers, count):
    for _ in range(count):
        letters = numbers.choice(ALPHABETS)
        word = "".join(numbers.choice(letters) for _ in range(min(14, 1 + int(numbers.expovariate(0.25)))))
        yield word.capitalize() if numbers.random() < 0.15 else word


def mixed_text(numbers):
    vocabulary = list(words(numbers, 60_000))
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(vocabulary))))
    lines, size = [], 0
    while size < SIZE:
        line = " ".join(numbers.choices(vocabulary, cum_weights=weights, k=numbers.randint(3, 40)))
        kind = numbers.random()
        if kind < 0.1:
            a, b, c = (numbers.randint(0, 999) for _ in range(3))
            line = f"    if (x_{a} == {b}) {{ return f({line.split()[0]}[{c}]); }}"
        elif kind < 0.2:
            line += ", don't %d.%02d%%! \U0001f600" % (numbers.randint(0, 99999), numbers.randint(0, 99))
        lines.append(line)
        size += len(line.encode()) + 1
    return lines


def seconds_of_library(file, lines):
    tokenizer = Tokenizer.from_file(file)
    best, count = float("inf"), 0
    for _ in range(3):
        start = time.perf_counter()
        count = sum(len(tokenizer.encode(line).ids) for line in lines)
        best = min(best, time.perf_counter() - start)
    return best, count


def main():
    program, files = sys.argv[1], sys.argv[2:]
    lines = mixed_text(random.Random(1))
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as text:
        text.write("\n".join(lines))
        text.flush()
        for file in files:
            done = subprocess.run([program, file, text.name], capture_output=True, text=True, check=True)
            ours, our_count = float(done.stdout.split()[0]), int(done.stdout.split()[1])
            theirs, their_count = seconds_of_library(file, lines)
            same = "same number of ids" if our_count == their_count else f"ids {our_count} and {their_count}"
            print(f"{file}: ours {SIZE / 1e6 / ours:.1f} MB/s, tokenizers {SIZE / 1e6 / theirs:.1f} MB/s, "
                  f"ratio {theirs / ours:.2f}, {same}", flush=True)


if __name__ == "__main__":
    main()
