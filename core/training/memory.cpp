#include "core/training/memory.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>

#include "core/files/error.h"
#include "core/files/safetensors.h"
#include "core/model/families.h"
#include "core/model/log_probs.h"
#include "core/model/lora.h"
#include "core/model/tree_attention.h"
#include "core/model/weights.h"
#include "core/training/resources.h"
#include "core/training/scoring.h"

namespace prefbench::training {
namespace {

/// LibTorch's libraries and its kernels' buffers, measured with models that weigh nothing.
constexpr std::int64_t kProgramBytes = std::int64_t{230} << 20;
constexpr std::int64_t kStreamHidden = 4;  ///< embeddings and the last norm, in hidden sizes a token
/// Batches differ, and what one leaves between its blocks the next cannot always use: measured over several shapes.
constexpr double kWithGaps = 1.06;
constexpr std::int64_t kBytesAnExample = 512;  ///< strings and vectors beside their contents

std::int64_t elementBytes(const contract::RunSpec& spec) {
    return spec.dtype == "float64" ? 8 : 4;
}

/// Products round what they read to two bytes, beside float32 weights: resources.h, precisionNamed.
bool isMixed(const contract::RunSpec& spec) {
    return spec.dtype == "bfloat16";
}

std::int64_t examplesPerStep(const contract::RunSpec& spec) {
    return spec.hyperparameters.batchSize * spec.hyperparameters.gradientAccumulation;
}

/// Whether attention has a mask and outputs for each tree, joined afterwards.
bool attendsTreeByTree(const model::Architecture& a, const contract::RunSpec& spec) {
    const at::ScalarType type = spec.dtype == "float64" ? at::kDouble : at::kFloat;
    return spec.hyperparameters.dropout > 0 || !model::attendsWithoutScores(a.headDim, {1, a.attentionCap}, type);
}

bool trainsAdapter(const MemoryShape& shape) {
    return shape.adapter > 0 || shape.spec.hyperparameters.loraRank > 0;
}

/// What the backward pass keeps of a layer for one token, in elements. Of what products read, a mixed run keeps only a
/// copy of half the bytes.
std::int64_t elementsPerToken(const model::Architecture& a, bool treeByTree, bool mixed) {
    const std::int64_t queries = a.heads * a.headDim, keysAndValues = 2 * a.kvHeads * a.headDim;
    const bool rms = a.norm == model::Norm::RmsNorm;
    // Both norms: what goes in, what comes out, and for RmsNorm what comes out before its weights.
    std::int64_t elements = (rms ? 6 : 4) * a.hidden;
    // Queries, keys and values; what attention gives.
    elements += queries + keysAndValues + (treeByTree ? 2 : 1) * queries;
    if (a.positions == model::Positions::Rotary) {
        elements += queries + keysAndValues / 2;
    }
    if (a.queryKeyNorm) {
        elements += 2 * queries + keysAndValues;
    }
    const std::int64_t readByProducts = 2 * a.hidden + queries + a.mlp;
    return elements + (a.gatedMlp ? 4 : 2) * a.mlp - (mixed ? readByProducts / 2 : 0);
}

/// What the backward pass keeps of all layers for the batch, in elements.
std::int64_t elementsOfLayers(const model::Architecture& a, const contract::RunSpec& spec,
                              const ExamplePointers& batch) {
    const contract::Hyperparameters& h = spec.hyperparameters;
    std::int64_t layer = 0, stream = 0;
    for (const Example* example : batch) {
        const std::int64_t tokens = example->tokens();
        stream += tokens * a.hidden;
        layer += tokens * elementsPerToken(a, attendsTreeByTree(a, spec), isMixed(spec));
        if (h.dropout > 0) {
            // Of dropout its mask and what it is multiplied with: the softmax's weights and their product; the stream.
            layer += 3 * a.heads * tokens * tokens + (a.residualDropout ? 4 * a.hidden * tokens : 0);
        }
    }
    return h.gradientCheckpointing ? layer + a.layers * stream : a.layers * layer;
}

/// Logits that the head keeps for the backward pass, and a chunk on its way, in elements.
std::int64_t elementsOfLogits(std::int64_t logits, std::int64_t bytes, bool mixed) {
    if (mixed) {  // kept in two bytes; the chunk in four, beside what the product made
        return std::min(logits, model::keptLogitsBytes / 2) / 2 + std::min(logits, model::chunkLogits) * 3 / 2;
    }
    return std::min(logits, model::keptLogitsBytes / bytes + model::chunkLogits);
}

/// Beside the layers' own: the stream, masks, the head's rows and logits, and the widest gradient on its way back.
std::int64_t elementsOfBatch(const model::Architecture& a, const contract::RunSpec& spec, const ExamplePointers& batch,
                             std::int64_t tokens, bool ofAdapter) {
    const std::int64_t bytes = elementBytes(spec);
    const bool hasMasks = attendsTreeByTree(a, spec), mixed = isMixed(spec);
    std::int64_t masks = 0, rows = 0;
    for (const Example* example : batch) {
        masks += hasMasks && example->completions.size() > 1 ? example->tokens() * example->tokens() : 0;
        rows += example->predictedTokens();
    }
    // Mixed: the gradient rounded, and what a product makes of it before that is widened. An adapter: what its way
    // through the two small matrices adds to the gradient.
    const std::int64_t widest = (3 + (mixed ? 1 : 0) + (ofAdapter ? 2 : 0)) * std::max(a.mlp, a.hidden);
    return masks + elementsOfLogits(rows * a.vocabulary, bytes, mixed) + 2 * rows * a.hidden +
           tokens * (kStreamHidden * a.hidden + widest);
}

std::vector<model::WeightSlot> slotsOf(const model::Architecture& architecture) {
    return model::weightSlots(*model::findFamily(architecture.family), architecture);
}

std::int64_t parameterCount(const std::vector<model::WeightSlot>& slots) {
    std::int64_t count = 0;
    for (const model::WeightSlot& slot : slots) {
        count += std::accumulate(slot.shape.begin(), slot.shape.end(), std::int64_t{1}, std::multiplies<>());
    }
    return count;
}

/// Numbers in the matrices that linear layers and head multiply with.
std::int64_t multipliedWeights(const model::Architecture& a) {
    std::int64_t count = a.tiedHead ? a.vocabulary * a.hidden : 0;
    for (const model::WeightSlot& slot : slotsOf(a)) {
        if (!slot.bias && (model::isLinear(slot.module) || slot.module == model::Module::Head)) {
            count += slot.shape[0] * slot.shape[1];
        }
    }
    return count;
}

/// The rounded copies of a mixed run's weights, and where all weights are trained the largest one's gradient before it
/// is widened.
std::int64_t roundedBytes(const MemoryShape& shape) {
    constexpr std::int64_t bytes = 2;
    const model::Architecture& a = shape.architecture;
    return bytes * (multipliedWeights(a) + (trainsAdapter(shape) ? trainedParameters(shape) : a.vocabulary * a.hidden));
}

std::int64_t dataBytes(const Dataset& dataset) {
    std::int64_t bytes = 0;
    for (const Example& example : dataset.examples) {
        bytes += kBytesAnExample + example.tokens() * static_cast<std::int64_t>(sizeof(text::TokenId)) +
                 static_cast<std::int64_t>(example.asked.text.size());
    }
    return bytes;
}

}  // namespace

std::string gigabytes(std::int64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

std::int64_t trainedParameters(const MemoryShape& shape) {
    const contract::Hyperparameters& h = shape.spec.hyperparameters;
    if (shape.adapter > 0) {
        return shape.adapter;
    }
    const auto slots = slotsOf(shape.architecture);
    return h.loraRank > 0 ? model::loraParameterCount(loraSettings(h), slots, "run.json: lora_target_modules")
                          : parameterCount(slots);
}

std::int64_t adapterSize(const files::ModelFolder& folder) {
    std::int64_t count = 0;
    if (folder.adapter) {
        const auto weights = files::SafetensorsFile::open(folder.adapter->weightFile);
        for (const files::TensorInfo& tensor : weights.tensors()) {
            count += static_cast<std::int64_t>((tensor.end - tensor.begin) / files::dtypeBytes(tensor.dtype));
        }
    }
    return count;
}

std::int64_t activationBytesPerToken(const model::Architecture& architecture) {
    constexpr std::int64_t bytes = 4;
    return bytes *
           (architecture.layers * elementsPerToken(architecture, true, false) + kStreamHidden * architecture.hidden);
}

MemoryNeed estimateMemory(const MemoryShape& shape) {
    const model::Architecture& a = shape.architecture;
    const std::int64_t bytes = elementBytes(shape.spec);
    const ExamplePointers batch = longestBatch(shape.train, examplesPerStep(shape.spec), shape.tokenBudget);
    MemoryNeed need;
    for (const Example* example : batch) {
        need.batchTokens += example->tokens();
    }
    need.program = kProgramBytes + dataBytes(shape.train);
    need.gradients = trainedParameters(shape) * bytes;
    need.parameters = parameterCount(slotsOf(a)) * bytes + (trainsAdapter(shape) ? need.gradients : 0);
    need.parameters += isMixed(shape.spec) ? roundedBytes(shape) : 0;
    need.moments = (shape.spec.hyperparameters.optimizer == "rmsprop" ? 1 : 2) * need.gradients;
    const std::int64_t elements = elementsOfLayers(a, shape.spec, batch) +
                                  elementsOfBatch(a, shape.spec, batch, need.batchTokens, trainsAdapter(shape));
    need.activations = static_cast<std::int64_t>(kWithGaps * static_cast<double>(bytes * elements));
    return need;
}

namespace {

/// The run as it would be with other settings.
MemoryNeed needWith(const MemoryShape& shape, const std::function<void(contract::RunSpec&)>& change) {
    contract::RunSpec spec = shape.spec;
    change(spec);
    return estimateMemory({spec, shape.architecture, shape.tokenBudget, shape.train, shape.adapter});
}

/// The least change that makes the run fit.
std::string advice(const MemoryShape& shape, std::int64_t available) {
    const contract::Hyperparameters& h = shape.spec.hyperparameters;
    const auto fits = [&](const std::function<void(contract::RunSpec&)>& change) {
        return needWith(shape, change).total() <= available;
    };
    const auto withBatch = [](std::int64_t size) {
        return [size](contract::RunSpec& spec) {
            spec.hyperparameters.batchSize = size;
            spec.hyperparameters.gradientAccumulation = 1;
        };
    };
    if (shape.spec.dtype == "float64" && fits([](contract::RunSpec& spec) { spec.dtype = "float32"; })) {
        return "set dtype float32";
    }
    if (fits(withBatch(1))) {
        std::int64_t size = examplesPerStep(shape.spec);
        while (size > 1 && !fits(withBatch(size))) {
            size /= 2;
        }
        return "lower batch_size to " + std::to_string(size) + " with gradient_accumulation_steps 1";
    }
    const auto checkpointed = [&](contract::RunSpec& spec) {
        withBatch(1)(spec);
        spec.hyperparameters.gradientCheckpointing = true;
    };
    if (!h.gradientCheckpointing && fits(checkpointed)) {
        return "set gradient_checkpointing true and batch_size 1";
    }
    const MemoryNeed one = needWith(shape, withBatch(1));
    if (const std::int64_t room = available - (one.total() - one.activations); room > 0) {
        const double share = static_cast<double>(room) / static_cast<double>(one.activations);
        const auto longest = static_cast<std::int64_t>(share * static_cast<double>(one.batchTokens) / 2);
        if (longest > 16) {
            return "set batch_size 1 and max_length " + std::to_string(longest);
        }
    }
    if (h.optimizer != "rmsprop" && fits([&](contract::RunSpec& spec) {
            withBatch(1)(spec);
            spec.hyperparameters.optimizer = "rmsprop";
        })) {
        return "set optim rmsprop and batch_size 1";
    }
    constexpr std::int64_t rank = 16;
    if (!trainsAdapter(shape) && fits([&](contract::RunSpec& spec) {
            withBatch(1)(spec);
            spec.hyperparameters.loraRank = rank;
        })) {
        return "set lora_r " + std::to_string(rank) + " and batch_size 1";
    }
    return "choose a smaller model";
}

}  // namespace

void requireMemory(const MemoryShape& shape, const files::MemoryAvailable& available) {
    const MemoryNeed need = estimateMemory(shape);
    if (need.total() <= available.bytes) {
        return;
    }
    throw Error("not enough memory: the run takes about " + gigabytes(need.total()) + ", " +
                gigabytes(available.bytes) + " are there (" + available.limit + "); parameters " +
                gigabytes(need.parameters) + ", gradients " + gigabytes(need.gradients) + ", optimizer " +
                gigabytes(need.moments) + ", the longest batch of " + std::to_string(need.batchTokens) + " tokens " +
                gigabytes(need.activations) + "; " + advice(shape, available.bytes));
}

}  // namespace prefbench::training
