#include "core/text/json_tokenizer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/text/json_fields.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

const files::Json& partOf(const files::Json& json, const char* key) {
    static const files::Json null;
    const auto found = json.find(key);
    return found == json.end() ? null : *found;
}

const files::Json& modelOf(const files::Json& json, const std::string& what) {
    const files::Json& version = partOf(json, "version");
    if (!version.is_null() && version != "1.0") {
        throw Error(what + ": version " + files::toLine(version) + " is not supported, expected \"1.0\"");
    }
    return requireField(json, "model", what);
}

/// A part of the file that is made of steps. Each costs time on every text, and a file may hold a million of them;
/// compiling a regular expression may take ten milliseconds for twenty bytes.
const files::Json& stepsOf(const files::Json& json, const char* key, const std::string& what) {
    constexpr int most = 200;
    constexpr std::size_t mostPatternBytes = 4096;
    int steps = 0;
    std::size_t patternBytes = 0;
    const std::function<void(const files::Json&)> count = [&](const files::Json& value) {
        if (value.is_object()) {
            const auto pattern = value.find("Regex");
            steps += value.contains("type") ? 1 : 0;
            patternBytes += pattern != value.end() && pattern->is_string() ? pattern->get<std::string>().size() : 0;
        }
        if (value.is_structured()) {
            std::for_each(value.begin(), value.end(), count);
        }
    };
    const files::Json& part = partOf(json, key);
    count(part);
    if (steps > most) {
        throw Error(what + ": " + key + " is made of " + std::to_string(steps) + " steps, at most " +
                    std::to_string(most) + " are supported");
    }
    if (patternBytes > mostPatternBytes) {
        throw Error(what + ": " + key + " holds regular expressions of " + std::to_string(patternBytes) +
                    " bytes, at most " + std::to_string(mostPatternBytes) + " are supported");
    }
    return part;
}

class TextSink : public TokenSink {
  public:
    explicit TextSink(std::string& out) : out_(out) {}
    void push(std::string_view token) override { out_ += token; }
    void finish() override {}

  private:
    std::string& out_;
};

}  // namespace

// Truncation and padding that a file may hold are a caller's settings saved along; transformers resets them too.
JsonTokenizer::JsonTokenizer(const files::Json& json, const std::string& what)
    : what_(what),
      model_(makeModel(modelOf(json, what), what + ": model")),
      normalizer_(makeNormalizer(stepsOf(json, "normalizer", what), what + ": normalizer")),
      preTokenizer_(makePreTokenizer(stepsOf(json, "pre_tokenizer", what), what + ": pre_tokenizer")),
      postProcessor_(makePostProcessor(stepsOf(json, "post_processor", what), what + ": post_processor")),
      decoder_(makeDecoder(stepsOf(json, "decoder", what), what + ": decoder")),
      added_(partOf(json, "added_tokens"), *model_, normalizer_.get(), what + ": added_tokens") {
    if (preTokenizer_ && preTokenizer_->asksForStart() && normalizer_ && !normalizer_->followsStart()) {
        throw Error(what +
                    ": a Metaspace with prepend_scheme \"first\" is not supported after a normalizer that takes "
                    "from the beginning of a text what another may have made of its first character");
    }
}

void JsonTokenizer::readConfig(const files::Json& config, const std::string& what) {
    bosId_ = idOf(config, "bos_token", what);
    eosId_ = idOf(config, "eos_token", what);
}

/// A token is given as "text" or as {"content": "text", …}.
std::optional<TokenId> JsonTokenizer::idOf(const files::Json& config, const char* key, const std::string& what) const {
    if (!config.is_object()) {
        throw Error(what + ": expected an object");
    }
    const files::Json& value = partOf(config, key);
    if (value.is_null()) {
        return std::nullopt;
    }
    const std::string content =
        value.is_object() ? requireString(value, "content", what + ": " + key) : requireString(config, key, what);
    const std::optional<TokenId> added = added_.id(content);
    return added ? added : model_->id(content);
}

std::vector<TokenId> JsonTokenizer::encode(std::string_view utf8, bool addSpecialTokens) const {
    const std::size_t valid = validUtf8Length(utf8);
    if (valid != utf8.size()) {
        throw Error("the text is not valid UTF-8 at byte " + std::to_string(valid + 1));
    }
    std::vector<TokenId> ids;
    ids.reserve(utf8.size() / 3 + 2);
    const auto addToken = [&ids](TokenId id) { ids.push_back(id); };
    added_.cut(
        utf8, AddedTokens::Stage::Written,
        [&](std::string_view text) { encodeNormalized(text, text.data() == utf8.data(), ids); }, addToken);
    if (addSpecialTokens && postProcessor_) {
        postProcessor_->apply(ids);
    }
    return ids;
}

void JsonTokenizer::encodeNormalized(std::string_view text, bool beginsText, std::vector<TokenId>& ids) const {
    std::string normalized;
    if (normalizer_) {
        normalized = normalizer_->apply(text, beginsText, GrowthLimit(text.size(), what_));
        text = normalized;
    }
    added_.cut(
        text, AddedTokens::Stage::Normalized,
        [&](std::string_view part) { encodeWords(part, beginsText && part.data() == text.data(), ids); },
        [&ids](TokenId id) { ids.push_back(id); });
}

void JsonTokenizer::encodeWords(std::string_view text, bool beginsText, std::vector<TokenId>& ids) const {
    Pieces pieces{.limit = GrowthLimit(text.size(), what_)};
    pieces.pieces.push_back(text);
    pieces.beginText = beginsText;
    if (preTokenizer_) {
        preTokenizer_->apply(pieces);
    }
    for (const std::string_view word : pieces.pieces) {
        model_->tokenize(word, ids);
    }
}

const std::string* JsonTokenizer::find(TokenId id) const {
    const AddedToken* added = added_.token(id);
    return added != nullptr ? &added->spelling : model_->token(id);
}

std::string JsonTokenizer::token(TokenId id) const {
    const std::string* found = find(id);
    if (found == nullptr) {
        throw Error("token id " + std::to_string(id) + " is not in the vocabulary of " +
                    std::to_string(vocabularySize()));
    }
    return *found;
}

bool JsonTokenizer::isSpecial(TokenId id) const {
    const std::string* found = find(id);
    return found != nullptr && added_.isSpecial(*found);
}

std::int64_t JsonTokenizer::vocabularySize() const {
    return model_->size() + added_.beyondModel();
}

std::unique_ptr<Decoding> JsonTokenizer::startDecoding(bool skipSpecialTokens) const {
    class JsonDecoding : public Decoding {
      public:
        JsonDecoding(const JsonTokenizer& tokenizer, bool skipSpecialTokens)
            : tokenizer_(tokenizer),
              skipSpecialTokens_(skipSpecialTokens),
              sink_(tokenizer.decoder_->attach(std::make_unique<TextSink>(text_), false)) {}
        std::string push(TokenId id) override {
            const std::string* token = tokenizer_.find(id);
            if (token != nullptr && !(skipSpecialTokens_ && tokenizer_.added_.isSpecial(*token))) {
                sink_->push(*token);
            }
            return std::exchange(text_, {});
        }
        std::string finish() override {
            sink_->finish();
            return std::exchange(text_, {});
        }

      private:
        const JsonTokenizer& tokenizer_;
        bool skipSpecialTokens_;
        std::string text_;
        std::unique_ptr<TokenSink> sink_;
    };
    return std::make_unique<JsonDecoding>(*this, skipSpecialTokens);
}

std::string JsonTokenizer::decode(std::span<const TokenId> ids, bool skipSpecialTokens) const {
    const std::unique_ptr<Decoding> decoding = startDecoding(skipSpecialTokens);
    std::string text;
    for (const TokenId id : ids) {
        text += decoding->push(id);
    }
    return text + decoding->finish();
}

}  // namespace prefbench::text
