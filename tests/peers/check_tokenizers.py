"""Are our ids those of `tokenizers` and `sentencepiece` on random Unicode text?

usage: check_tokenizers.py [--every-character] [--variants] PROGRAM COUNT FILE...

PROGRAM is prefbench-bench-tokenizer, FILE a tokenizer.json or a tokenizer.model. For each FILE, COUNT random strings
(and every character of Unicode, where asked for) are encoded and decoded by PROGRAM and by the library that the file
was made for. With --variants, each FILE is a byte-level tokenizer.json and is checked once with each of VARIANTS in the
place of its own normalizer and pre-tokenizer. Prints one line a file; exit status 1 and the first differences on
standard error when they disagree.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

SEED = 20240611
RANGES = [(0x20, 0x7E), (0, 0x7F), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x6FF), (0x700, 0x1FFF), (0x2000, 0x2BFF),
          (0x2E80, 0x4DFF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFF),
          (0x10000, 0x1FFFF), (0x20000, 0x10FFFF)]
WORDS = ["the", "The", " don't", "'LL", "I'm", "\r\n", "\n\n", "  ", "   ", "\t", "123", "4567", "\u2581", "\u2581\u2581",
         "e\u0301", "\u1100\u1161\u11a8", "\u0915\u094d\u0937", "\U0001f468\u200d\U0001f469", "\u00bd", "\ufb01",
         "\uff21", "\u3000", "...", "!?", "<s>", "</s>", "<unk>", "<0x41>", "word", "preference", "ing", "\u0130"]

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def punctuation(behavior):
    return {"type": "Punctuation", "behavior": behavior}


# What no golden file has, in ways that models on the hub use it: name → (normalizer, pre-tokenizers before BYTES).
VARIANTS = {
    "falcon": (None, [punctuation("Contiguous"), {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                                  "use_regex": True}, {"type": "Digits", "individual_digits": False},
                      split("[0-9][0-9][0-9]")]),
    "punctuation-isolated": (None, [punctuation("Isolated")]),
    "punctuation-removed": (None, [punctuation("Removed")]),
    "punctuation-merged-with-previous": (None, [punctuation("MergedWithPrevious")]),
    "punctuation-merged-with-next": (None, [punctuation("MergedWithNext")]),
    "deepseek-llm": (None, [split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split("\\s+$"),
                            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
                            {"type": "Digits", "individual_digits": True}]),
    "lines": (None, [split("^.", "MergedWithNext"), split(".$", "MergedWithPrevious")]),
    "empty-matches": (None, [split("(?=\\p{Lu})"), split("x*", "MergedWithPrevious"), split("(?<=\\d)(?=(\\d{3})+$)")]),
    "tekken": (None, [split("[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"
                            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"
                            "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")]),
    "properties": (None, [split("\\d+"), split("[\\p{Han}\\p{Hiragana}\\p{Katakana}]+"), split("\\p{So}|\\p{Sk}|\\p{Mc}+"),
                          split("\\p{^Lo}", "MergedWithNext"), split("\\P{Po}", "Contiguous")]),
    "normalized": ({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"},
                                                        {"type": "Replace", "pattern": {"Regex": "b+"},
                                                         "content": "-"}]}, []),
}


def variants_of(file, folder):
    with open(file, encoding="utf-8") as source:
        tokenizer = json.load(source)
    for name, (normalizer, parts) in VARIANTS.items():
        tokenizer["normalizer"] = normalizer
        bytes_done = any(part["type"] == "ByteLevel" for part in parts)
        tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": parts + ([] if bytes_done else [BYTES])}
        path = os.path.join(folder, name + ".json")
        with open(path, "w", encoding="utf-8") as variant:
            json.dump(tokenizer, variant)
        yield path


def characters():
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            yield chr(code)


def random_text(random_numbers, special):
    parts = []
    for _ in range(random_numbers.randint(1, 12)):
        kind = random_numbers.random()
        if kind < 0.35:
            parts.append(random_numbers.choice(WORDS))
        elif kind < 0.40 and special:
            parts.append(random_numbers.choice(special))
        else:
            low, high = random_numbers.choice(RANGES)
            parts.append("".join(chr(random_numbers.randint(low, high)) for _ in range(random_numbers.randint(1, 4))))
        if random_numbers.random() < 0.3:
            parts.append(" ")
    return "".join(c for c in "".join(parts) if not 0xD800 <= ord(c) < 0xE000)


class Json:
    def __init__(self, file):
        self.tokenizer = Tokenizer.from_file(file)
        self.special = [token.content for token in self.tokenizer.get_added_tokens_decoder().values()]

    def answers(self, texts):
        for start in range(0, len(texts), 1000):
            for encoded in self.tokenizer.encode_batch(texts[start:start + 1000]):
                yield encoded.ids, self.tokenizer.decode(encoded.ids, skip_special_tokens=False)


class Model:
    def __init__(self, file):
        import sentencepiece

        self.processor = sentencepiece.SentencePieceProcessor(model_file=file)
        self.special = [self.processor.id_to_piece(i) for i in range(3)]

    def answers(self, texts):
        for text in texts:
            ids = self.processor.encode(text)
            yield ids, self.processor.decode(ids)


def check(program, count, file, every_character):
    library = Model(file) if file.endswith(".model") else Json(file)
    random_numbers = random.Random(SEED)
    texts = [random_text(random_numbers, library.special) for _ in range(count)]
    if every_character:
        texts += ["a" + c + "b" + c + "\u0327" + c for c in characters()]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([program, file], input=lines, capture_output=True, text=True, check=False, encoding="utf-8")
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    wrong = 0
    for text, ours, (ids, decoded) in zip(texts, answers, library.answers(texts)):
        if ours["ids"] != ids or ours["decoded"] != decoded:
            wrong += 1
            if wrong <= 5:
                print(f"{file}: {json.dumps(text)}\n  expected {ids} {json.dumps(decoded)}\n"
                      f"  found    {ours['ids']} {json.dumps(ours['decoded'])}", file=sys.stderr)
    missing = len(texts) - len(answers)
    print(f"{file}: {len(answers)} texts, {wrong} differ, {missing} not answered {done.stderr.strip()}", flush=True)
    return wrong + missing


def main():
    flags = [argument for argument in sys.argv[1:] if argument.startswith("--")]
    arguments = [argument for argument in sys.argv[1:] if argument not in flags]
    program, count, files = arguments[0], int(arguments[1]), arguments[2:]
    with tempfile.TemporaryDirectory() as folder:
        if "--variants" in flags:
            files = [variant for file in files for variant in variants_of(file, folder)]
        return 1 if sum([check(program, count, file, "--every-character" in flags) for file in files]) > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
