#pragma once

#include "core/training/losses.h"

/// The loss of one pair by each method. u, v: log-ratios log π − log π_ref of chosen and rejected; s: what the chosen
/// divergence makes of them (u, v themselves for reverse KL); x = β(s_u − s_v).
namespace prefbench::training::formulas {

/// −log σ(x). Rafailov et al., Direct Preference Optimization, arXiv:2305.18290, eq. 7; TRL's "sigmoid". With a label
/// of probability μ: −μ log σ(x) − (1 − μ) log σ(−x).
Dual dpo(const Pair& pair, const LossSettings& settings);
/// −(1−ε) log σ(x) − ε log σ(−x). Mitchell, A note on DPO with noisy preferences, https://ericmitchell.ai/cdpo.pdf,
/// eq. 3.
Dual conservativeDpo(const Pair& pair, const LossSettings& settings);
/// cdpo's with the reference taken as uniform: x = β(log π(chosen) − log π(rejected)).
Dual referenceFree(const Pair& pair, const LossSettings& settings);
/// dpo's times strength / mean strength of the data.
Dual strengthWeightedDpo(const Pair& pair, const LossSettings& settings);
/// −log σ(x − γ·strength): Touvron et al., Llama 2, arXiv:2307.09288, eq. 2, for DPO.
Dual strengthMarginDpo(const Pair& pair, const LossSettings& settings);
/// [−(1−ε) log σ(x) + ε log σ(−x)] / (1 − 2ε). Chowdhury et al., Robust DPO, arXiv:2403.00409, eq. 8.
Dual robust(const Pair& pair, const LossSettings& settings);
/// (s_u/|chosen| − s_v/|rejected| − 1/(2β))². Azar et al., IPO, arXiv:2310.12036, eq. 17, per token as TRL has it.
Dual ipo(const Pair& pair, const LossSettings& settings);
/// The same on sums, as the original DPO code has it.
Dual ipoSum(const Pair& pair, const LossSettings& settings);
/// max(0, 1 − x). Zhao et al., SLiC-HF, arXiv:2305.10425.
Dual hinge(const Pair& pair, const LossSettings& settings);
/// KL(p_θ ‖ p_label) over the pair, labels smoothed by ε. Ji et al., EXO, arXiv:2402.00856, eq. 16.
Dual exoPair(const Pair& pair, const LossSettings& settings);
/// −log σ(βu) − ½ log σ(−βu) − ½ log σ(−βv). Chen et al., NCA, arXiv:2402.05369.
Dual ncaPair(const Pair& pair, const LossSettings& settings);
/// −log σ(βu) − log σ(−βv). Jung et al., BCO, arXiv:2404.04656, without the shift.
Dual bcoPair(const Pair& pair, const LossSettings& settings);
/// (u − 1/(2β))² + (v + 1/(2β))². Wu et al., SPPO, arXiv:2405.00675, hard labels.
Dual sppoHard(const Pair& pair, const LossSettings& settings);
/// 1 − σ(βu) + σ(βv). D'Oosterlinck et al., APO, arXiv:2408.06266, eq. 7.
Dual apoZero(const Pair& pair, const LossSettings& settings);
/// σ(βu) + 1 − σ(β(u − v)). The same, eq. 8.
Dual apoDown(const Pair& pair, const LossSettings& settings);
/// (1 − m)(−log σ(x)) + m·e⁻ˣ, m = σ(x/τ). Lu et al., DiscoPOP, arXiv:2406.08414, eq. 5.
Dual discopop(const Pair& pair, const LossSettings& settings);
/// −log σ(β(s_u/|chosen| − s_v/|rejected|)).
Dual sigmoidNorm(const Pair& pair, const LossSettings& settings);
/// cdpo's of differences that the caller sorted. Melnyk et al., AOT, arXiv:2406.05882.
Dual optimalTransport(const Pair& pair, const LossSettings& settings);
/// w_d(1 − σ(βu − βz)) + w_u(1 − σ(βz − βv)), z = pair.mismatchedKl. Ethayarajh et al., KTO, arXiv:2402.01306, eq. 8:
/// half the sum, the mean over both examples.
Dual kto(const Pair& pair, const LossSettings& settings);
/// −β log σ(log odds(chosen) − log odds(rejected)), odds of the mean log π a token. Hong et al., ORPO,
/// arXiv:2403.07691.
Dual orpo(const Pair& pair, const LossSettings& settings);
/// cdpo's of x = β(mean log π(chosen) − mean log π(rejected)) − γ. Meng et al., SimPO, arXiv:2405.14734, eq. 6.
Dual simpo(const Pair& pair, const LossSettings& settings);
/// cdpo's, hinge's and ipo's without a reference. Xu et al., CPO, arXiv:2401.08417.
Dual cpo(const Pair& pair, const LossSettings& settings);
Dual cpoHinge(const Pair& pair, const LossSettings& settings);
Dual cpoIpo(const Pair& pair, const LossSettings& settings);
/// Weighted sum of dpo's and bco_pair's; the third part is the likelihood. Wang et al., MPO, arXiv:2411.10442, eq. 2.
Dual mixed(const Pair& pair, const LossSettings& settings);
/// 0: the likelihood of the chosen completions is all there is.
Dual none(const Pair& pair, const LossSettings& settings);

}  // namespace prefbench::training::formulas
