#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/files/json.h"
#include "core/text/model.h"
#include "core/text/normalizers.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

struct AddedToken {
    std::string content;
    std::string spelling;  ///< the content, normalized where the token is found after normalization
    bool singleWord = false;
    bool stripLeft = false;
    bool stripRight = false;
    bool normalized = false;
    bool special = false;
};

/// Finds the leftmost of several byte strings, and the longest of those that start there.
class TokenTrie {
  public:
    void insert(std::string_view text, TokenId id);
    bool empty() const { return nodes_.size() == 1; }

    struct Match {
        std::size_t begin, end;
        TokenId id;
    };
    std::optional<Match> find(std::string_view text, std::size_t from) const;

  private:
    struct Node {
        std::vector<std::pair<unsigned char, std::int32_t>> children;
        TokenId id = -1;
    };
    std::int32_t child(std::int32_t node, unsigned char byte) const;
    std::vector<Node> nodes_{1};
    std::array<std::int32_t, 256> roots_{};  ///< children of the first node; 0 where there is none
};

/// tokenizer.json's "added_tokens": texts that are one token wherever they stand, found before anything else.
class AddedTokens {
  public:
    AddedTokens(const files::Json& json, const Model& model, const Normalizer* normalizer, const std::string& what);

    /// Hands the text over in order: `onText` what no added token covers (never empty), `onToken` the tokens. `text` is
    /// the input for the tokens found as they are written, and normalized text for those found after normalization.
    enum class Stage { Written, Normalized };
    void cut(std::string_view text, Stage stage, const std::function<void(std::string_view)>& onText,
             const std::function<void(TokenId)>& onToken) const;

    std::optional<TokenId> id(std::string_view content) const;
    /// nullptr when the id is no added token's.
    const AddedToken* token(TokenId id) const;
    /// Whether a token of this spelling is left out where special tokens are skipped.
    bool isSpecial(std::string_view spelling) const { return special_.contains(std::string(spelling)); }
    /// How many of them the model's vocabulary does not hold.
    std::int64_t beyondModel() const { return beyondModel_; }

  private:
    void add(AddedToken token, const Model& model);
    TokenId idFor(const std::string& content, const Model& model);

    std::unordered_map<TokenId, AddedToken> tokens_;
    std::unordered_map<std::string, TokenId> ids_;
    std::unordered_set<std::string> special_;
    TokenTrie written_;
    TokenTrie normalized_;
    std::int64_t beyondModel_ = 0;
};

}  // namespace prefbench::text
