"""Does peft see the adapter that prefbench-engine sees?

usage: check_adapter.py ENGINE ADAPTER TARGETS PAIRS.jsonl

Lays ADAPTER over its base with peft and compares what check_model.py compares, and the adapter's modules with those that peft
itself takes for TARGETS (all-linear, or names with commas between). Every matrix must come from the file, and the adapter must
change what the base says. Prints one line; exit status 1 and the first differences on standard error when they disagree.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from check_model import TOLERANCE, completions, engine, token_log_probs  # noqa: E402
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402


def base_model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def matrices(model):
    return {name.replace(".default.", ".") for name, _ in model.named_parameters() if ".lora_" in name}


def layer_problems(config, targets, tensors):
    """Would peft adapt the same layers?"""
    target_modules = targets if targets == "all-linear" else targets.split(",")
    fresh = LoraConfig(r=config.r, target_modules=target_modules, task_type="CAUSAL_LM", fan_in_fan_out=config.fan_in_fan_out)
    names = matrices(get_peft_model(base_model(config.base_model_name_or_path), fresh))
    return [f"{name} is in one of the two only" for name in sorted(names ^ set(tensors))]


def main():
    program, folder, targets, file = sys.argv[1:]
    config = PeftConfig.from_pretrained(folder)
    tensors = load_file(os.path.join(folder, "adapter_model.safetensors"))
    problems = layer_problems(config, targets, tensors)
    model = PeftModel.from_pretrained(base_model(config.base_model_name_or_path), folder).eval()
    for name, value in model.state_dict().items():
        if ".lora_" in name and not torch.equal(value, tensors[name.replace(".default.", ".")]):
            problems.append(f"{name} is not what the file holds")

    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    rows = [
        {
            "prompt_ids": tokenizer.encode(prompt).ids,
            "completion_ids": tokenizer.encode(completion, add_special_tokens=False).ids,
        }
        for prompt, completion in completions(file)
    ]
    rows = [row for row in rows if row["completion_ids"]]
    worst = change = 0.0
    for row, scored in zip(rows, engine(program, "score", folder, rows), strict=True):
        expected = token_log_probs(model, row["prompt_ids"], row["completion_ids"])
        with model.disable_adapter():
            base = token_log_probs(model, row["prompt_ids"], row["completion_ids"])
        difference = max(abs(a - b) for a, b in zip(expected, scored["token_logprobs"], strict=True))
        worst = max(worst, difference)
        change = max(change, *(abs(a - b) for a, b in zip(expected, base, strict=True)))
        if difference > TOLERANCE:
            problems.append(f"log-probabilities of {row} differ by {difference:.2e}")
    if change < 100 * TOLERANCE:
        problems.append(f"the adapter changes no token's log-probability by more than {change:.2e}")

    for problem in problems[:5]:
        print(problem, file=sys.stderr)
    print(f"{len(rows)} completions, largest difference of a token {worst:.1e}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
