#include "core/model/dropout.h"

namespace prefbench::model {
namespace {

/// SplitMix64's output function: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators".
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

}  // namespace

std::uint64_t keyOf(std::initializer_list<std::uint64_t> numbers) {
    std::uint64_t key = 0;
    for (const std::uint64_t number : numbers) {
        key = mixed(key ^ number);
    }
    return key;
}

void Dropout::draw(std::size_t tree, at::Tensor mask) const {
    const double kept = 1 - share_;
    const std::uint64_t key =
        keyOf({keys_.keys[tree], static_cast<std::uint64_t>(site_), static_cast<std::uint64_t>(layer_)});
    at::Generator random = at::detail::createCPUGenerator(key);
    mask.bernoulli_(kept, random).div_(kept);
}

at::Tensor Dropout::mask(std::size_t tree, const at::Tensor& like) const {
    at::Tensor mask = at::empty(like.sizes(), like.options().device(at::kCPU));
    draw(tree, mask);
    return mask.to(like.device());
}

at::Tensor Dropout::operator()(const at::Tensor& x) const {
    if (!drops()) {
        return x;
    }
    at::Tensor mask = at::empty(x.sizes(), x.options().device(at::kCPU));
    std::int64_t begin = 0;
    for (std::size_t tree = 0; tree < keys_.keys.size(); ++tree) {
        draw(tree, mask.narrow(0, begin, keys_.tokens[tree]));
        begin += keys_.tokens[tree];
    }
    return x * mask.to(x.device());
}

}  // namespace prefbench::model
