#!/usr/bin/env python3
"""Writes the starter model before any training: a small Llama with random weights, as a Hugging Face folder.

    make_model.py --tokenizer FOLDER --out FOLDER [--seed N]

The tokenizer's files are copied beside the weights. Weights are normal with standard deviation 0.02, norms are 1;
Python's generator is the same everywhere, so a seed gives the same bytes on every machine.
"""

import argparse
import array
import json
import os
import random
import shutil
import struct
import sys

HIDDEN, MLP, LAYERS, HEADS, POSITIONS = 192, 448, 4, 6, 256


def tensors(vocabulary):
    """Name and shape in the order of the file."""
    yield "model.embed_tokens.weight", (vocabulary, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (HIDDEN,)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"{prefix}self_attn.{name}.weight", (HIDDEN, HIDDEN)
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,)
        yield prefix + "mlp.gate_proj.weight", (MLP, HIDDEN)
        yield prefix + "mlp.up_proj.weight", (MLP, HIDDEN)
        yield prefix + "mlp.down_proj.weight", (HIDDEN, MLP)
    yield "model.norm.weight", (HIDDEN,)


def weights(shape, source):
    count = 1
    for size in shape:
        count *= size
    values = array.array("f", [1.0] * count if len(shape) == 1 else [source.gauss(0, 0.02) for _ in range(count)])
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def writeSafetensors(path, vocabulary, seed):
    source = random.Random(seed)
    header, body, parameters = {"__metadata__": {"format": "pt"}}, bytearray(), 0
    for name, shape in tensors(vocabulary):
        data = weights(shape, source)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
        parameters += len(data) // 4
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
    return parameters


def writeJson(folder, name, data):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with open(os.path.join(arguments.tokenizer, "tokenizer.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    end = tokenizer["added_tokens"][0]["id"]
    vocabulary = end + 1
    os.makedirs(arguments.out, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(os.path.join(arguments.tokenizer, name), arguments.out)
    writeJson(arguments.out, "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary, "hidden_size": HIDDEN,
        "intermediate_size": MLP, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS, "head_dim": HIDDEN // HEADS, "hidden_act": "silu",
        "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "attention_bias": False,
        "mlp_bias": False, "attention_dropout": 0.0, "initializer_range": 0.02, "tie_word_embeddings": True,
        "bos_token_id": None, "eos_token_id": end, "pad_token_id": end, "torch_dtype": "float32", "use_cache": True,
    })
    writeJson(arguments.out, "generation_config.json", {
        "eos_token_id": end, "pad_token_id": end, "do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0,
    })
    parameters = writeSafetensors(os.path.join(arguments.out, "model.safetensors"), vocabulary, arguments.seed)
    print(json.dumps({"parameters": parameters, "vocabulary": vocabulary}))


if __name__ == "__main__":
    main()
