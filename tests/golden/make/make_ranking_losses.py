"""Plackett–Luce DPO over rankings, in numpy's float64.

usage: python make_ranking_losses.py ..

Writes losses/rankings.json: inputs (log-probability sums of each ranking's completions, best first), and per case β, the
loss of each ranking, the mean, the gradients of the mean by the policy's sums, and the metrics. With r = log π − log π_ref:

loss       −Σ_k log( exp βr_k / Σ_{j≥k} exp βr_j )                                                     arXiv:2305.18290, eq. 20
gradient   ∂/∂r_i = −β Σ_{k≤i} ( [i = k] − softmax(βr_k, βr_{k+1}, …)_i ); held here against differences of the loss
metrics    chosen: the best completion; rejected: the mean of the others; accuracy: share of the pairs in the ranking's order;
           gradient_weight: the probability that another than the best is chosen first
"""

import itertools
import json
import os
import sys

import numpy as np

SEED = 20261


def rankings():
    """Policy's and reference's sums, one list a ranking."""
    random = np.random.default_rng(SEED)
    pairs = []
    for count in (2, 2, 3, 3, 4, 4, 5, 5, 6, 6):
        reference = random.normal(-60, 20, count)
        pairs.append((reference + random.normal(0, 12, count), reference))
    untouched = random.normal(-60, 20, 5)
    pairs.append((untouched, untouched))  # every log-ratio 0
    pairs.append((np.array([-50.0, -50.0, -40.0, -40.0]), np.array([-51.0, -51.0, -41.0, -41.0])))  # ties, all of 1
    pairs.append((np.array([-10.0, -12.0, -12.0, -20.0]), np.array([-10.0, -10.0, -10.0, -10.0])))  # a tie in the middle
    pairs.append((np.array([-1.0, -400.0, -900.0]), np.array([-500.0, -500.0, -500.0])))  # certain, in order
    pairs.append((np.array([-900.0, -400.0, -1.0]), np.array([-500.0, -500.0, -500.0])))  # certain, the other way round
    pairs.append((np.array([-3000.0, -5.0, -3000.0, -5.0, -9000.0, -5.0]), np.full(6, -2000.0)))
    return pairs


def log_sum_exp(x):
    return x.max() + np.log(np.exp(x - x.max()).sum())


def loss_of(ratios, beta):
    x = beta * ratios
    return sum(log_sum_exp(x[k:]) - x[k] for k in range(len(x)))


def gradient_of(ratios, beta):
    x = beta * ratios
    gradient = np.zeros(len(x))
    for k in range(len(x)):
        gradient[k:] += beta * np.exp(x[k:] - log_sum_exp(x[k:]))
        gradient[k] -= beta
    step = 1e-5
    for i in range(len(x)):
        moved = np.eye(len(x))[i] * step
        difference = (loss_of(ratios + moved, beta) - loss_of(ratios - moved, beta)) / (2 * step)
        assert abs(difference - gradient[i]) < 1e-5, (difference, gradient[i])
    return gradient


def ordered_share(ratios):
    pairs = list(itertools.combinations(ratios, 2))
    return sum(better > worse for better, worse in pairs) / len(pairs)


def metrics_of(inputs, beta):
    chosen = [beta * (policy - reference)[0] for policy, reference in inputs]
    rejected = [beta * (policy - reference)[1:].mean() for policy, reference in inputs]
    first = [np.exp(beta * (p - r)[0] - log_sum_exp(beta * (p - r))) for p, r in inputs]
    return {"rewards/chosen": np.mean(chosen), "rewards/rejected": np.mean(rejected),
            "rewards/margins": np.mean(chosen) - np.mean(rejected),
            "rewards/accuracies": np.mean([ordered_share(policy - reference) for policy, reference in inputs]),
            "logps/chosen": np.mean([policy[0] for policy, _ in inputs]),
            "logps/rejected": np.mean([policy[1:].mean() for policy, _ in inputs]),
            "gradient_weight": 1 - np.mean(first)}


def case(inputs, beta):
    losses = [loss_of(policy - reference, beta) for policy, reference in inputs]
    gradients = [gradient_of(policy - reference, beta) / len(inputs) for policy, reference in inputs]
    return {"name": f"plackett_luce_b{beta}", "loss_type": "plackett_luce", "beta": beta, "dtype": "float64",
            "per_ranking_loss": losses, "mean_loss": np.mean(losses), "grad_policy": [g.tolist() for g in gradients],
            "metrics": metrics_of(inputs, beta)}


def main():
    inputs = rankings()
    result = {"inputs": {"policy_logps": [p.tolist() for p, _ in inputs], "ref_logps": [r.tolist() for _, r in inputs]},
              "cases": [case(inputs, beta) for beta in (0.01, 0.1, 0.5, 2.0)]}
    with open(os.path.join(sys.argv[1], "losses", "rankings.json"), "w", encoding="utf-8") as out:
        json.dump(result, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
