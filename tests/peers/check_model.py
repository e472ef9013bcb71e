"""Does transformers see the model that prefbench-engine sees?

usage: check_model.py ENGINE MODEL PAIRS.jsonl

Loads MODEL with transformers, scores the chosen and rejected completions of PAIRS, and compares with
`prefbench-engine tokenize` (ids must be those that `tokenizers` gives) and `prefbench-engine score` (each token's
log-probability within 1e-4). Prints one line; exit status 1 and the first differences on standard error when they
disagree.
"""

import json
import os
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

TOLERANCE = 1e-4
torch.set_num_threads(1)  # tiny models: more threads only wait for each other


def engine(program, command, model, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([program, command, "--model", model], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def completions(file):
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["prompt"], row["chosen"]
            yield row["prompt"], row["rejected"]


@torch.no_grad()
def token_log_probs(model, prompt_ids, completion_ids):
    ids = torch.tensor([prompt_ids + completion_ids])
    log_probs = model(ids).logits[0].double().log_softmax(-1)
    first = len(prompt_ids)
    return [log_probs[i - 1, ids[0, i]].item() for i in range(first, ids.shape[1])]


def main():
    program, folder, file = sys.argv[1:]
    # Not AutoTokenizer: for some model types it changes what tokenizer.json says.
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as config:
        eos = tokenizer.token_to_id(json.load(config)["eos_token"])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    texts = [text for pair in completions(file) for text in pair]
    found = engine(program, "tokenize", folder, [{"text": text} for text in texts])
    problems = [
        f"ids of {text!r}: {tokenizer.encode(text).ids}, the engine says {row['ids']}"
        for text, row in zip(texts, found, strict=True)
        if tokenizer.encode(text).ids != row["ids"]
    ]

    rows = [
        {
            "prompt_ids": tokenizer.encode(prompt).ids,
            "completion_ids": tokenizer.encode(completion, add_special_tokens=False).ids + [eos],
        }
        for prompt, completion in completions(file)
    ]
    worst = 0.0
    for row, scored in zip(rows, engine(program, "score", folder, rows), strict=True):
        expected = token_log_probs(model, row["prompt_ids"], row["completion_ids"])
        difference = max(abs(a - b) for a, b in zip(expected, scored["token_logprobs"], strict=True))
        worst = max(worst, difference)
        if difference > TOLERANCE:
            problems.append(f"log-probabilities of {row} differ by {difference:.2e}")

    for problem in problems[:5]:
        print(problem, file=sys.stderr)
    print(f"{len(rows)} completions, largest difference of a token {worst:.1e}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
