#include "core/model/weights.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/safetensors.h"

namespace prefbench::model {
namespace {

using Shape = std::vector<std::int64_t>;

std::string toString(const Shape& shape) {
    std::string text = "[";
    for (const std::int64_t size : shape) {
        text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    }
    return text + "]";
}

/// Inputs and outputs of the linear module, in torch's order.
Shape matrixShape(Module module, const Architecture& a) {
    const std::int64_t queries = a.heads * a.headDim, keys = a.kvHeads * a.headDim;
    switch (module) {
        case Module::Query:
            return {queries, a.hidden};
        case Module::Key:
        case Module::Value:
            return {keys, a.hidden};
        case Module::QueryKeyValue:
            return {queries + 2 * keys, a.hidden};
        case Module::AttentionOutput:
            return {a.hidden, queries};
        case Module::Gate:
        case Module::Up:
            return {a.mlp, a.hidden};
        case Module::GateUp:
            return {2 * a.mlp, a.hidden};
        case Module::Down:
            return {a.hidden, a.mlp};
        case Module::PositionEmbedding:
            return {a.maxPositions + a.positionOffset, a.hidden};
        case Module::EmbeddingIn:
            return {a.hidden, a.embedding};
        case Module::EmbeddingOut:
            return {a.embedding, a.hidden};
        default:
            return {a.vocabulary, a.embedding};
    }
}

bool isNorm(Module module) {
    switch (module) {
        case Module::AttentionNorm:
        case Module::QueryNorm:
        case Module::KeyNorm:
        case Module::AttentionOutputNorm:
        case Module::MlpNorm:
        case Module::MlpOutputNorm:
        case Module::FinalNorm:
            return true;
        default:
            return false;
    }
}

Shape normShape(Module module, const Architecture& a) {
    return {module == Module::QueryNorm || module == Module::KeyNorm ? a.headDim : a.hidden};
}

bool hasBias(Module module, const Architecture& a) {
    switch (module) {
        case Module::Query:
        case Module::Key:
        case Module::Value:
        case Module::QueryKeyValue:
            return a.attentionBias;
        case Module::AttentionOutput:
            return a.outputBias;
        case Module::Gate:
        case Module::Up:
        case Module::GateUp:
        case Module::Down:
            return a.mlpBias;
        case Module::Head:
            return a.headBias;
        default:
            return isNorm(module) && a.norm == Norm::LayerNorm;
    }
}

/// Whether a module that its family has stands in this model too.
bool stands(const ModuleName& entry, const Architecture& a) {
    if (entry.when != nullptr && !entry.when(a)) {
        return false;
    }
    switch (entry.module) {
        case Module::MlpNorm:
            return a.block != Block::ParallelOneNorm;
        case Module::FinalNorm:
            return a.finalNorm;
        case Module::EmbeddingIn:
        case Module::EmbeddingOut:
            return a.embedding != a.hidden;
        default:
            return true;
    }
}

bool isTable(Module module) {
    return module == Module::TokenEmbedding || module == Module::PositionEmbedding || module == Module::Head;
}

void appendSlots(std::vector<WeightSlot>& slots, const Family& family, const Architecture& a, const ModuleName& entry,
                 std::int64_t layer) {
    std::string name(entry.name);
    if (const std::size_t place = name.find("{}"); place != std::string::npos) {
        name.replace(place, 2, std::to_string(layer));
    }
    Shape weight = isNorm(entry.module) ? normShape(entry.module, a) : matrixShape(entry.module, a);
    const Shape bias{weight.front()};
    if (family.matrices == MatrixLayout::InputByOutput && !isTable(entry.module)) {
        std::reverse(weight.begin(), weight.end());
    }
    const bool tied = entry.module == Module::Head && a.tiedHead;
    if (!tied) {
        slots.push_back({entry.module, layer, false, name + ".weight", std::move(weight)});
    }
    if (hasBias(entry.module, a)) {
        slots.push_back({entry.module, layer, true, name + ".bias", bias});
    }
}

at::ScalarType storedType(const std::string& what, files::DType type) {
    switch (type) {
        case files::DType::F64:
            return at::kDouble;
        case files::DType::F32:
            return at::kFloat;
        case files::DType::F16:
            return at::kHalf;
        case files::DType::BF16:
            return at::kBFloat16;
        default:
            throw Error(what + " has dtype " + files::dtypeName(type) + ", must be F64, F32, F16 or BF16");
    }
}

/// All tensors of a checkpoint, whichever shard holds them.
class Checkpoint {
  public:
    explicit Checkpoint(const files::ModelFolder& folder) : folder_(folder.folder) {
        for (const auto& path : folder.weightFiles) {
            shards_.push_back(files::SafetensorsFile::open(path));
        }
        for (const auto& shard : shards_) {
            for (const auto& tensor : shard.tensors()) {
                const auto [place, isNew] = places_.try_emplace(tensor.name, Place{&shard, &tensor});
                if (!isNew) {
                    throw Error(shard.path().string() + ": tensor " + tensor.name + " stands also in " +
                                place->second.file->path().string());
                }
            }
        }
    }

    bool contains(const std::string& name) const { return places_.contains(name); }

    /// Error when it is missing, misshaped or not of floating point.
    at::Tensor read(const std::string& name, const Shape& shape, at::ScalarType computeType,
                    WeightStorage storage) const {
        const auto found = places_.find(name);
        if (found == places_.end()) {
            throw Error(folder_.string() + ": tensor " + name + " " + toString(shape) + " is missing");
        }
        return readTensor(*found->second.file, *found->second.info, shape, "by config.json", computeType, storage);
    }

    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& [name, place] : places_) {
            names.push_back(name);
        }
        return names;
    }

    std::string fileOf(const std::string& name) const { return places_.at(name).file->path().string(); }

  private:
    struct Place {
        const files::SafetensorsFile* file;
        const files::TensorInfo* info;
    };

    std::filesystem::path folder_;
    std::vector<files::SafetensorsFile> shards_;
    std::map<std::string, Place> places_;
};

std::string storedName(const Checkpoint& checkpoint, const Family& family, const std::string& name) {
    const std::string_view prefix = family.optionalPrefix;
    if (!checkpoint.contains(name) && !prefix.empty() && name.starts_with(prefix)) {
        const std::string bare = name.substr(prefix.size());
        return checkpoint.contains(bare) ? bare : name;
    }
    return name;
}

std::string headName(const Family& family) {
    for (const ModuleName& entry : family.modules) {
        if (entry.module == Module::Head) {
            return std::string(entry.name) + ".weight";
        }
    }
    return {};
}

/// Every stored tensor must be a parameter, or known to be none; a head stored beside the embedding that it is tied to
/// must be a copy of it.
void refuseExtraTensors(const Checkpoint& checkpoint, const Family& family, const Architecture& architecture,
                        const std::set<std::string>& used, const at::Tensor& embedding) {
    for (const std::string& name : checkpoint.names()) {
        const auto isIgnored = [&](std::string_view suffix) { return name.ends_with(suffix); };
        if (used.contains(name) || std::any_of(family.ignored.begin(), family.ignored.end(), isIgnored)) {
            continue;
        }
        const std::string what = checkpoint.fileOf(name) + ": tensor " + name;
        if (architecture.tiedHead && name == headName(family)) {
            const at::Tensor head =
                checkpoint.read(name, embedding.sizes().vec(), embedding.scalar_type(), WeightStorage::Mapped);
            if (!head.equal(embedding)) {
                throw Error(what + " differs from the embedding, but config.json says tie_word_embeddings");
            }
            continue;
        }
        throw Error(what + " is no part of a " + architecture.family + " model as config.json describes it");
    }
}

files::DType fileType(at::ScalarType type) {
    switch (type) {
        case at::kDouble:
            return files::DType::F64;
        case at::kFloat:
            return files::DType::F32;
        case at::kHalf:
            return files::DType::F16;
        case at::kBFloat16:
            return files::DType::BF16;
        default:
            throw Error("elements of type " + std::string(c10::toString(type)) + " cannot be saved");
    }
}

}  // namespace

bool isLinear(Module module) {
    return !isNorm(module) && !isTable(module);
}

at::Tensor readTensor(const files::SafetensorsFile& file, const files::TensorInfo& info, const Shape& shape,
                      const char* rule, at::ScalarType computeType, WeightStorage storage) {
    const std::string what = file.path().string() + ": tensor " + info.name;
    if (info.shape != shape) {
        throw Error(what + " has shape " + toString(info.shape) + ", " + rule + " it must be " + toString(shape));
    }
    const at::ScalarType type = storedType(what, info.dtype);
    const auto bytes = file.data(info);
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % c10::elementSize(type) != 0) {
        at::Tensor aligned = at::empty(shape, type);
        std::memcpy(aligned.data_ptr(), bytes.data(), bytes.size());
        return aligned.to(computeType);
    }
    const at::Tensor mapped = at::from_blob(
        bytes.data(), shape, [keep = file.mapping()](void*) {}, at::TensorOptions(type));
    if (type == computeType && storage == WeightStorage::Mapped) {
        return mapped;
    }
    const at::Tensor owned = at::empty(shape, computeType).copy_(mapped);
    file.forget(info);
    return owned;
}

std::vector<WeightSlot> weightSlots(const Family& family, const Architecture& architecture) {
    std::vector<WeightSlot> slots;
    const auto inLayers = [](const ModuleName& entry) { return entry.name.find("{}") != std::string_view::npos; };
    bool layersDone = false;
    for (const ModuleName& entry : family.modules) {
        if (!inLayers(entry) && stands(entry, architecture)) {
            appendSlots(slots, family, architecture, entry, 0);
        }
        if (!inLayers(entry)) {
            continue;
        }
        for (std::int64_t layer = 0; !layersDone && layer < architecture.layers; ++layer) {
            for (const ModuleName& part : family.modules) {
                if (inLayers(part) && stands(part, architecture)) {
                    appendSlots(slots, family, architecture, part, layer);
                }
            }
        }
        layersDone = true;
    }
    return slots;
}

std::vector<Parameter> loadParameters(const files::ModelFolder& folder, const Family& family,
                                      const Architecture& architecture, const std::vector<WeightSlot>& slots,
                                      at::Device device, at::ScalarType computeType, WeightStorage storage) {
    const Checkpoint checkpoint(folder);
    std::vector<Parameter> parameters;
    std::set<std::string> used;
    at::Tensor embedding;
    for (const WeightSlot& slot : slots) {
        const std::string name = storedName(checkpoint, family, slot.name);
        const at::Tensor value = checkpoint.read(name, slot.shape, computeType, storage);
        used.insert(name);
        if (slot.module == Module::TokenEmbedding) {
            embedding = value;
        }
        parameters.push_back({slot.name, value.to(device), slot.shape.size() > 1});
    }
    refuseExtraTensors(checkpoint, family, architecture, used, embedding);
    return parameters;
}

void saveTensorFile(const std::filesystem::path& file, const std::vector<const Parameter*>& parameters,
                    std::optional<at::ScalarType> type) {
    std::vector<at::Tensor> kept;
    std::vector<files::TensorToWrite> tensors;
    for (const Parameter* parameter : parameters) {
        const at::ScalarType stored = type.value_or(parameter->value.scalar_type());
        const at::Tensor value = parameter->value.detach().to(at::kCPU, stored).contiguous();
        kept.push_back(value);
        tensors.push_back({parameter->name,
                           fileType(value.scalar_type()),
                           value.sizes().vec(),
                           {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()}});
    }
    files::writeSafetensors(file, tensors);
}

void saveParameters(const std::filesystem::path& folder, const std::vector<Parameter>& parameters,
                    std::uint64_t shardBytes, std::optional<at::ScalarType> type) {
    std::vector<std::vector<const Parameter*>> shards(1);
    std::uint64_t total = 0, inShard = 0;
    for (const Parameter& parameter : parameters) {
        const std::uint64_t bytes = static_cast<std::uint64_t>(parameter.value.numel()) *
                                    c10::elementSize(type.value_or(parameter.value.scalar_type()));
        if (!shards.back().empty() && inShard + bytes > shardBytes) {
            shards.emplace_back();
            inShard = 0;
        }
        shards.back().push_back(&parameter);
        inShard += bytes;
        total += bytes;
    }
    if (shards.size() == 1) {
        saveTensorFile(folder / "model.safetensors", shards.front(), type);
        return;
    }
    files::OrderedJson places = files::OrderedJson::object();
    for (std::size_t i = 0; i < shards.size(); ++i) {
        std::array<char, 64> name{};
        std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
        saveTensorFile(folder / name.data(), shards[i], type);
        for (const Parameter* parameter : shards[i]) {
            places[parameter->name] = name.data();
        }
    }
    const files::OrderedJson index = {{"metadata", {{"total_size", total}}}, {"weight_map", places}};
    files::writeDurably(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace prefbench::model
