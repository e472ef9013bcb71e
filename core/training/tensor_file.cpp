#include "core/training/tensor_file.h"

#include <cstring>
#include <sstream>

#include "core/files/error.h"

namespace prefbench::training {
namespace {

files::DType storedType(const at::Tensor& tensor) {
    return tensor.scalar_type() == at::kDouble ? files::DType::F64 : files::DType::F32;
}

}  // namespace

void saveTensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                 std::map<std::string, std::string> metadata) {
    metadata.emplace("format", "pt");
    std::vector<at::Tensor> held;
    std::vector<files::TensorToWrite> rows;
    for (const NamedTensor& tensor : tensors) {
        held.push_back(tensor.value.detach().to(at::kCPU).contiguous());
        const at::Tensor& bytes = held.back();
        rows.push_back({tensor.name,
                        storedType(bytes),
                        bytes.sizes().vec(),
                        {static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()}});
    }
    files::writeSafetensors(file, rows, metadata);
}

void loadTensor(const files::SafetensorsFile& source, const std::string& name, at::Tensor& target) {
    const files::TensorInfo* info = source.find(name);
    if (!info) {
        throw Error(source.path().string() + ": no tensor \"" + name + "\"");
    }
    if (info->shape != target.sizes().vec() || info->dtype != storedType(target)) {
        std::ostringstream expected, found;
        expected << files::dtypeName(storedType(target)) << " " << target.sizes();
        found << files::dtypeName(info->dtype) << " " << at::IntArrayRef(info->shape);
        throw Error(source.path().string() + ": tensor \"" + name + "\" is " + found.str() + ", expected " +
                    expected.str());
    }
    const std::span<const std::byte> data = source.data(*info);
    at::Tensor values = at::empty(target.sizes(), target.options().device(at::kCPU));
    std::memcpy(values.mutable_data_ptr(), data.data(), data.size());
    const at::NoGradGuard noGradients;
    target.copy_(values);
}

}  // namespace prefbench::training
