#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"

namespace prefbench::text {

struct Span {
    std::size_t begin = 0;  ///< bytes
    std::size_t end = 0;
    bool isMatch = false;
};

/// A regular expression in the dialect that tokenizer.json files are written in (Oniguruma, UTF-8), run by PCRE2.
/// Constructs that mean something else in PCRE2 are translated, or refused where they cannot be. Safe to use from
/// several threads.
class Regex {
  public:
    Regex(const std::string& pattern, const std::string& what);
    /// Matches `text` and nothing else.
    static Regex literal(const std::string& text, const std::string& what);
    /// {"String": …} or {"Regex": …}
    static Regex fromJson(const files::Json& json, const std::string& what);

    /// The whole of `text` (valid UTF-8) in order, cut into matches and what lies between them; only a match may be
    /// empty. Clears `spans` first. Error where matching takes too long: its work is bounded by a multiple of the
    /// text's size.
    void cut(std::string_view text, std::vector<Span>& spans) const;
    /// `text` with every match replaced; Error where that is longer than `maxBytes`.
    std::string replace(std::string_view text, std::string_view replacement, std::size_t maxBytes) const;

  private:
    struct Compiled;
    explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace prefbench::text
