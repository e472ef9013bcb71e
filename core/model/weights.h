#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/model_folder.h"
#include "core/files/safetensors.h"
#include "core/model/families.h"
#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::model {

/// One tensor that an architecture has.
struct WeightSlot {
    Module module;
    std::int64_t layer = 0;  ///< 0 for what stands outside the layers
    bool bias = false;
    std::string name;
    std::vector<std::int64_t> shape;
};

/// Whether the module is a linear layer within the model: neither a norm, nor an embedding, nor the head.
bool isLinear(Module module);

/// In the fixed order of Transformer::parameters(). A tied head has no slot.
std::vector<WeightSlot> weightSlots(const Family& family, const Architecture& architecture);

/// One stored tensor, converted to `computeType`. Error when it is not of this shape, which `rule` asks for, or not of
/// floating point.
at::Tensor readTensor(const files::SafetensorsFile& file, const files::TensorInfo& info,
                      const std::vector<std::int64_t>& shape, const char* rule, at::ScalarType computeType,
                      WeightStorage storage);

/// One parameter for each slot, in the slots' order, converted to `computeType`. Errors name file, tensor, expected
/// and found: missing, misshaped, of unsupported dtype, or not part of the architecture.
std::vector<Parameter> loadParameters(const files::ModelFolder& folder, const Family& family,
                                      const Architecture& architecture, const std::vector<WeightSlot>& slots,
                                      at::Device device, at::ScalarType computeType, WeightStorage storage);

/// One safetensors file of these, converted to `type` (nothing: as they are). fsynced.
void saveTensorFile(const std::filesystem::path& file, const std::vector<const Parameter*>& parameters,
                    std::optional<at::ScalarType> type = {});

/// Above which transformers splits a model's weights.
inline constexpr std::uint64_t kShardBytes = 5'000'000'000;

/// model.safetensors in `type` (nothing: the parameters' own element type); above `shardBytes`
/// model-00001-of-0000N.safetensors and so on with model.safetensors.index.json, as transformers splits them. fsynced.
void saveParameters(const std::filesystem::path& folder, const std::vector<Parameter>& parameters,
                    std::uint64_t shardBytes = kShardBytes, std::optional<at::ScalarType> type = {});

}  // namespace prefbench::model
