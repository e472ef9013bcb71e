#include "core/model/families.h"

#include <algorithm>
#include <cmath>

namespace prefbench::model {
namespace {

/// Which layers have a window: as layer_types says, else by the family's `rule`; none where the model has no window.
template <typename Rule>
std::vector<bool> windowedLayers(const ConfigReader& config, const Architecture& a, Rule rule) {
    std::vector<bool> layers;
    if (a.window == 0) {
        return layers;
    }
    const files::OrderedJson* types = config.find("layer_types");
    if (types != nullptr && (!types->is_array() || types->size() != static_cast<std::size_t>(a.layers))) {
        config.fail("layer_types", *types, "a list of " + std::to_string(a.layers) + " types, one a layer");
    }
    for (std::int64_t layer = 0; layer < a.layers; ++layer) {
        if (types == nullptr) {
            layers.push_back(rule(layer));
            continue;
        }
        const files::OrderedJson& type = (*types)[static_cast<std::size_t>(layer)];
        if (type != "sliding_attention" && type != "full_attention") {
            config.fail("layer_types", type, "sliding_attention or full_attention");
        }
        layers.push_back(type == "sliding_attention");
    }
    return layers;
}

// clang-format off

/// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
const Family gpt2{
    .modelType = "gpt2",
    .defaults = {.vocabulary = 50257, .hidden = 768, .layers = 12, .heads = 12, .maxPositions = 1024,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::GeluTanh, .gatedMlp = false,
                 .positions = Positions::Learned,
                 .embeddingDropout = true, .residualDropout = true,
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

/// Wang and Komatsuzaki 2021, "GPT-J-6B".
const Family gptj{
    .modelType = "gptj",
    .defaults = {.vocabulary = 50400, .hidden = 4096, .layers = 28, .heads = 16, .maxPositions = 2048,
                 .block = Block::ParallelOneNorm,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::GeluTanh, .gatedMlp = false,
                 .positions = Positions::Rotary, .rotary = {.dim = 64, .adjacent = true},
                 .embeddingDropout = true, .residualDropout = true,
                 .mlpBias = true, .headBias = true},
    .keys = {.hidden = "n_embd", .layers = "n_layer", .heads = "n_head", .mlp = "n_inner",
             .maxPositions = "n_positions", .normEpsilon = "layer_norm_epsilon",
             .activation = "activation_function", .ropeTheta = {}, .rotaryShare = {}},
    .complete = [](const ConfigReader& config, Architecture& a) {
        a.rotary.dim = config.size("rotary_dim", a.rotary.dim);
    },
    .modules = {{Module::TokenEmbedding, "transformer.wte"},
                {Module::AttentionNorm, "transformer.h.{}.ln_1"},
                {Module::Query, "transformer.h.{}.attn.q_proj"},
                {Module::Key, "transformer.h.{}.attn.k_proj"},
                {Module::Value, "transformer.h.{}.attn.v_proj"},
                {Module::AttentionOutput, "transformer.h.{}.attn.out_proj"},
                {Module::Up, "transformer.h.{}.mlp.fc_in"},
                {Module::Down, "transformer.h.{}.mlp.fc_out"},
                {Module::FinalNorm, "transformer.ln_f"},
                {Module::Head, "lm_head"}},
    .optionalPrefix = "transformer.",
    .ignored = {".attn.bias", ".attn.masked_bias"},
};

/// Black et al. 2022, "GPT-NeoX-20B"; Biderman et al. 2023, "Pythia".
const Family gptNeoX{
    .modelType = "gpt_neox",
    .defaults = {.vocabulary = 50432, .hidden = 6144, .layers = 44, .heads = 64, .mlp = 24576, .maxPositions = 2048,
                 .block = Block::Parallel,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::GeluExact, .gatedMlp = false,
                 .positions = Positions::Rotary,
                 .fusedOrder = FusedOrder::ByKeyHead,
                 .embeddingDropout = true, .residualDropout = true,
                 .attentionBias = true, .outputBias = true, .mlpBias = true},
    .rotaryShare = 0.25,
    .keys = {.normEpsilon = "layer_norm_eps", .attentionBias = "attention_bias", .outputBias = "attention_bias",
             .ropeTheta = "rotary_emb_base", .rotaryShare = "rotary_pct"},
    .complete = [](const ConfigReader& config, Architecture& a) {
        a.block = config.flag("use_parallel_residual", true) ? Block::Parallel : Block::PreNorm;
    },
    .modules = {{Module::TokenEmbedding, "gpt_neox.embed_in"},
                {Module::AttentionNorm, "gpt_neox.layers.{}.input_layernorm"},
                {Module::QueryKeyValue, "gpt_neox.layers.{}.attention.query_key_value"},
                {Module::AttentionOutput, "gpt_neox.layers.{}.attention.dense"},
                {Module::MlpNorm, "gpt_neox.layers.{}.post_attention_layernorm"},
                {Module::Up, "gpt_neox.layers.{}.mlp.dense_h_to_4h"},
                {Module::Down, "gpt_neox.layers.{}.mlp.dense_4h_to_h"},
                {Module::FinalNorm, "gpt_neox.final_layer_norm"},
                {Module::Head, "embed_out"}},
    .optionalPrefix = "gpt_neox.",
    .ignored = {".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"},
};

/// Zhang et al. 2022, "OPT". The 350m model norms after its blocks and embeds in fewer dimensions.
const Family opt{
    .modelType = "opt",
    .defaults = {.vocabulary = 50272, .hidden = 768, .layers = 12, .heads = 12, .mlp = 3072, .maxPositions = 2048,
                 .positionOffset = 2,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::Relu, .gatedMlp = false,
                 .positions = Positions::Learned,
                 .residualDropout = true,
                 .attentionBias = true, .outputBias = true, .mlpBias = true,
                 .tiedHead = true},
    .keys = {.mlp = "ffn_dim", .embedding = "word_embed_proj_dim", .activation = "activation_function",
             .attentionBias = "enable_bias", .outputBias = "enable_bias", .mlpBias = "enable_bias"},
    .required = {{"layer_norm_elementwise_affine", true}},
    .complete = [](const ConfigReader& config, Architecture& a) {
        const bool before = config.flag("do_layer_norm_before", true);
        a.block = before ? Block::PreNorm : Block::PostNorm;
        a.finalNorm = before && !config.flag("_remove_final_layer_norm", false);
    },
    .modules = {{Module::TokenEmbedding, "model.decoder.embed_tokens"},
                {Module::EmbeddingIn, "model.decoder.project_in"},
                {Module::PositionEmbedding, "model.decoder.embed_positions"},
                {Module::AttentionNorm, "model.decoder.layers.{}.self_attn_layer_norm"},
                {Module::Query, "model.decoder.layers.{}.self_attn.q_proj"},
                {Module::Key, "model.decoder.layers.{}.self_attn.k_proj"},
                {Module::Value, "model.decoder.layers.{}.self_attn.v_proj"},
                {Module::AttentionOutput, "model.decoder.layers.{}.self_attn.out_proj"},
                {Module::MlpNorm, "model.decoder.layers.{}.final_layer_norm"},
                {Module::Up, "model.decoder.layers.{}.fc1"},
                {Module::Down, "model.decoder.layers.{}.fc2"},
                {Module::FinalNorm, "model.decoder.final_layer_norm"},
                {Module::EmbeddingOut, "model.decoder.project_out"},
                {Module::Head, "lm_head"}},
    .optionalPrefix = "model.",
};

bool hasTwoNamedNorms(const Architecture& a) { return a.block == Block::Parallel; }
bool hasInputNorm(const Architecture& a) { return a.block != Block::Parallel; }

/// Almazrouei et al. 2023, "The Falcon Series of Open Language Models": 7B, 40B and RW.
const Family falcon{
    .modelType = "falcon",
    .defaults = {.vocabulary = 65024, .hidden = 4544, .layers = 32, .heads = 71, .maxPositions = 2048,
                 .norm = Norm::LayerNorm, .normEpsilon = 1e-5,
                 .activation = Activation::GeluExact, .gatedMlp = false,
                 .positions = Positions::Rotary,
                 .fusedOrder = FusedOrder::ByKeyHead,
                 .residualDropout = true,
                 .tiedHead = true},
    .keys = {.mlp = "ffn_hidden_size", .normEpsilon = "layer_norm_epsilon", .activation = "activation",
             .attentionBias = "bias", .outputBias = "bias", .mlpBias = "bias"},
    .complete = [](const ConfigReader& config, Architecture& a) {
        const bool grouped = config.flag("new_decoder_architecture", false);
        if (grouped || !config.flag("multi_query", true)) {
            a.kvHeads = config.size("num_kv_heads", a.heads);
        } else {
            a.kvHeads = 1;
        }
        const bool twoNorms = grouped && config.size("num_ln_in_parallel_attn", 2) == 2;
        const bool parallel = grouped || config.flag("parallel_attn", true);
        a.block = twoNorms ? Block::Parallel : parallel ? Block::ParallelOneNorm : Block::PreNorm;
        a.positions = config.flag("alibi", false) ? Positions::Alibi : Positions::Rotary;
    },
    .modules = {{Module::TokenEmbedding, "transformer.word_embeddings"},
                {Module::AttentionNorm, "transformer.h.{}.ln_attn", hasTwoNamedNorms},
                {Module::AttentionNorm, "transformer.h.{}.input_layernorm", hasInputNorm},
                {Module::QueryKeyValue, "transformer.h.{}.self_attention.query_key_value"},
                {Module::AttentionOutput, "transformer.h.{}.self_attention.dense"},
                {Module::MlpNorm, "transformer.h.{}.ln_mlp", hasTwoNamedNorms},
                {Module::MlpNorm, "transformer.h.{}.post_attention_layernorm", hasInputNorm},
                {Module::Up, "transformer.h.{}.mlp.dense_h_to_4h"},
                {Module::Down, "transformer.h.{}.mlp.dense_4h_to_h"},
                {Module::FinalNorm, "transformer.ln_f"},
                {Module::Head, "lm_head"}},
    .optionalPrefix = "transformer.",
    .ignored = {".rotary_emb.inv_freq"},
};

/// Touvron et al. 2023, "LLaMA" and "Llama 2"; Grattafiori et al. 2024, "The Llama 3 Herd of Models".
const Family llama{
    .modelType = "llama",
    .defaults = {.vocabulary = 32000, .hidden = 4096, .layers = 32, .heads = 32, .mlp = 11008, .maxPositions = 2048,
                 .norm = Norm::RmsNorm, .normEpsilon = 1e-6,
                 .activation = Activation::Silu, .gatedMlp = true,
                 .positions = Positions::Rotary, .rotary = {.theta = 10000}},
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

// The families below are written as what distinguishes them from Llama.

void windowEverywhere(const ConfigReader&, Architecture& a) {
    a.windowedLayers.assign(a.window > 0 ? static_cast<std::size_t>(a.layers) : 0, true);
}

/// Jiang et al. 2023, "Mistral 7B".
const Family mistral = [] {
    Family f = llama;
    f.modelType = "mistral";
    f.defaults.kvHeads = 8;
    f.defaults.mlp = 14336;
    f.defaults.maxPositions = 131072;
    f.defaults.window = 4096;
    f.keys.window = "sliding_window";
    f.keys.attentionBias = f.keys.outputBias = f.keys.mlpBias = {};
    f.complete = windowEverywhere;
    return f;
}();

/// Yang et al. 2024, "Qwen2 Technical Report" and "Qwen2.5".
const Family qwen2 = [] {
    Family f = llama;
    f.modelType = "qwen2";
    f.defaults.vocabulary = 151936;
    f.defaults.mlp = 22016;
    f.defaults.kvHeads = 32;
    f.defaults.maxPositions = 32768;
    f.defaults.attentionBias = true;
    f.defaults.window = 4096;
    f.keys.window = "sliding_window";
    f.keys.attentionBias = f.keys.outputBias = f.keys.mlpBias = {};
    f.complete = [](const ConfigReader& config, Architecture& a) {
        if (!config.flag("use_sliding_window", false)) {
            a.window = 0;
        }
        const std::int64_t first = config.wholeNumber("max_window_layers", 28);
        a.windowedLayers = windowedLayers(config, a, [first](std::int64_t layer) { return layer >= first; });
    };
    return f;
}();

/// Yang et al. 2025, "Qwen3 Technical Report".
const Family qwen3 = [] {
    Family f = qwen2;
    f.modelType = "qwen3";
    f.defaults.headDim = 128;
    f.defaults.attentionBias = false;
    f.defaults.queryKeyNorm = true;
    f.keys.attentionBias = f.keys.outputBias = "attention_bias";
    f.modules.push_back({Module::QueryNorm, "model.layers.{}.self_attn.q_norm"});
    f.modules.push_back({Module::KeyNorm, "model.layers.{}.self_attn.k_norm"});
    return f;
}();

/// Abdin et al. 2024, "Phi-3 Technical Report".
const Family phi3 = [] {
    Family f = llama;
    f.modelType = "phi3";
    f.defaults.vocabulary = 32064;
    f.defaults.hidden = 3072;
    f.defaults.mlp = 8192;
    f.defaults.maxPositions = 4096;
    f.defaults.normEpsilon = 1e-5;
    f.defaults.residualDropout = true;
    f.originalMaxPositions = 4096;
    f.oldLongRopeNames = true;
    f.keys.headDim = {};
    f.keys.window = "sliding_window";
    f.keys.attentionBias = f.keys.outputBias = f.keys.mlpBias = {};
    f.complete = windowEverywhere;
    std::erase_if(f.modules, [](const ModuleName& m) {
        return m.module == Module::Query || m.module == Module::Key || m.module == Module::Value ||
               m.module == Module::Gate || m.module == Module::Up;
    });
    f.modules.push_back({Module::QueryKeyValue, "model.layers.{}.self_attn.qkv_proj"});
    f.modules.push_back({Module::GateUp, "model.layers.{}.mlp.gate_up_proj"});
    return f;
}();

/// 1 / √(query_pre_attn_scalar), and embeddings scaled by √hidden.
void scaleAsGemma(const ConfigReader& config, Architecture& a) {
    a.attentionScale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256));
    a.embeddingScale = std::sqrt(static_cast<double>(a.hidden));
}

/// Gemma Team 2024, "Gemma 2".
const Family gemma2 = [] {
    Family f = llama;
    f.modelType = "gemma2";
    f.defaults = {.vocabulary = 256000, .hidden = 2304, .layers = 26, .heads = 8, .kvHeads = 4, .headDim = 256,
                  .mlp = 9216, .maxPositions = 8192,
                  .block = Block::SandwichNorm,
                  .norm = Norm::RmsNorm, .normEpsilon = 1e-6, .normWeightsFromOne = true,
                  .activation = Activation::GeluTanh, .gatedMlp = true,
                  .positions = Positions::Rotary, .rotary = {.theta = 10000}, .window = 4096,
                  .attentionCap = 50, .logitCap = 30,
                  .tiedHead = true};
    f.keys.activation = "hidden_activation";
    f.keys.mlpBias = {};
    f.keys.window = "sliding_window";
    f.keys.attentionCap = "attn_logit_softcapping";
    f.keys.logitCap = "final_logit_softcapping";
    f.required = {{"use_bidirectional_attention", false}};
    f.complete = [](const ConfigReader& config, Architecture& a) {
        scaleAsGemma(config, a);
        a.windowedLayers = windowedLayers(config, a, [](std::int64_t layer) { return layer % 2 == 0; });
    };
    f.modules = {{Module::TokenEmbedding, "model.embed_tokens"},
                 {Module::AttentionNorm, "model.layers.{}.input_layernorm"},
                 {Module::Query, "model.layers.{}.self_attn.q_proj"},
                 {Module::Key, "model.layers.{}.self_attn.k_proj"},
                 {Module::Value, "model.layers.{}.self_attn.v_proj"},
                 {Module::AttentionOutput, "model.layers.{}.self_attn.o_proj"},
                 {Module::AttentionOutputNorm, "model.layers.{}.post_attention_layernorm"},
                 {Module::MlpNorm, "model.layers.{}.pre_feedforward_layernorm"},
                 {Module::Gate, "model.layers.{}.mlp.gate_proj"},
                 {Module::Up, "model.layers.{}.mlp.up_proj"},
                 {Module::Down, "model.layers.{}.mlp.down_proj"},
                 {Module::MlpOutputNorm, "model.layers.{}.post_feedforward_layernorm"},
                 {Module::FinalNorm, "model.norm"},
                 {Module::Head, "lm_head"}};
    return f;
}();

/// Gemma Team 2025, "Gemma 3 Technical Report": the models for text alone.
const Family gemma3 = [] {
    Family f = gemma2;
    f.modelType = "gemma3_text";
    f.defaults.vocabulary = 262208;
    f.defaults.maxPositions = 131072;
    f.defaults.rotary.theta = 1000000;
    f.windowRopeTheta = 10000;
    f.defaults.attentionCap = f.defaults.logitCap = 0;
    f.defaults.queryKeyNorm = true;
    f.complete = [](const ConfigReader& config, Architecture& a) {
        scaleAsGemma(config, a);
        const std::int64_t period = config.size("sliding_window_pattern", 6);
        a.windowedLayers = windowedLayers(config, a, [period](std::int64_t layer) { return (layer + 1) % period != 0; });
    };
    f.modules.push_back({Module::QueryNorm, "model.layers.{}.self_attn.q_norm"});
    f.modules.push_back({Module::KeyNorm, "model.layers.{}.self_attn.k_norm"});
    return f;
}();

// clang-format on

}  // namespace

std::span<const Family> families() {
    static const std::vector<Family> table{gpt2,    gptj,  gptNeoX, opt,  falcon, llama,
                                           mistral, qwen2, qwen3,   phi3, gemma2, gemma3};
    return table;
}

const Family* findFamily(std::string_view modelType) {
    const auto rows = families();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Family& f) { return f.modelType == modelType; });
    return row == rows.end() ? nullptr : &*row;
}

}  // namespace prefbench::model
