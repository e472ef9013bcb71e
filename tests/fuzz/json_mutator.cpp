#include "tests/fuzz/json_mutator.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "tests/fuzz/fuzz.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maxSize);

namespace prefbench::fuzz {

namespace {

using files::OrderedJson;

class TreeMutator {
  public:
    explicit TreeMutator(unsigned seed) : random_(seed) {}

    void mutate(OrderedJson& root) {
        std::vector<OrderedJson*> all;
        collect(root, all);
        OrderedJson& one = *all[below(all.size())];
        OrderedJson& other = *all[below(all.size())];
        switch (below(8)) {
            case 0:
                one = OrderedJson(other);
                break;
            case 1:
                one = interesting();
                break;
            case 2:
                remove(one);
                break;
            case 3:
                repeat(one, other);
                break;
            case 4:
                rename(one, other);
                break;
            case 5:
                wrap(one);
                break;
            default:
                mutateValue(one);
        }
    }

    std::size_t below(std::size_t count) { return random_() % count; }

  private:
    static void collect(OrderedJson& value, std::vector<OrderedJson*>& all) {
        all.push_back(&value);
        if (value.is_structured()) {
            for (OrderedJson& child : value) {
                collect(child, all);
            }
        }
    }

    OrderedJson interesting() {
        static const std::vector<const char*> values = {"null",
                                                        "true",
                                                        "false",
                                                        "0",
                                                        "1",
                                                        "2",
                                                        "-1",
                                                        "0.5",
                                                        "1e308",
                                                        "-1e-300",
                                                        "2147483647",
                                                        "2147483648",
                                                        "4294967296",
                                                        "9223372036854775807",
                                                        "-9223372036854775808",
                                                        "9223372036854775808",
                                                        "18446744073709551615",
                                                        "18446744073709551616",
                                                        "\"\"",
                                                        "\" \"",
                                                        "\"\\u2581\"",
                                                        "\"\\u0000\"",
                                                        "\"\\ud83d\\ude00\"",
                                                        "\"\\u0301\"",
                                                        "[]",
                                                        "{}",
                                                        "[[]]",
                                                        "[0]",
                                                        "[\"\"]"};
        return OrderedJson::parse(values[below(values.size())]);
    }

    void remove(OrderedJson& value) {
        if (value.is_array() && !value.empty()) {
            value.erase(below(value.size()));
        } else if (value.is_object() && !value.empty()) {
            value.erase(anyKey(value));
        } else {
            value = nullptr;
        }
    }

    std::string anyKey(const OrderedJson& object) { return std::next(object.begin(), below(object.size())).key(); }

    void repeat(OrderedJson& value, const OrderedJson& other) {
        const OrderedJson copy = other;
        if (value.is_array()) {
            for (std::size_t count = std::size_t{1} << below(5); count > 0; --count) {
                value.push_back(copy);
            }
        } else if (value.is_object()) {
            value[copy.is_string() ? copy.get<std::string>() : std::string("x")] = copy;
        } else {
            mutateValue(value);
        }
    }

    void rename(OrderedJson& value, const OrderedJson& other) {
        if (!value.is_object() || value.empty()) {
            mutateValue(value);
            return;
        }
        const std::string from = anyKey(value);
        OrderedJson moved = std::move(value[from]);
        value.erase(from);
        std::string to = other.is_string() ? other.get<std::string>() : from;
        if (below(2) == 0) {
            to = bytesMutated(to);
        }
        value[to] = std::move(moved);
    }

    void wrap(OrderedJson& value) {
        for (std::size_t count = std::size_t{1} << below(4); count > 0; --count) {
            value = OrderedJson::array({std::move(value)});
        }
    }

    void mutateValue(OrderedJson& value) {
        if (value.is_string()) {
            value = bytesMutated(value.get<std::string>());
        } else if (value.is_number_integer()) {
            value = mutatedInteger(value.get<std::int64_t>());
        } else if (value.is_number_float()) {
            value = value.get<double>() * (below(2) == 0 ? -1 : 1000) + static_cast<double>(below(3));
        } else if (value.is_boolean()) {
            value = !value.get<bool>();
        } else {
            value = interesting();
        }
    }

    std::int64_t mutatedInteger(std::int64_t value) {
        const auto bits = static_cast<std::uint64_t>(value);
        switch (below(4)) {
            case 0:
                return static_cast<std::int64_t>(bits + 1);
            case 1:
                return static_cast<std::int64_t>(bits - 1);
            case 2:
                return static_cast<std::int64_t>(bits << below(64));
            default:
                return static_cast<std::int64_t>(below(300));
        }
    }

    std::string bytesMutated(std::string text) {
        const std::size_t size = text.size();
        text.resize(size + 64);
        text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
        return text;
    }

    std::minstd_rand random_;
};

}  // namespace

std::size_t mutateJson(std::uint8_t* data, std::size_t size, std::size_t maxSize, unsigned seed) {
    TreeMutator mutator(seed);
    const std::string input(viewOf(data, size));
    const FileAndText parts = split(input, {});
    OrderedJson root = mutator.below(4) == 0 ? OrderedJson(OrderedJson::value_t::discarded)
                                             : OrderedJson::parse(parts.file, nullptr, false);
    if (root.is_discarded()) {
        return LLVMFuzzerMutate(data, size, maxSize);
    }
    for (std::size_t count = 1 + mutator.below(3); count > 0; --count) {
        mutator.mutate(root);
    }
    const std::string result = files::toLine(root) + input.substr(parts.file.size());
    if (result.size() > maxSize) {
        return LLVMFuzzerMutate(data, size, maxSize);
    }
    std::memcpy(data, result.data(), result.size());
    return result.size();
}

}  // namespace prefbench::fuzz
