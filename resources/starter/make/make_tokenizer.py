#!/usr/bin/env python3
"""Makes the starter model's tokenizer from its corpus: byte-level BPE whose merges run until every word of the corpus
is one token.

    make_tokenizer.py --corpus train.jsonl --out FOLDER

Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json as `transformers` reads them. Pieces are split
as GPT-2 splits them; a text of other words still has its bytes and the parts of words that merges passed through.
"""

import argparse
import collections
import json
import os
import re

END = "<|endoftext|>"
# GPT-2's pattern, for text whose letters and digits are ASCII's.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def byteCharacters():
    """GPT-2's character for each byte: itself where it is visible, else one from U+0100 on."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    table = {byte: chr(byte) for byte in visible}
    hidden = (byte for byte in range(256) if byte not in table)
    table.update({byte: chr(0x100 + number) for number, byte in enumerate(hidden)})
    return [table[byte] for byte in range(256)]


def countPieces(path, characters):
    counts = collections.Counter()
    with open(path, encoding="utf-8") as file:
        for line in file:
            example = json.loads(line)
            for piece in PIECES.findall(example["prompt"] + example["completion"]):
                counts["".join(characters[byte] for byte in piece.encode())] += 1
    return counts


def merged(parts, pair):
    out, at = [], 0
    while at < len(parts):
        if tuple(parts[at : at + 2]) == pair:
            out.append(parts[at] + parts[at + 1])
            at += 2
        else:
            out.append(parts[at])
            at += 1
    return out


def trainMerges(counts):
    """The most frequent pair first, ties by the pair's text, until each piece is whole."""
    words = {piece: list(piece) for piece in counts}
    merges = []
    while True:
        pairs = collections.Counter()
        for piece, parts in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[piece]
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {piece: merged(parts, best) for piece, parts in words.items()}


def write(folder, name, data):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    characters = byteCharacters()
    merges = trainMerges(countPieces(arguments.corpus, characters))
    vocabulary = {}
    for token in [*sorted(characters), *(left + right for left, right in merges), END]:
        vocabulary.setdefault(token, len(vocabulary))
    end = vocabulary.pop(END)
    byteLevel = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    os.makedirs(arguments.out, exist_ok=True)
    write(arguments.out, "tokenizer.json", {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": end, "content": END, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True}],
        "normalizer": None,
        "pre_tokenizer": byteLevel,
        "post_processor": None,
        "decoder": byteLevel,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocabulary, "merges": [list(pair) for pair in merges]},
    })
    write(arguments.out, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, "model_max_length": 256,
        "eos_token": END, "pad_token": END, "unk_token": None,
    })
    write(arguments.out, "special_tokens_map.json", {"eos_token": END, "pad_token": END})
    print(json.dumps({"tokens": end + 1, "merges": len(merges)}))


if __name__ == "__main__":
    main()
