"""Losses on what labels say beyond which completion is better, by torch's own differentiation of the plain formulas.

usage: python make_label_losses.py ..

Writes losses/labels.json: inputs (log-probability sums, strengths |score|, preferences μ), and per case the settings, the
loss of each pair, the mean, and the gradients of the mean by the policy's sums. Formulas: x = β((log π(chosen) −
log π_ref(chosen)) − (log π(rejected) − log π_ref(rejected)));

dpo            −μ log σ(x) − (1 − μ) log σ(−x)                     a tie is μ = ½
cdpo           the same with μ(1 − ε) + (1 − μ)ε for μ
dpo_strength   dpo's times strength / mean strength
dpo_margin     dpo's of x − γ·strength; of x for a tie
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
PAIRS = 9
SEED = 20260


def inputs():
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda scale: (torch.randn(PAIRS, generator=generator) * scale)
    reference = {"chosen": -60 + draw(20), "rejected": -70 + draw(20)}
    policy = {side: reference[side] + draw(12) for side in reference}
    policy["chosen"][0] = reference["chosen"][0]  # an untouched pair
    policy["rejected"][0] = reference["rejected"][0]
    return {
        "policy_chosen_logps": policy["chosen"].tolist(),
        "policy_rejected_logps": policy["rejected"].tolist(),
        "ref_chosen_logps": reference["chosen"].tolist(),
        "ref_rejected_logps": reference["rejected"].tolist(),
        "strength": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 3.0, 1.0, 2.0],
        "preference": [1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 0.75, 1.0, 0.9],
    }


def cross_entropy(probability, x):
    return -probability * F.logsigmoid(x) - (1 - probability) * F.logsigmoid(-x)


def losses(method, x, strength, preference, case):
    if method == "dpo":
        return cross_entropy(preference, x)
    if method == "cdpo":
        epsilon = case["label_smoothing"]
        return cross_entropy(preference * (1 - epsilon) + (1 - preference) * epsilon, x)
    if method == "dpo_strength":
        return strength / strength.mean() * cross_entropy(preference, x)
    wanted = torch.where(preference == 0.5, torch.zeros_like(x), case["strength_gamma"] * strength)
    return cross_entropy(preference, x - wanted)


def computed(case, numbers):
    chosen = torch.tensor(numbers["policy_chosen_logps"], requires_grad=True)
    rejected = torch.tensor(numbers["policy_rejected_logps"], requires_grad=True)
    reference = torch.tensor(numbers["ref_chosen_logps"]) - torch.tensor(numbers["ref_rejected_logps"])
    x = case["beta"] * (chosen - rejected - reference)
    loss = losses(case["loss_type"], x, torch.tensor(numbers["strength"]), torch.tensor(numbers["preference"]), case)
    loss.mean().backward()
    return {**case, "dtype": "float64", "per_pair_loss": loss.tolist(), "mean_loss": loss.mean().item(),
            "grad_policy_chosen": chosen.grad.tolist(), "grad_policy_rejected": rejected.grad.tolist()}


def main():
    numbers = inputs()
    cases = []
    for beta in (0.1, 0.5):
        for settings in ({"loss_type": "dpo"}, {"loss_type": "cdpo", "label_smoothing": 0.2},
                         {"loss_type": "dpo_strength"}, {"loss_type": "dpo_margin", "strength_gamma": 0.3},
                         {"loss_type": "dpo_margin", "strength_gamma": 1.0}):
            name = "_".join([settings["loss_type"], f"b{beta}"] + [f"{v}" for k, v in settings.items() if k != "loss_type"])
            cases.append(computed({"name": name, "beta": beta, **settings}, numbers))
    with open(os.path.join(sys.argv[1], "losses", "labels.json"), "w", encoding="utf-8") as out:
        json.dump({"inputs": numbers, "cases": cases}, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
