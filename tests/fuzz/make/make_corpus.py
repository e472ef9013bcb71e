"""Makes the seeds in tests/fuzz/corpus: small files of every kind, and hostile ones. Findings lie beside them as crash-*.

    pip install sentencepiece
    python make_corpus.py
"""

import base64
import io
import json
import pathlib
import struct
import tempfile

import sentencepiece

here = pathlib.Path(__file__).resolve().parent
corpus = here.parent / "corpus"
golden = here.parent.parent / "golden"
TEXT_BORDER = b"\n=====\n"
TEXT = "Hello world, the quick brown fox's 2024 jumps  over é ▁ 😀\n"


def put(target, name, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def dumped(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# safetensors


def tensor_file(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else dumped(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def safetensors():
    name = "safetensors"
    put(name, "one", tensor_file({"a": tensor()}, bytes(8)))
    put(name, "none", tensor_file({}))
    put(name, "metadata", tensor_file({"__metadata__": {"format": "pt"}, "a": tensor()}, bytes(8)))
    dtypes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
    header, at = {}, 0
    for dtype, size in dtypes.items():
        header["w." + dtype] = tensor(dtype, (1, 3), (at, at + 3 * size))
        at += 3 * size
    put(name, "every_dtype", tensor_file(header, bytes(at)))
    put(name, "scalar_and_empty", tensor_file({"s": tensor("F32", (), (0, 4)), "e": tensor("F32", (0, 7), (4, 4))}, bytes(4)))
    put(name, "empty_of_huge", tensor_file({"e": tensor("F32", (0, 2**62, 2**62), (0, 0))}))
    put(name, "padded", tensor_file(dumped({"a": tensor()}).encode() + b"    ", bytes(8)))
    # Hostile.
    put(name, "short", b"\x08\0\0")
    put(name, "no_header", struct.pack("<Q", 0))
    put(name, "length_huge", tensor_file({"a": tensor()}, bytes(8), 2**64 - 1))
    put(name, "length_100MB", tensor_file({"a": tensor()}, bytes(8), 100_000_001))
    put(name, "length_past_end", tensor_file({"a": tensor()}, b"", 10_000))
    put(name, "product_overflows", tensor_file({"a": tensor("F32", (2**33, 2**33), (0, 8))}, bytes(8)))
    put(name, "product_overflows_to_zero", tensor_file({"a": tensor("F32", (2**32, 2**32), (0, 0))}))
    put(name, "size_negative", tensor_file({"a": tensor("F32", (-2,), (0, 8))}, bytes(8)))
    put(name, "size_2_64", tensor_file(b'{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}}', bytes(8)))
    put(name, "size_2_63", tensor_file(b'{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,8]}}', bytes(8)))
    put(name, "size_fraction", tensor_file(b'{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', bytes(8)))
    put(name, "gap", tensor_file({"a": tensor(), "b": tensor(offsets=(12, 20))}, bytes(20)))
    put(name, "overlap", tensor_file({"a": tensor(), "b": tensor(offsets=(4, 12))}, bytes(12)))
    put(name, "backwards", tensor_file({"a": tensor(offsets=(8, 0))}, bytes(8)))
    put(name, "offsets_huge", tensor_file({"a": tensor(offsets=(2**64 - 8, 2**64 - 1))}, bytes(8)))
    put(name, "after_the_end", tensor_file({"a": tensor()}, bytes(9)))
    put(name, "data_cut", tensor_file({"a": tensor()}, bytes(7)))
    put(name, "name_twice", tensor_file(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', bytes(2)))
    put(name, "deep", tensor_file(b'{"a":' * 300 + b"1" + b"}" * 300))
    put(name, "metadata_number", tensor_file({"__metadata__": {"x": 1}}))
    put(name, "name_strange", tensor_file({"a\n\x1b[31m\u0000": tensor("X\n")}, bytes(8)))
    put(name, "name_long", tensor_file({"n" * 8000: tensor(shape=(1,))}, bytes(8)))
    put(name, "many_sizes", tensor_file({"a": tensor("U8", (1,) * 500, (0, 1))}, bytes(1)))
    put(name, "not_utf8", tensor_file(b'{"\xff":1}'))
    put(name, "array", tensor_file(b"[]"))


# config.json


def config():
    name = "config"
    for folder in sorted((golden / "models").iterdir()):
        value = json.loads((folder / "config.json").read_text())
        for key in ("architectures", "transformers_version", "_name_or_path", "use_cache", "initializer_range", "dtype", "torch_dtype"):
            value.pop(key, None)
        put(name, folder.name, dumped(value))
    llama = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}

    def changed(**keys):
        return dumped({**llama, **keys})

    huge = 2**63 - 1
    put(name, "bare", dumped({"model_type": "gpt2"}))
    put(name, "no_type", "{}")
    put(name, "unknown_type", dumped({"model_type": "bert"}))
    put(name, "layers_huge", dumped({"model_type": "mistral", "num_hidden_layers": huge}))
    put(name, "layers_many", dumped({"model_type": "gemma2", "num_hidden_layers": 2**31 - 1}))
    put(name, "hidden_huge", dumped({"model_type": "gpt2", "n_embd": huge, "n_head": 1}))
    put(name, "heads_zero", changed(num_attention_heads=0))
    put(name, "heads_negative", changed(num_attention_heads=-4))
    put(name, "heads_2_64", changed(num_attention_heads=2**64 - 1))
    put(name, "heads_do_not_divide", changed(num_attention_heads=3))
    put(name, "heads_text", changed(num_attention_heads="4"))
    put(name, "rotary_share_huge", changed(partial_rotary_factor=1e300))
    put(name, "rotary_share_tiny", changed(partial_rotary_factor=1e-300))
    put(name, "theta_tiny", changed(rope_theta=1e-320))
    put(name, "epsilon_huge", changed(rms_norm_eps=1e308))
    put(name, "yarn_infinite", changed(rope_scaling={"rope_type": "yarn", "factor": 1e308, "mscale": 1e308, "mscale_all_dim": 1e-308}))
    put(name, "longrope_of_one", dumped({"model_type": "phi3", "original_max_position_embeddings": 1, "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [1e308] * 48}}))
    put(name, "rope_parameters_nested", dumped({"model_type": "gemma3_text", "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0}, "sliding_attention": {"rope_type": "default"}}}))
    put(name, "layer_types_short", dumped({"model_type": "gemma2", "layer_types": ["full_attention"]}))
    put(name, "layer_types_strange", dumped({"model_type": "gemma2", "num_hidden_layers": 1, "layer_types": ["a\nb"]}))
    put(name, "eos_list", changed(eos_token_id=[1, 2**64 - 1, -1]))
    put(name, "key_twice", '{"model_type":"llama","model_type":"gpt2"}')
    put(name, "type_long", dumped({"model_type": "x" * 8000}))
    lora = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "bias": "none", "use_rslora": True}
    put(name, "lora", dumped({**lora, "target_modules": ["q_proj"]}))
    put(name, "lora_rank_huge", dumped({**lora, "r": 2**64 - 1}))
    put(name, "lora_patterns", dumped({**lora, "rank_pattern": {"q_proj": 8}, "init_lora_weights": "pissa"}))


# tokenizer.json


def added(content, id, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False, **flags}


LETTERS = "aehlortwHĠ ▁'02éĊÃ©"
MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "t h", "th e", "▁ the"]


def bpe(**keys):
    tokens = list(LETTERS) + ["".join(m.split()) for m in MERGES]
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(tokens)}, "merges": MERGES, **keys}


def bpe_bytes(**keys):
    tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)] + list("▁helowrd") + ["he", "ll", "▁▁"]
    return {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
            "vocab": {t: i for i, t in enumerate(tokens)}, "merges": [["h", "e"], ["l", "l"], ["▁", "▁"]], **keys}


def unigram(**keys):
    pieces = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0], ["▁", -2.0], ["▁the", -3.5], ["he", -3.0], ["l", -4.0], ["lo", -4.1],
              ["o", -4.0], ["▁w", -4.2], ["or", -4.3], ["ld", -4.4], ["h", -5.0], ["e", -5.0], ["é", -6.0]]
    return {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False, **keys}


def word_level():
    words = ["[UNK]", "Hello", "hello", "world", "the", "quick", ",", "'", "s", "2024", "2"]
    return {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)}, "unk_token": "[UNK]"}


def tokenizer(model, normalizer=None, pre=None, post=None, decoder=None, tokens=()):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(tokens), "normalizer": normalizer,
            "pre_tokenizer": pre, "post_processor": post, "decoder": decoder, "model": model}


def sequence(kind, *parts):
    key = {"normalizer": "normalizers", "pre": "pretokenizers", "decoder": "decoders", "post": "processors"}[kind]
    return {"type": "Sequence", key: list(parts)}


def shrunk(path, keep):
    """The file with the first `keep` tokens of its model, and what merges of them remain."""
    value = json.loads(path.read_text())
    model = value["model"]
    model["vocab"] = {t: i for t, i in model["vocab"].items() if i < keep}
    known = model["vocab"]

    def parts(merge):
        return merge if isinstance(merge, list) else merge.split(" ")

    model["merges"] = [m for m in model["merges"] if all(p in known for p in parts(m)) and "".join(parts(m)) in known]
    return value


def charsmap(pairs):
    """A precompiled_charsmap of few rules, as sentencepiece writes it."""
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.tsv"
        rules.write_text("".join(" ".join("%X" % ord(c) for c in a) + "\t" + " ".join("%X" % ord(c) for c in b) + "\n" for a, b in pairs))
        return fields_of(trained(normalization_rule_tsv=str(rules)), 3, 2)


def tokenizer_json():
    name = "tokenizer_json"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    template = {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    split = {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|'(?i:s|t)| ?\\p{L}+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": False}

    def seed(label, value, text=TEXT):
        put(name, label, (value if isinstance(value, bytes) else dumped(value).encode()) + TEXT_BORDER + text.encode())

    seed("gpt2", tokenizer(bpe(), None, byte_level, byte_level, byte_level, [added("<|end|>", 60, special=True)]))
    seed("llama2", tokenizer(bpe_bytes(), sequence("normalizer", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}), None, template,
                             sequence("decoder", {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
                             [added("<unk>", 0, special=True), added("<s>", 1, special=True), added("</s>", 2, special=True)]), "Hello <s>é😀</s>\n")
    seed("llama3", tokenizer(bpe(ignore_merges=True), None, sequence("pre", split, {**byte_level, "use_regex": False}), sequence("post", byte_level, template), byte_level))
    seed("unigram", tokenizer(unigram(), {"type": "NFKC"}, space, template, space))
    seed("unigram_bytes", tokenizer(unigram(byte_fallback=True, vocab=unigram()["vocab"] + [["<0x%02X>" % b, -9.0] for b in range(0xC0, 0x100)]), None, space, None, space))
    seed("word_level", tokenizer(word_level(), {"type": "Lowercase"}, {"type": "Whitespace"}))
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase"):
        seed("normalizer_" + form, tokenizer(bpe(), {"type": form}), "ｅ́ ﬃ Ａ가각ﷺ Σ İ\n")
    seed("normalizer_Strip", tokenizer(bpe(), {"type": "Strip", "strip_left": True, "strip_right": True}), "  hello \n")
    seed("normalizer_Replace", tokenizer(bpe(), {"type": "Replace", "pattern": {"Regex": "l+"}, "content": "he"}))
    rules = base64.b64encode(charsmap([("é", "e"), ("ﬁ", "fi"), ("ab", "c"), ("abc", "d"), ("　", " "), ("x", "")])).decode()
    seed("normalizer_Precompiled", tokenizer(unigram(), {"type": "Precompiled", "precompiled_charsmap": rules}, space, None, space), "abcé ﬁx　abé̂\n")
    for kind in ("Whitespace", "WhitespaceSplit"):
        seed("pre_" + kind, tokenizer(word_level(), None, {"type": kind}))
    for individual in (False, True):
        seed("pre_Digits_%d" % individual, tokenizer(bpe(), None, {"type": "Digits", "individual_digits": individual}))
    seed("pre_CharDelimiterSplit", tokenizer(bpe(), None, {"type": "CharDelimiterSplit", "delimiter": "l"}))
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            seed("pre_Split_%s_%d" % (behavior, invert), tokenizer(bpe(), None, {**split, "pattern": {"String": "l"}, "behavior": behavior, "invert": invert}))
    for scheme in ("always", "first", "never"):
        seed("pre_Metaspace_" + scheme, tokenizer(unigram(), None, {**space, "prepend_scheme": scheme, "split": scheme != "first"}, None, {**space, "prepend_scheme": scheme}))
    seed("decoder_Strip", tokenizer(bpe(), decoder={"type": "Strip", "content": "h", "start": 2, "stop": 1}))
    seed("decoder_Sequence", tokenizer(bpe(), decoder=sequence("decoder", {"type": "Fuse"}, {"type": "Strip", "content": "h", "start": 2, "stop": 1}, space, {"type": "ByteFallback"}, {"type": "Replace", "pattern": {"Regex": "l."}, "content": "x"})))
    for flag in ("single_word", "lstrip", "rstrip", "normalized", "special"):
        seed("added_" + flag, tokenizer(bpe(), {"type": "Lowercase"}, byte_level, None, byte_level,
                                        [added("hell", 70, **{flag: True}), added(" ", 71, **{flag: True}), added("é", 72)]))
    seed("golden_qwen2", shrunk(golden / "tokenizers/qwen2/tokenizer.json", 300))
    seed("golden_neox", shrunk(golden / "tokenizers/neox/tokenizer.json", 300))
    seed("old_without_type", {"model": {"vocab": {"a": 0}, "merges": []}})
    # Hostile.
    replace = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    seed("replace_doubles", tokenizer(bpe(), sequence("normalizer", *[replace] * 40)), "aaaa")
    seed("added_doubles", tokenizer(bpe(), sequence("normalizer", *[replace] * 40), tokens=[added("a", 70, normalized=True)]), "aaaa")
    seed("decoder_doubles", tokenizer(bpe(), decoder=sequence("decoder", *[replace] * 40)), "aaaa")
    seed("bytes_double", tokenizer(bpe(), None, sequence("pre", *[byte_level] * 40)), "é é")
    seed("template_multiplies", tokenizer(bpe(), post={**template, "single": template["single"][:1] * 200 + template["single"][1:], "special_tokens": {"<s>": {"id": "<s>", "ids": [1] * 2000, "tokens": []}}}), "a")
    seed("template_id_huge", tokenizer(bpe(), post={**template, "special_tokens": {"<s>": {"id": "<s>", "ids": [2**63], "tokens": ["<s>"]}}}), "a")
    for label, pattern in (("exponential", "(a+)+b"), ("cubic", "a*a*a*a*a*b|a"), ("recursive", "(?:a(?R)?b|a)"), ("back", "(a*)\\1\\1b|."),
                           ("look_behind", "(?<=a)b|."), ("unclosed", "[a"), ("keep", "a\\Kb"), ("huge", "(?:a{1000}){1000}"), ("verb", "(*LIMIT_MATCH=1)a"),
                           ("nested", "(" * 300 + "a" + ")" * 300), ("empty", "a*"), ("conditional", "(?(DEFINE)(?<x>a))(?&x)+"), ("callout", "a(?C1)b"),
                           ("look_ahead_keep", "(?=ab\\K)a"), ("code", "\\x{D800}|\\o{7}|\\N{U+41}|\\p{Lu}")):
        seed("regex_" + label, tokenizer(bpe(), None, {**split, "pattern": {"Regex": pattern}}), "a" * 60 + " ab\n")
    seed("ids_same", tokenizer(bpe(vocab={"a": 0, "b": 0}, merges=[])))
    seed("ids_huge", tokenizer(bpe(vocab={"a": 2**31 - 1, "b": 2**31 - 2}, merges=[]), tokens=[added("x", 0)]), "abx")
    seed("ids_2_31", tokenizer(bpe(vocab={"a": 2**31}, merges=[])))
    seed("merge_unknown", tokenizer(bpe(merges=["x y"])))
    seed("merge_of_nothing", tokenizer(bpe(vocab={"": 0, "a": 1}, merges=[["", "a"], ["a", ""]])), "aaaa")
    seed("unigram_no_unknown", tokenizer(unigram(unk_id=None)))
    seed("unigram_unknown_outside", tokenizer(unigram(unk_id=15)))
    seed("unigram_scores", tokenizer(unigram(vocab=[["<unk>", 1e308], ["a", 1e308], ["aa", -1e308], ["", 0]])), "aaaa")
    seed("unigram_long_piece", tokenizer(unigram(vocab=[["<unk>", 0], ["a" * 1000, -1], ["a", -2]])), "a" * 300)
    seed("deep_sequences", tokenizer(bpe(), nested_sequences(60)))
    seed("charsmap_short", tokenizer(bpe(), {"type": "Precompiled", "precompiled_charsmap": "AAA="}))
    seed("charsmap_loop", tokenizer(bpe(), {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(struct.pack("<I", 1024) + bytes(1024) + b"\0").decode()}))
    seed("text_not_utf8", dumped(tokenizer(bpe())).encode() + TEXT_BORDER + b"\xff\xfe", "")


def nested_sequences(depth):
    return {"type": "Lowercase"} if depth == 0 else sequence("normalizer", nested_sequences(depth - 1))


# tokenizer.model

SENTENCES = ["Hello world, the quick brown fox jumps over the lazy dog.", "the theme of the other weather", "naïve café résumé 2024 30 7",
             "hello hello world wordy words", "aaa aaaa aaaaa bbb", "He said: \"it's 10 o'clock\" (twice).", "日本語 テキスト"] * 20


def trained(**options):
    model = io.BytesIO()
    settings = {"vocab_size": 60, "hard_vocab_limit": False, "model_type": "unigram", "character_coverage": 0.98,
                "num_threads": 1, "minloglevel": 2, "normalization_rule_name": "identity", **options}
    if "normalization_rule_tsv" in settings:
        del settings["normalization_rule_name"]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES), model_writer=model, **settings)
    return model.getvalue()


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            length, at = read_varint(data, at)
            value, at = data[at:at + length], at + length
        yield tag >> 3, tag & 7, value


def fields_of(data, *way):
    for number in way:
        data = next(value for n, _, value in fields(data) if n == number)
    return data


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def piece(text, score=0.0, kind=1):
    return field(1, field(1, text if isinstance(text, bytes) else text.encode()) + field(2, score) + field(3, kind))


def tokenizer_model():
    name = "tokenizer_model"

    def seed(label, data, text=TEXT):
        put(name, label, data + TEXT_BORDER + text.encode())

    # What training was done with is of no use to a reader, and long.
    def slim(model):
        keep = {3, 24, 35, 40, 41, 42, 43, 44, 45, 46, 47, 48}
        out = b""
        for number, wire, value in fields(model):
            if number == 2:
                value = b"".join(field(n, v if w != 5 else struct.unpack("<f", v)[0]) for n, w, v in fields(value) if n in keep)
            out += field(number, value)
        return out

    seed("unigram", slim(trained()))
    seed("bpe", slim(trained(model_type="bpe")))
    seed("unigram_bytes", slim(trained(byte_fallback=True, vocab_size=330)))
    seed("bpe_bytes", slim(trained(model_type="bpe", byte_fallback=True, vocab_size=330)))
    seed("bpe_symbols", slim(trained(model_type="bpe", user_defined_symbols=["<sep>", "<s", "hell"], control_symbols=["<ctl>"])), "hell <sep><ctl> hello")
    seed("unigram_symbols", slim(trained(user_defined_symbols=["<sep>", "  "], split_digits=True)))
    seed("no_dummy_prefix", slim(trained(add_dummy_prefix=False, remove_extra_whitespaces=False)), "  a  b ")
    seed("no_bos", slim(trained(bos_id=-1, eos_id=-1, pad_id=3)))
    rules = charsmap([("é", "e"), ("ab", "c"), ("abc", "d"), ("x", "")])
    special = piece("<unk>", kind=2) + piece("<s>", kind=3) + piece("</s>", kind=3)
    letters = b"".join(piece(c, -float(i)) for i, c in enumerate("▁abcdehlo"))
    bpe_spec, unigram_spec = field(2, field(3, 2)), field(2, field(3, 1))
    for label, spec in (("unigram", unigram_spec), ("bpe", bpe_spec)):
        seed(label + "_rules", special + letters + spec + field(3, field(2, rules)), "abc é xhello abd")
        seed(label + "_tiny", special + letters + piece("▁he", -1.5) + piece("llo", -2.5) + piece("ll", -3.0) + spec)
        seed(label + "_unused", special + letters + piece("aa", -1.0, 5) + piece("aaaa", -1.0, 5) + piece("a" * 8, -1.0, 5) + spec, "a" * 70)
        # Hostile.
        seed(label + "_long_piece", special + letters + piece("a" * 4096, -1.0) + spec, "a" * 300)
        seed(label + "_longer_piece", special + letters + piece("a" * 4097, -1.0) + spec)
        seed(label + "_nested_symbols", special + letters + b"".join(piece("a" * n, 0.0, 4) for n in range(2, 66)) + spec, "a" * 300)
        seed(label + "_nan", special + piece("a", float("nan")) + spec)
        seed(label + "_scores", special + letters + piece("aa", 3.4e38) + piece("aaa", -3.4e38) + piece("ab", 0.0) + spec, "aaaaabab")
        seed(label + "_charsmap_cut", special + letters + spec + field(3, field(2, rules[:-3])))
        seed(label + "_charsmap_outside", special + letters + spec + field(3, field(2, struct.pack("<I", 1024) + b"\xff" * 1024 + b"\0")))
        seed(label + "_expands", special + letters + spec + field(3, field(2, charsmap([("a", "h" * 100)]))), "a" * 20)
        seed(label + "_no_bytes", special + letters + piece("<0x41>", 0.0, 6) + spec + b"", "é")
    seed("no_unknown", piece("a") + unigram_spec)
    seed("two_unknowns", special + piece("x", kind=2) + unigram_spec)
    seed("twice", special + piece("a") + piece("a") + unigram_spec)
    seed("empty_piece", special + piece("") + unigram_spec)
    seed("zero_byte", special + piece(b"a\0b") + unigram_spec)
    seed("not_utf8", special + piece(b"\xff") + unigram_spec)
    seed("kind_unknown", special + piece("a", kind=9) + unigram_spec)
    seed("model_type_word", special + letters + field(2, field(3, 3)))
    seed("suffix_spaces", special + letters + field(2, field(3, 2) + field(24, 1)))
    seed("surface_not_utf8", special + letters + field(2, field(44, b"\xff")))
    seed("unk_id_elsewhere", special + letters + field(2, field(3, 1) + field(40, 2**64 - 1)))
    seed("length_past_end", special + b"\x0a\xff\xff\xff\xff\x0f")
    seed("varint_endless", special + b"\xff" * 20)
    seed("group", special + b"\x0b\x0c")
    seed("empty", b"")


# chat templates


def chat_template():
    name = "chat_template"
    for number, entry in enumerate(json.loads((golden / "templates/templates.json").read_text())["templates"]):
        put(name, "golden_%02d" % number, entry["template"])
    small = {
        "loop": "{% for m in messages %}{{ loop.index }}{{ m.role }}: {{ m['content'] | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}",
        "namespace": "{% set ns = namespace(x=0) %}{% for m in messages %}{% set ns.x = ns.x + 1 %}{% endfor %}{{ ns.x }}",
        "macro": "{% macro f(a, b=2) %}{{ a }}{{ caller() if caller else b }}{% endmacro %}{% call f(1) %}x{% endcall %}{{ f(b=3, a='y') }}",
        "tojson": "{{ messages | tojson(indent=2) }}{{ tools | tojson if tools else '' }}",
        "strings": "{{ 'a,b'.split(',') | join('-') }}{{ ' x '.strip() | upper }}{{ 'abc'[::-1] }}{{ 'abc'[-2:] }}{{ '%s-%05.2f' % ('a', 1.5) }}{{ '{} {a}'.format(1, a=2) }}",
        "filters": "{{ [3,1,2]|sort|first }}{{ [1,2]|sum }}{{ {'b':1,'a':2}|dictsort }}{{ messages|map(attribute='role')|list }}{{ messages|selectattr('role','equalto','user')|list|length }}{{ [1,2,3]|batch(2)|list }}{{ 'x'|default('y', true) }}{{ [1,[2]]|unique|list }}{{ messages|groupby('role') }}",
        "raise": "{% if messages[0].role != 'system' %}{{ raise_exception('first\nmust be \\'system\\'') }}{% endif %}",
        "with": "{% with a = 1, b = a %}{{ b }}{% endwith %}{% filter upper %}x{% endfilter %}{% set x %}y{% endset %}{{ x }}{% generation %}g{% endgeneration %}",
        "break": "{% for i in range(9) %}{% if i == 3 %}{% break %}{% elif i is odd %}{% continue %}{% endif %}{{ i }}{% else %}none{% endfor %}",
        "recursive_loop": "{% for x in [[1,[2]],3] recursive %}{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{{ loop.depth }}{% endif %}{% endfor %}",
        "white_space": "  {%- if true -%}  a  {%+ endif +%}  {{- ' b ' -}}  {#- note -#}\n",
        "operators": "{{ 7 // 2 }}{{ -7 % 3 }}{{ 2 ** 10 }}{{ 1 / 3 }}{{ 'a' ~ 1 }}{{ not 1 in [1] }}{{ 1 if false else 2 }}{{ 3 > 2 > 1 }}{{ 'a' * 3 }}{{ [1] * 2 + [3] }}",
        "raw": "{% raw %}{{ x }}{% endraw %}",
        "time": "{{ strftime_now('%Y-%m-%d %H:%M:%S %%') }}",
        "tests": "{{ 1 is number }}{{ x is undefined }}{{ none is none }}{{ 'a' is string }}{{ {} is mapping }}{{ [] is sequence }}{{ 2 is divisibleby 2 }}{{ 1 is sameas 1 }}",
    }
    hostile = {
        "doubles": "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "list_doubles": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}",
        "list_of_itself": "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}{{ ns.x == ns.x }}",
        "namespace_of_itself": "{% set ns = namespace(x=1) %}{% set ns.x = ns %}{{ ns.x.x.x }}{{ ns }}",
        "range_huge": "{{ range(999999999999)|length }}{{ range(-9223372036854775808, 9223372036854775807, 1) }}",
        "multiplies": "{{ 'abc' * 999999999 }}{{ [0] * 9223372036854775807 }}",
        "pads": "{{ '%999999999d' % 1 }}{{ 'x'.center(99999999) }}{{ 'x'.ljust(9223372036854775807) }}{{ 'x'|indent(999999999) }}",
        "numbers": "{{ 9223372036854775807 + 1 }}{{ -9223372036854775808 // -1 }}{{ -9223372036854775808 % -1 }}{{ 2 ** 9999 }}{{ 1e308 * 10 }}{{ 1 // 0 }}{{ 9223372036854775807 * 2 }}{{ -(-9223372036854775808) }}{{ (1e300)|int }}{{ 1e300|round(400) }}",
        "macro_recursion": "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "deep_parentheses": "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
        "deep_lists": "{{ " + "[" * 140 + "]" * 140 + " }}",
        "deep_not": "{{ " + "not " * 500 + "1 }}",
        "deep_if": "{% if 1 %}" * 200 + "{% endif %}" * 200,
        "long_chain": "{{ x" + ".a" * 3000 + " }}",
        "long_sum": "{{ 1" + "+1" * 3000 + " }}",
        "replace_grows": "{{ 'aaaa'.replace('', 'bbbbbbbb').replace('b', 'cccccccc').replace('c', 'dddddddd').replace('d', 'eeeeeeeeeeeeee') }}",
        "unclosed": "{{ 'a",
        "unclosed_block": "{% for x in y %}",
        "odd_escapes": "{{ '\\u0000\\ud800\\x41\\N{DASH}\\777' }}",
        "slices": "{{ 'héllo'[9223372036854775807:-9223372036854775808:-1] }}{{ [1,2,3][::-9223372036854775808] }}{{ 'abc'[1:2:0] }}",
        "attributes": "{{ ''.__class__.__mro__ }}{{ messages.__init__ }}{{ x.y.z }}",
        "sort_mixed": "{{ [1,'a',none,[]]|sort }}{{ messages|sort(attribute='role.x.y') }}",
        "iterators": "{% set a = [1,2]|map('string') %}{{ a|list }}{{ a|list }}{{ a|length }}{{ [a,a]|sum(start=[]) }}",
        "time_long": "{{ strftime_now('%c' * 5000) }}",
    }
    for label, text in {**small, **hostile}.items():
        put(name, label, text)


# JSON lines


def json_lines():
    name = "json_lines"
    pair = {"prompt": "Hi", "chosen": "a", "rejected": "b"}
    talk = [{"role": "user", "content": "Hi"}]

    def answer(text):
        return [{"role": "assistant", "content": text}]

    def lines(label, *values):
        put(name, label, "".join((v if isinstance(v, str) else dumped(v)) + "\n" for v in values))

    lines("prompts", {"prompt": "Hi"}, {"prompt": talk}, {"prompt": "x", "split": "test"}, {"prompt": "x", "split": "dev"})
    lines("pairs", pair, {"prompt": talk, "chosen": answer("a"), "rejected": answer("b")})
    lines("implicit", {"chosen": "Hi there é", "rejected": "Hi you è"}, {"chosen": talk + answer("a"), "rejected": talk + answer("b")})
    lines("byte_order_mark_begins_answer", {"chosen": "a\ufeffx", "rejected": "ab"})
    lines("implicit_edges", {"chosen": "", "rejected": ""}, {"chosen": "a", "rejected": "ab"}, {"chosen": "a b", "rejected": "a"}, {"chosen": [], "rejected": []},
          {"chosen": "\U0001f600a", "rejected": "\U0001f600b"}, {"chosen": talk, "rejected": talk})
    lines("mixed", {**pair, "prompt": talk}, {**pair, "chosen": answer("a")}, {**pair, "chosen": 1}, [], 1, "x", None, {})
    put(name, "line_ends", b'\xef\xbb\xbf{"prompt":"a"}\r\n\r\n  \t\n{"prompt":"b"}')
    put(name, "bom_twice", b'\xef\xbb\xbf\xef\xbb\xbf{"prompt":"a"}\n\xef\xbb\xbf1\n')
    lines("numbers", "1e400", "-0.0", "1E-400", "0.1e1", "123456789012345678901234567890", "-9223372036854775809", "01", "1.", "+1", "NaN", '"nan"', '"-inf"')
    lines("strings", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\t"', '"\\x"', "'a'", '"a')
    put(name, "not_utf8", b'{"prompt":"\xff"}\n"\xed\xa0\x80"\n"\xc0\x80"\n"\xf4\x90\x80\x80"\n{"\xff":1}\n')
    put(name, "half_character_at_end", b'{"prompt":"a"}\n\xc3')
    put(name, "zero", b'{"prompt":"a"}\0\n\0\n1\0x\n')
    lines("twice", '{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', '{"a":1,"\\u0061":2}')
    lines("deep", "[" * 200 + "]" * 200, "[" * 201 + "]" * 201, "[" * 5000, '{"a":' * 199 + "1" + "}" * 199)
    lines("trailing", "{} {}", "1 2", "[1,]", '{"a":1,}', "// x", "/* */1")
    lines("long_names", {"x" * 5000: 1}, '{"%s":1,"%s":2}' % (("é" * 400,) * 2), {"prompt": {"é" * 300: "\n"}})


if __name__ == "__main__":
    for make in (safetensors, config, tokenizer_json, tokenizer_model, chat_template, json_lines):
        make()
    files = [f for f in corpus.rglob("*") if f.is_file()]
    print(len(files), "files,", sum(f.stat().st_size for f in files), "bytes")
