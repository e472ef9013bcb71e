#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/files/safetensors.h"
#include "core/model/torch.h"

namespace prefbench::training {

struct NamedTensor {
    std::string name;
    at::Tensor value;  ///< float32 or float64
};

/// Writes a safetensors file of these tensors, bit for bit; fsynced.
void saveTensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                 std::map<std::string, std::string> metadata);

/// Copies the tensor of that name into `target`; Error naming file and tensor when it is missing or of another shape or
/// dtype.
void loadTensor(const files::SafetensorsFile& source, const std::string& name, at::Tensor& target);

}  // namespace prefbench::training
