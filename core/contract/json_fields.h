#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/files/error.h"
#include "core/files/json.h"

namespace prefbench::contract {

/// Reads the fields of one JSON object with errors that name `what` (the file or message), the key, the value and the
/// rule. Missing keys leave the target as it is.
class JsonFields {
  public:
    JsonFields(const files::OrderedJson& object, std::string what) : object_(object), what_(std::move(what)) {
        if (!object.is_object()) {
            throw Error(what_ + ": not a JSON object");
        }
    }

    void read(const char* key, std::string& target) const {
        if (const auto* value = find(key)) {
            require(value->is_string(), key, *value, "must be a text");
            target = value->get<std::string>();
        }
    }
    void read(const char* key, bool& target) const {
        if (const auto* value = find(key)) {
            require(value->is_boolean(), key, *value, "must be true or false");
            target = value->get<bool>();
        }
    }
    void read(const char* key, double& target) const {
        if (const auto* value = find(key)) {
            require(value->is_number(), key, *value, "must be a number");
            target = value->get<double>();
        }
    }
    void read(const char* key, std::int64_t& target) const {
        if (const auto* value = find(key)) {
            require(isInt64(*value), key, *value, "must be a whole number");
            target = value->get<std::int64_t>();
        }
    }
    void read(const char* key, std::uint64_t& target) const {
        if (const auto* value = find(key)) {
            require(value->is_number_unsigned(), key, *value, "must be a whole number, 0 or more");
            target = value->get<std::uint64_t>();
        }
    }
    void read(const char* key, std::vector<double>& target) const {
        if (const auto* value = find(key)) {
            const bool numbers = value->is_array() && std::all_of(value->begin(), value->end(),
                                                                  [](const auto& entry) { return entry.is_number(); });
            require(numbers, key, *value, "must be a list of numbers");
            target = value->get<std::vector<double>>();
        }
    }
    void read(const char* key, std::vector<std::string>& target) const {
        if (const auto* value = find(key)) {
            const bool texts = value->is_array() && std::all_of(value->begin(), value->end(),
                                                                [](const auto& entry) { return entry.is_string(); });
            require(texts, key, *value, "must be a list of texts");
            target = value->get<std::vector<std::string>>();
        }
    }

    const files::OrderedJson* find(const char* key) const {
        const auto found = object_.find(key);
        return found == object_.end() ? nullptr : &*found;
    }
    void require(bool good, const char* key, const files::OrderedJson& value, const char* rule) const {
        if (!good) {
            throw Error(what_ + ": " + key + " = " + files::toLine(value) + ": " + rule);
        }
    }
    const std::string& what() const { return what_; }

  private:
    static bool isInt64(const files::OrderedJson& value) {
        return value.is_number_integer() &&
               (!value.is_number_unsigned() ||
                value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    }

    const files::OrderedJson& object_;
    std::string what_;
};

}  // namespace prefbench::contract
