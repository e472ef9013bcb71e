#include "core/text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>

#include "core/text/byte_tokens.h"
#include "core/text/json_fields.h"
#include "core/text/metaspace.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

constexpr std::string_view space = "\u2581";

/// What sentencepiece's Decode gives, piece by piece. Bytes are held back until they are a character or cannot become
/// one; each byte that does not is a U+FFFD of its own.
class PieceDecoding : public Decoding {
  public:
    using Kind = SentencePieceFile::Kind;

    PieceDecoding(const SentencePieceFile& file, bool skipSpecialTokens)
        : file_(file), skipSpecialTokens_(skipSpecialTokens) {}

    std::string push(TokenId id) override {
        if (id < 0 || static_cast<std::size_t>(id) >= file_.pieces.size()) {
            return {};
        }
        const SentencePieceFile::Piece& piece = file_.pieces[static_cast<std::size_t>(id)];
        std::string text;
        if (piece.kind == Kind::Byte) {
            bytes_ += static_cast<char>(*byteOfToken(piece.text));
            handOnBytes(text, false);
        } else {
            handOnBytes(text, true);
            appendText(piece, text);
        }
        return text;
    }

    std::string finish() override {
        std::string text;
        handOnBytes(text, true);
        return text;
    }

  private:
    void handOnBytes(std::string& out, bool atEnd) {
        while (!bytes_.empty()) {
            const std::size_t length = validCharacterLength(bytes_);
            std::string unused;
            if (length == 0 && !atEnd && appendLossy(unused, bytes_, false) == 0) {
                break;
            }
            out += length == 0 ? replacementCharacter : std::string_view(bytes_).substr(0, length);
            bytes_.erase(0, std::max<std::size_t>(length, 1));
            begun_ = true;
        }
    }

    void appendText(const SentencePieceFile::Piece& piece, std::string& out) {
        if (piece.kind == Kind::Control || (piece.kind == Kind::Unknown && skipSpecialTokens_)) {
            return;
        }
        if (piece.kind == Kind::Unknown) {
            out += file_.unknownSurface;
            begun_ = true;
            return;
        }
        std::string_view text = piece.text;
        if (!begun_ && (file_.addDummyPrefix || file_.removeExtraWhitespaces) && text.starts_with(space)) {
            text.remove_prefix(space.size());
            // Without extra spaces, those at the beginning all go.
            begun_ = !file_.removeExtraWhitespaces;
        }
        out += replaceAll(text, space, " ");
        begun_ = begun_ || !text.empty();
    }

    const SentencePieceFile& file_;
    bool skipSpecialTokens_;
    bool begun_ = false;  ///< something was given out, or the space before the text is taken off
    std::string bytes_;
};

void check(const sentencepiece::util::Status& status) {
    if (!status.ok()) {
        throw Error("tokenizer.model: " + status.ToString());
    }
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const std::filesystem::path& file)
    : file_(readSentencePieceFile(file)), processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
    std::string reason;
    try {
        const sentencepiece::util::Status status = processor_->LoadFromSerializedProto(file_.bytes);
        reason = status.ok() ? "" : status.ToString();
    } catch (const std::exception& error) {
        reason = error.what();
    }
    if (!reason.empty()) {
        std::replace(reason.begin(), reason.end(), '\n', ' ');
        throw Error(file.string() + ": " + reason);
    }
    file_.bytes = {};
    if (file_.isUnigram) {
        unigram_ = std::make_unique<const SentencePieceUnigram>(file_);
    }
    const auto known = [](int id) { return id < 0 ? std::nullopt : std::optional<TokenId>(id); };
    bosId_ = known(processor_->bos_id());
    eosId_ = known(processor_->eos_id());
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

std::optional<TokenId> SentencePieceTokenizer::idOf(const files::Json& config, const char* key,
                                                    const std::string& what) const {
    const files::Json& value = config[key];
    const std::string text =
        value.is_object() ? requireString(value, "content", what + ": " + key) : requireString(config, key, what);
    const auto found = std::find_if(file_.pieces.begin(), file_.pieces.end(),
                                    [&text](const SentencePieceFile::Piece& piece) { return piece.text == text; });
    return found == file_.pieces.end() ? std::nullopt : std::optional<TokenId>(found - file_.pieces.begin());
}

void SentencePieceTokenizer::readConfig(const files::Json& config, const std::string& what) {
    if (!config.is_object()) {
        throw Error(what + ": expected an object");
    }
    if (config.contains("bos_token")) {
        bosId_ = config["bos_token"].is_null() ? std::nullopt : idOf(config, "bos_token", what);
    }
    if (config.contains("eos_token")) {
        eosId_ = config["eos_token"].is_null() ? std::nullopt : idOf(config, "eos_token", what);
    }
    // The tokenizers of Llama and Gemma begin each text unless the file says otherwise.
    const files::Json name = config.value("tokenizer_class", files::Json());
    const bool begins = name == "LlamaTokenizer" || name == "LlamaTokenizerFast" || name == "GemmaTokenizer" ||
                        name == "GemmaTokenizerFast";
    addBos_ = boolOr(config, "add_bos_token", begins, what);
    addEos_ = boolOr(config, "add_eos_token", false, what);
    const auto added = config.find("added_tokens_decoder");
    if (added == config.end() || !added->is_object()) {
        return;
    }
    for (const auto& [id, token] : added->items()) {
        const std::string content = requireString(token, "content", what + ": added_tokens_decoder: " + id);
        const bool known = std::any_of(file_.pieces.begin(), file_.pieces.end(),
                                       [&](const auto& piece) { return piece.text == content; });
        if (!known) {
            throw Error(what + ": added_tokens_decoder adds " + files::toLine(files::Json(content)) +
                        " to tokenizer.model, which is not supported");
        }
    }
}

/// The library's normalization, which it gives only cut into pieces.
std::string SentencePieceTokenizer::normalized(std::string_view utf8) const {
    std::vector<std::string> pieces;
    check(processor_->Encode({utf8.data(), utf8.size()}, &pieces));
    std::string text;
    for (const std::string& piece : pieces) {
        const std::optional<unsigned char> byte = byteOfToken(piece);
        if (byte && processor_->IsByte(processor_->PieceToId(piece))) {
            text += static_cast<char>(*byte);
        } else {
            text += piece;
        }
    }
    return text;
}

std::vector<TokenId> SentencePieceTokenizer::encode(std::string_view utf8, bool addSpecialTokens) const {
    const std::size_t valid = validUtf8Length(utf8);
    if (valid != utf8.size()) {
        throw Error("the text is not valid UTF-8 at byte " + std::to_string(valid + 1));
    }
    std::vector<TokenId> found;
    if (unigram_) {
        found = unigram_->encode(normalized(utf8));
    } else {
        std::vector<int> pieces;
        check(processor_->Encode({utf8.data(), utf8.size()}, &pieces));
        found.assign(pieces.begin(), pieces.end());
    }
    std::vector<TokenId> ids;
    ids.reserve(found.size() + 2);
    if (addSpecialTokens && addBos_ && bosId_) {
        ids.push_back(*bosId_);
    }
    ids.insert(ids.end(), found.begin(), found.end());
    if (addSpecialTokens && addEos_ && eosId_) {
        ids.push_back(*eosId_);
    }
    return ids;
}

std::string SentencePieceTokenizer::token(TokenId id) const {
    if (id < 0 || id >= vocabularySize()) {
        throw Error("token id " + std::to_string(id) + " is not in the vocabulary of " +
                    std::to_string(vocabularySize()));
    }
    return file_.pieces[static_cast<std::size_t>(id)].text;
}

bool SentencePieceTokenizer::isSpecial(TokenId id) const {
    if (id < 0 || id >= vocabularySize()) {
        return false;
    }
    const SentencePieceFile::Kind kind = file_.pieces[static_cast<std::size_t>(id)].kind;
    return kind == SentencePieceFile::Kind::Control || kind == SentencePieceFile::Kind::Unknown;
}

std::int64_t SentencePieceTokenizer::vocabularySize() const {
    return static_cast<std::int64_t>(file_.pieces.size());
}

std::unique_ptr<Decoding> SentencePieceTokenizer::startDecoding(bool skipSpecialTokens) const {
    return std::make_unique<PieceDecoding>(file_, skipSpecialTokens);
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids, bool skipSpecialTokens) const {
    PieceDecoding decoding(file_, skipSpecialTokens);
    std::string text;
    for (const TokenId id : ids) {
        text += decoding.push(id);
    }
    return text + decoding.finish();
}

}  // namespace prefbench::text
