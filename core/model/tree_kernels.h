#pragma once

#include <cstdint>
#include <vector>

namespace prefbench::model {

// Attention among the tokens of one tree, forward and backward, in float32 on one thread: what is invisible is not
// computed, where a library's masked attention computes all of tokens². Compiled for what CPUs have and chosen by what
// this one has. What a token gets depends on what it sees alone.

/// One head of keys and values, and the query heads that share it. Rows are tokens, `…Stride` floats apart; a row's
/// `dim` floats lie together, and those of the next query head follow them.
struct TreeHead {
    std::int64_t tokens = 0, prefix = 0;
    std::vector<std::int64_t> branches;  ///< tokens of each, after the prefix
    std::int64_t firstQuery = 0;         ///< of the tokens, with which queries and outputs begin
    std::int64_t queryHeads = 1, dim = 0;
    std::int64_t window = 0;  ///< positions that a token sees, its own included; 0: all
    float scale = 1;
    const float* bias = nullptr;  ///< of a key's score by its position [queryHeads, biasStride]; may be null
    std::int64_t biasStride = 0;

    const float* queries = nullptr;
    const float* keys = nullptr;
    const float* values = nullptr;
    std::int64_t queryStride = 0, keyStride = 0, valueStride = 0;

    float* outputs = nullptr;
    std::int64_t outputStride = 0;
    float* logSums = nullptr;  ///< of exp(score) [queryHeads, logStride]: what the backward pass needs; may be null
    std::int64_t logStride = 0;
};

/// What the backward pass adds: the gradients of a TreeHead's queries, keys and values, given that of its outputs.
struct TreeHeadGradients {
    const float* outputs = nullptr;  ///< rows `outputStride` apart
    std::int64_t outputStride = 0;
    float* queries = nullptr;  ///< written
    float* keys = nullptr;     ///< added to
    float* values = nullptr;   ///< added to
    std::int64_t queryStride = 0, keyStride = 0, valueStride = 0;
};

/// One implementation, for one kind of CPU. `scratch` keeps its memory from call to call. TreeHead::dim must be a
/// multiple of 16.
struct TreeKernel {
    /// softmax(scale · Q Kᵀ + bias) V, where a token sees its own past, and a branch's token besides the whole prefix.
    void (*attend)(const TreeHead& head, std::vector<float>& scratch);
    /// `head` as it was computed: its outputs and logSums are read. Dao et al. 2022, FlashAttention, arXiv:2205.14135,
    /// B.2.
    void (*differentiate)(const TreeHead& head, const TreeHeadGradients& gradients, std::vector<float>& scratch);
};
/// All that this CPU can run, the fastest first.
std::vector<TreeKernel> treeKernels();

}  // namespace prefbench::model
