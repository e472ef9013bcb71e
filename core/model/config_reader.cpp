#include "core/model/config_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/files/error.h"

namespace prefbench::model {

using files::OrderedJson;

namespace {

bool isWhole(const OrderedJson& value, std::int64_t least) {
    return value.is_number_integer() && value >= least && value <= std::numeric_limits<std::int32_t>::max();
}

bool isPositive(const OrderedJson& value) {
    return value.is_number() && value.get<double>() >= 1e-30 && value.get<double>() <= 1e30;
}

constexpr const char* positiveRule = "a number above 0 (from 1e-30 to 1e30)";

}  // namespace

ConfigReader::ConfigReader(const OrderedJson& object, std::string what) : object_(object), what_(std::move(what)) {}

const OrderedJson* ConfigReader::find(std::string_view key) const {
    if (key.empty()) {
        return nullptr;
    }
    const auto found = object_.find(std::string(key));
    return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::isNull(std::string_view key) const {
    const auto found = object_.find(std::string(key));
    return found != object_.end() && found->is_null();
}

std::int64_t ConfigReader::size(std::string_view key, std::int64_t fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!isWhole(*value, 1)) {
        fail(key, *value, "a whole number of at least 1 and below 2^31");
    }
    return value->get<std::int64_t>();
}

std::int64_t ConfigReader::wholeNumber(std::string_view key, std::int64_t fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!isWhole(*value, 0)) {
        fail(key, *value, "a whole number of at least 0 and below 2^31");
    }
    return value->get<std::int64_t>();
}

double ConfigReader::positive(std::string_view key, double fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!isPositive(*value)) {
        fail(key, *value, positiveRule);
    }
    return value->get<double>();
}

double ConfigReader::nonNegative(std::string_view key, double fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!isPositive(*value) && *value != 0) {
        fail(key, *value, "a number of at least 0 (and from 1e-30 to 1e30 where above)");
    }
    return value->get<double>();
}

double ConfigReader::requiredPositive(std::string_view key) const {
    if (find(key) == nullptr) {
        throw Error(what_ + ": " + std::string(key) + " is missing");
    }
    return positive(key, 0);
}

bool ConfigReader::flag(std::string_view key, bool fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_boolean()) {
        fail(key, *value, "true or false");
    }
    return value->get<bool>();
}

std::string ConfigReader::text(std::string_view key, const std::string& fallback) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_string()) {
        fail(key, *value, "text");
    }
    return value->get<std::string>();
}

std::vector<double> ConfigReader::positives(std::string_view key) const {
    const OrderedJson* value = find(key);
    std::vector<double> numbers;
    if (value == nullptr) {
        return numbers;
    }
    if (!value->is_array() || !std::all_of(value->begin(), value->end(), isPositive)) {
        fail(key, *value, "a list of numbers above 0 (from 1e-30 to 1e30)");
    }
    for (const OrderedJson& number : *value) {
        numbers.push_back(number.get<double>());
    }
    return numbers;
}

ConfigReader ConfigReader::object(std::string_view key) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) {
        throw Error(what_ + ": " + std::string(key) + " is missing");
    }
    if (!value->is_object()) {
        fail(key, *value, "an object");
    }
    return {*value, what_ + ": " + std::string(key)};
}

void ConfigReader::fail(std::string_view key, const OrderedJson& value, const std::string& rule) const {
    throw Error(what_ + ": " + std::string(key) + " is " + files::toLine(value) + ", must be " + rule);
}

}  // namespace prefbench::model
