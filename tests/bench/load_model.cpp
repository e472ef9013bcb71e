// How fast a model's weights are converted while they are loaded, beside a plain loop that does the same on two
// threads, and what memory loading takes: docs/performance.md. Never a test.
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/files/error.h"
#include "core/files/model_folder.h"
#include "core/files/safetensors.h"
#include "core/model/device.h"
#include "core/model/transformer.h"

using namespace prefbench;

namespace {

constexpr int kThreads = 2;

double seconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

float toFloat(std::uint16_t bfloat16) {
    return std::bit_cast<float>(std::uint32_t{bfloat16} << 16);
}

std::uint16_t toBfloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// Converts `count` elements, half of them on each thread.
template <typename To, typename From, typename Convert>
void convertOnTwoThreads(To* to, const From* from, std::size_t count, Convert convert) {
    const auto part = [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            to[i] = convert(from[i]);
        }
    };
    std::thread other(part, 0, count / kThreads);
    part(count / kThreads, count);
    other.join();
}

/// Every tensor of the folder into fresh memory, BF16 to float or back; the memory is freed afterwards.
void convertPlainly(const files::ModelFolder& folder) {
    std::vector<std::unique_ptr<char[]>> kept;
    for (const auto& path : folder.weightFiles) {
        const auto file = files::SafetensorsFile::open(path);
        for (const files::TensorInfo& tensor : file.tensors()) {
            const auto bytes = file.data(tensor);
            if (tensor.dtype == files::DType::BF16) {
                const std::size_t count = bytes.size() / 2;
                kept.emplace_back(new char[count * 4]);
                convertOnTwoThreads(reinterpret_cast<float*>(kept.back().get()),
                                    reinterpret_cast<const std::uint16_t*>(bytes.data()), count, toFloat);
            } else if (tensor.dtype == files::DType::F32) {
                const std::size_t count = bytes.size() / 4;
                kept.emplace_back(new char[count * 2]);
                convertOnTwoThreads(reinterpret_cast<std::uint16_t*>(kept.back().get()),
                                    reinterpret_cast<const float*>(bytes.data()), count, toBfloat16);
            } else {
                throw Error(path.string() + ": " + files::dtypeName(tensor.dtype) + " is neither BF16 nor F32");
            }
        }
    }
}

double peakGib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

std::uint64_t storedBytes(const files::ModelFolder& folder) {
    std::uint64_t sum = 0;
    for (const auto& path : folder.weightFiles) {
        const auto file = files::SafetensorsFile::open(path);
        for (const files::TensorInfo& tensor : file.tensors()) {
            sum += tensor.end - tensor.begin;
        }
    }
    return sum;
}

void measure(const std::string& path, const std::string& dtype, int rounds) {
    model::setThreads(kThreads);
    const auto folder = files::openModelFolder(path);
    const auto type = model::computeTypeFromName(dtype);
    const double bytes = static_cast<double>(storedBytes(folder));
    const double before = peakGib();
    const double first = seconds([&] { model::Transformer::load(folder, at::kCPU, type); });
    std::printf("first load %.2f s; peak memory %.2f GiB over the %.2f before it; stored %.2f GiB\n", first,
                peakGib() - before, before, bytes / (1 << 30));
    std::vector<double> ours, plain;
    for (int round = 0; round < rounds; ++round) {
        ours.push_back(seconds([&] { model::Transformer::load(folder, at::kCPU, type); }));
        plain.push_back(seconds([&] { convertPlainly(folder); }));
    }
    const auto median = [](std::vector<double> values) {
        std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
        return values[values.size() / 2];
    };
    std::printf("median of %d: load %.2f s (%.2f GB/s of stored bytes), plain loop %.2f s, ratio %.2f\n", rounds,
                median(ours), bytes / 1e9 / median(ours), median(plain), median(plain) / median(ours));
}

}  // namespace

/// prefbench-bench-loading MODEL DTYPE [ROUNDS]: MODEL's weights are stored as BF16 and DTYPE is float32, or as F32 and
/// it is bfloat16.
int main(int argc, char** argv) {
    try {
        if (argc < 3) {
            throw Error("usage: prefbench-bench-loading MODEL DTYPE [ROUNDS]");
        }
        measure(argv[1], argv[2], argc > 3 ? std::stoi(argv[3]) : 9);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
