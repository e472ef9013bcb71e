#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prefbench::text {

using TokenId = std::int64_t;

/// One decoding under way. Text is given out as soon as no later id can change it: never half a character. Belongs to
/// one thread, and its tokenizer must outlive it.
class Decoding {
  public:
    virtual ~Decoding() = default;
    /// The text that this id settles; may be empty. Ids outside the vocabulary are skipped.
    virtual std::string push(TokenId id) = 0;
    /// What is left, with U+FFFD for bytes that never became a character. Call once, as the last.
    virtual std::string finish() = 0;
};

/// A tokenizer: the same ids as `tokenizers` gives for a tokenizer.json, or as SentencePiece gives for a
/// tokenizer.model. Immutable after loading and safe to use from several threads.
class Tokenizer {
  public:
    /// Reads the folder's tokenizer.json, or its tokenizer.model where there is none, and tokenizer_config.json. What
    /// the files ask for and we do not have is an Error that names it, never an approximation.
    static std::shared_ptr<const Tokenizer> load(const std::filesystem::path& folder);
    /// Reads one tokenizer.json, or with the ending .model a SentencePiece model, without its folder's
    /// tokenizer_config.json: bos and eos are then what the file itself says (a tokenizer.json says nothing).
    static std::shared_ptr<const Tokenizer> loadFile(const std::filesystem::path& file);
    virtual ~Tokenizer() = default;

    /// Ids of `utf8`; with `addSpecialTokens` the post-processor's template is applied (a beginning-of-text token,
    /// say). Throws Error when `utf8` is not valid UTF-8.
    virtual std::vector<TokenId> encode(std::string_view utf8, bool addSpecialTokens) const = 0;
    /// The token's spelling in the vocabulary (not its text); Error when there is no such id.
    virtual std::string token(TokenId id) const = 0;
    /// Whether the id is left out of decoded text where special tokens are skipped.
    virtual bool isSpecial(TokenId id) const = 0;
    /// Text of the ids; bytes that do not form characters become U+FFFD. Ids outside the vocabulary are skipped.
    virtual std::string decode(std::span<const TokenId> ids, bool skipSpecialTokens) const = 0;
    /// Starts a decoding of ids that come one by one; decode() is the same at once.
    virtual std::unique_ptr<Decoding> startDecoding(bool skipSpecialTokens) const = 0;
    /// Number of ids including added tokens.
    virtual std::int64_t vocabularySize() const = 0;

    std::optional<TokenId> bosId() const { return bosId_; }
    std::optional<TokenId> eosId() const { return eosId_; }

  protected:
    std::optional<TokenId> bosId_;
    std::optional<TokenId> eosId_;
};

/// A Decoding that keeps its tokenizer alive.
class StreamDecoder {
  public:
    explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skipSpecialTokens = true);
    /// The text that this id settles; may be empty.
    std::string push(TokenId id);
    /// What is left, with U+FFFD for bytes that never became a character.
    std::string finish();

  private:
    std::shared_ptr<const Tokenizer> tokenizer_;
    std::unique_ptr<Decoding> decoding_;
};

/// A prompt and its completions, a pair or a ranking, as TRL's rule splits them into ids.
struct TokenizedCompletions {
    std::vector<TokenId> prompt;
    std::vector<std::vector<TokenId>> completions;
};
struct TokenizedCompletion {
    std::vector<TokenId> prompt, completion;
};

/// Of ids of the prompt alone and of prompt+completion, each tokenised whole: prompt length = the shortest of the
/// common prefixes of the prompt's ids with all full ids; what follows is the completion. TRL's rule for two.
TokenizedCompletions splitCompletions(std::vector<TokenId> prompt, const std::vector<std::vector<TokenId>>& wholes);
TokenizedCompletion splitCompletion(std::vector<TokenId> prompt, const std::vector<TokenId>& whole);

/// splitCompletions of plain text, special tokens added; conversations: conversation.h. `appendEos` adds EOS after
/// every completion where the tokenizer knows one and the text does not end in it (to train: yes).
TokenizedCompletions tokenizeCompletions(const Tokenizer& tokenizer, std::string_view prompt,
                                         const std::vector<std::string_view>& completions, bool appendEos);
TokenizedCompletion tokenizeCompletion(const Tokenizer& tokenizer, std::string_view prompt, std::string_view completion,
                                       bool appendEos);

}  // namespace prefbench::text
