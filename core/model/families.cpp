#include "core/model/families.h"

#include <algorithm>

namespace prefbench::model {
namespace {

// clang-format off

/// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
const Family gpt2{
    .modelType = "gpt2",
    .defaults = {.vocabulary = 50257, .hidden = 768, .layers = 12, .heads = 12, .maxPositions = 1024,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::GeluTanh, .gatedMlp = false,
                 .positions = Positions::Learned,
                 .attentionBias = true, .outputBias = true, .mlpBias = true,
                 .tiedHead = true},
    .keys = {.hidden = "n_embd", .layers = "n_layer", .heads = "n_head", .mlp = "n_inner",
             .maxPositions = "n_positions", .normEpsilon = "layer_norm_epsilon",
             .activation = "activation_function"},
    .required = {{"scale_attn_weights", true}, {"scale_attn_by_inverse_layer_idx", false},
                 {"add_cross_attention", false}},
    .matrices = MatrixLayout::InputByOutput,
    .modules = {{Module::TokenEmbedding, "transformer.wte"},
                {Module::PositionEmbedding, "transformer.wpe"},
                {Module::AttentionNorm, "transformer.h.{}.ln_1"},
                {Module::QueryKeyValue, "transformer.h.{}.attn.c_attn"},
                {Module::AttentionOutput, "transformer.h.{}.attn.c_proj"},
                {Module::MlpNorm, "transformer.h.{}.ln_2"},
                {Module::Up, "transformer.h.{}.mlp.c_fc"},
                {Module::Down, "transformer.h.{}.mlp.c_proj"},
                {Module::FinalNorm, "transformer.ln_f"},
                {Module::Head, "lm_head"}},
    .optionalPrefix = "transformer.",
    .ignored = {".attn.bias", ".attn.masked_bias"},
};

/// Touvron et al. 2023, "LLaMA" and "Llama 2"; Grattafiori et al. 2024, "The Llama 3 Herd of Models".
const Family llama{
    .modelType = "llama",
    .defaults = {.vocabulary = 32000, .hidden = 4096, .layers = 32, .heads = 32, .mlp = 11008, .maxPositions = 2048,
                 .norm = Norm::RmsNorm, .normEpsilon = 1e-6,
                 .activation = Activation::Silu, .gatedMlp = true,
                 .positions = Positions::Rotary, .ropeTheta = 10000},
    .keys = {.kvHeads = "num_key_value_heads", .headDim = "head_dim", .normEpsilon = "rms_norm_eps",
             .attentionBias = "attention_bias", .outputBias = "attention_bias", .mlpBias = "mlp_bias"},
    .modules = {{Module::TokenEmbedding, "model.embed_tokens"},
                {Module::AttentionNorm, "model.layers.{}.input_layernorm"},
                {Module::Query, "model.layers.{}.self_attn.q_proj"},
                {Module::Key, "model.layers.{}.self_attn.k_proj"},
                {Module::Value, "model.layers.{}.self_attn.v_proj"},
                {Module::AttentionOutput, "model.layers.{}.self_attn.o_proj"},
                {Module::MlpNorm, "model.layers.{}.post_attention_layernorm"},
                {Module::Gate, "model.layers.{}.mlp.gate_proj"},
                {Module::Up, "model.layers.{}.mlp.up_proj"},
                {Module::Down, "model.layers.{}.mlp.down_proj"},
                {Module::FinalNorm, "model.norm"},
                {Module::Head, "lm_head"}},
    .ignored = {".rotary_emb.inv_freq"},
};

// clang-format on

}  // namespace

std::span<const Family> families() {
    static const std::vector<Family> table{gpt2, llama};
    return table;
}

const Family* findFamily(std::string_view modelType) {
    const auto rows = families();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Family& f) { return f.modelType == modelType; });
    return row == rows.end() ? nullptr : &*row;
}

}  // namespace prefbench::model
