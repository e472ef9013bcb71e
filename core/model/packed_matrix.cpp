#include "core/model/packed_matrix.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/model/parallel.h"

namespace prefbench::model {
namespace {

/// Above which a library's product of float32 is faster (docs/performance.md).
constexpr std::int64_t mostFloat32Rows = 32;

std::int64_t elementBytes(WeightFormat format) {
    return 4 / inputsTogether(format);
}

std::int64_t roundedUp(std::int64_t n, std::int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/// To nearest, ties to even, as c10::BFloat16.
std::uint16_t bfloat16Bits(float value) {
    return c10::BFloat16(value).x;
}

PanelKernel fastest(WeightFormat format) {
    static const std::array<PanelKernel, 3> kernels{panelKernels(WeightFormat::Float32).front(),
                                                    panelKernels(WeightFormat::BFloat16).front(),
                                                    panelKernels(WeightFormat::Int8).front()};
    return kernels[static_cast<std::size_t>(format)];
}

}  // namespace

PackedMatrix::PackedMatrix(const at::Tensor& weight, bool inputsFirst, WeightFormat format)
    : format_(format),
      inputs_(weight.size(inputsFirst ? 0 : 1)),
      outputs_(weight.size(inputsFirst ? 1 : 0)),
      paddedInputs_(roundedUp(inputs_, inputsTogether(format))) {
    const at::Tensor source = weight.detach().contiguous();
    const std::int64_t panels = roundedUp(outputs_, panelOutputs) / panelOutputs;
    panels_ = at::empty({panels * panelOutputs * paddedInputs_ * elementBytes(format)}, at::kByte);
    if (format == WeightFormat::Int8) {
        scales_ = at::empty({panels * panelOutputs}, at::kFloat);
        offsets_ = at::empty({panels * panelOutputs}, at::kInt);
    }
    const float* values = source.const_data_ptr<float>();
    inParallel(panels, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t panel = begin; panel < end; ++panel) {
            packPanel(values, inputsFirst, panel);
        }
    });
}

/// Of sixteen outputs; those that there are not get zeros.
void PackedMatrix::packPanel(const float* weight, bool inputsFirst, std::int64_t panel) {
    const std::int64_t together = inputsTogether(format_), first = panel * panelOutputs;
    auto* bytes = panels_.mutable_data_ptr<std::uint8_t>() + first * paddedInputs_ * elementBytes(format_);
    for (std::int64_t i = 0; i < panelOutputs; ++i) {
        const std::int64_t output = first + i;
        const auto at = [&](std::int64_t k) {
            return output >= outputs_ ? 0.0F : weight[inputsFirst ? k * outputs_ + output : output * inputs_ + k];
        };
        float scale = 0;
        std::int32_t sum = 0;
        if (format_ == WeightFormat::Int8) {
            for (std::int64_t k = 0; k < inputs_; ++k) {
                scale = std::max(scale, std::abs(at(k)) / 127);
            }
        }
        for (std::int64_t k = 0; k < paddedInputs_; ++k) {
            const float value = k < inputs_ ? at(k) : 0.0F;
            const std::int64_t place = (k / together * panelOutputs + i) * together + k % together;
            if (format_ == WeightFormat::Float32) {
                std::memcpy(bytes + 4 * place, &value, 4);
            } else if (format_ == WeightFormat::BFloat16) {
                const std::uint16_t bits = bfloat16Bits(value);
                std::memcpy(bytes + 2 * place, &bits, 2);
            } else {
                const auto whole = static_cast<std::int8_t>(scale > 0 ? std::lrint(value / scale) : 0);
                sum += whole;
                std::memcpy(bytes + place, &whole, 1);
            }
        }
        if (format_ == WeightFormat::Int8) {
            scales_.mutable_data_ptr<float>()[output] = scale;
            offsets_.mutable_data_ptr<std::int32_t>()[output] = 128 * sum;
        }
    }
}

bool PackedMatrix::takes(const at::Tensor& x) const {
    return x.dim() == 2 && x.device().is_cpu() && x.scalar_type() == at::kFloat && !at::GradMode::is_enabled() &&
           (format_ != WeightFormat::Float32 || x.size(0) <= mostFloat32Rows);
}

at::Tensor PackedMatrix::multiply(const at::Tensor& x, const at::Tensor& bias) const {
    const at::Tensor source = x.contiguous();
    const std::int64_t rows = source.size(0), blocks = roundedUp(rows, blockRows) / blockRows;
    const bool asBytes = format_ == WeightFormat::Int8;
    const std::int64_t blockBytes = blockRows * paddedInputs_ * (asBytes ? 1 : 4);
    const at::Tensor packed = at::empty({blocks * blockBytes}, at::kByte);
    const at::Tensor rowScales = asBytes ? at::empty({rows}, at::kFloat) : at::Tensor();
    at::Tensor y = at::empty({rows, outputs_}, source.options());

    const auto pack = [&](std::int64_t block) {
        const float* from = source.const_data_ptr<float>() + block * blockRows * inputs_;
        const std::int64_t count = std::min(blockRows, rows - block * blockRows);
        std::uint8_t* to = packed.mutable_data_ptr<std::uint8_t>() + block * blockBytes;
        if (asBytes) {
            quantizeRows(from, count, inputs_, paddedInputs_, to,
                         rowScales.mutable_data_ptr<float>() + block * blockRows);
        } else {
            packRows(from, count, inputs_, paddedInputs_, reinterpret_cast<float*>(to));
        }
    };
    inParallel(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
            pack(block);
        }
    });

    PanelProduct product;
    product.panels = panels_.const_data_ptr();
    product.x = packed.const_data_ptr();
    product.bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
    product.y = y.mutable_data_ptr<float>();
    product.rows = rows;
    product.inputs = paddedInputs_;
    product.outputs = outputs_;
    if (asBytes) {
        product.rowScales = rowScales.const_data_ptr<float>();
        product.outputScales = scales_.const_data_ptr<float>();
        product.outputOffsets = offsets_.const_data_ptr<std::int32_t>();
    }
    // By turns: a thread that slept takes fewer, and the other need not wait for it.
    const std::int64_t panels = roundedUp(outputs_, panelOutputs) / panelOutputs;
    const std::int64_t turn = std::max<std::int64_t>(panels / 16, 1);
    std::atomic<std::int64_t> next = 0;
    inParallel(at::get_num_threads(), 1, [&, kernel = fastest(format_)](std::int64_t, std::int64_t) {
        for (std::int64_t begin = next.fetch_add(turn); begin < panels; begin = next.fetch_add(turn)) {
            kernel(product, begin, std::min(begin + turn, panels));
        }
    });
    return y;
}

at::Tensor PackedMatrix::unpacked() const {
    const std::int64_t together = inputsTogether(format_);
    const at::ScalarType type = format_ == WeightFormat::Float32    ? at::kFloat
                                : format_ == WeightFormat::BFloat16 ? at::kBFloat16
                                                                    : at::kChar;
    const at::Tensor values = panels_.view(type)
                                  .view({-1, paddedInputs_ / together, panelOutputs, together})
                                  .permute({0, 2, 1, 3})
                                  .reshape({-1, paddedInputs_})
                                  .to(at::kFloat);
    const at::Tensor scaled = scales_.defined() ? values * scales_.unsqueeze(1) : values;
    return scaled.narrow(0, 0, outputs_).narrow(1, 0, inputs_);
}

}  // namespace prefbench::model
