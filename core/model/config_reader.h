#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"

namespace prefbench::model {

/// Typed reading of one object of config.json. A key that is null counts as missing where nothing else is said, and so
/// does an empty key. Errors name the file, key, value and rule. The object must outlive the reader.
class ConfigReader {
  public:
    ConfigReader(const files::OrderedJson& object, std::string what);

    /// nullptr when missing or null.
    const files::OrderedJson* find(std::string_view key) const;
    /// There, and null: often not what a missing key means.
    bool isNull(std::string_view key) const;
    /// From 1 to 2^31 - 1, so that no product of two overflows.
    std::int64_t size(std::string_view key, std::int64_t fallback) const;
    /// From 0 to 2^31 - 1.
    std::int64_t wholeNumber(std::string_view key, std::int64_t fallback) const;
    /// Above 0: from 1e-30 to 1e30, so that 32 bits hold it and its inverse.
    double positive(std::string_view key, double fallback) const;
    /// 0 or as `positive`.
    double nonNegative(std::string_view key, double fallback) const;
    double requiredPositive(std::string_view key) const;
    bool flag(std::string_view key, bool fallback) const;
    std::string text(std::string_view key, const std::string& fallback) const;
    /// Every one as `positive`; empty where missing.
    std::vector<double> positives(std::string_view key) const;
    /// The object under `key`, which must be there and be one. It lives as long as this reader's.
    ConfigReader object(std::string_view key) const;

    [[noreturn]] void fail(std::string_view key, const files::OrderedJson& value, const std::string& rule) const;
    const std::string& what() const { return what_; }

  private:
    const files::OrderedJson& object_;
    std::string what_;
};

}  // namespace prefbench::model
