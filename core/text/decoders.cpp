#include "core/text/decoders.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/text/byte_level.h"
#include "core/text/byte_tokens.h"
#include "core/text/json_fields.h"
#include "core/text/metaspace.h"
#include "core/text/regex.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

/// A sink that hands on to another.
class Step : public TokenSink {
  public:
    explicit Step(std::unique_ptr<TokenSink> next) : next_(std::move(next)) {}
    void finish() override { next_->finish(); }

  protected:
    TokenSink& next() { return *next_; }

  private:
    std::unique_ptr<TokenSink> next_;
};

/// Puts the parts of a fused token together, for steps that must see it whole.
class Gather : public Step {
  public:
    using Step::Step;
    void push(std::string_view token) override { whole_ += token; }
    void finish() override {
        next().push(whole_);
        Step::finish();
    }

  private:
    std::string whole_;
};

std::unique_ptr<TokenSink> gatherIf(bool fused, std::unique_ptr<TokenSink> step) {
    return fused ? std::make_unique<Gather>(std::move(step)) : std::move(step);
}

class ByteLevelStep : public Step {
  public:
    using Step::Step;
    void push(std::string_view token) override {
        appendBytes(token);
        handOn(false);
    }
    void finish() override {
        handOn(true);
        Step::finish();
    }

  private:
    /// A token that is not spelled in bytes throughout, such as an added one, stands for its own text.
    void appendBytes(std::string_view token) {
        const std::size_t start = bytes_.size();
        for (std::string_view rest = token; !rest.empty();) {
            const std::optional<unsigned char> byte = byteOfSpelling(takeCharacter(rest));
            if (!byte) {
                bytes_.resize(start);
                bytes_ += token;
                return;
            }
            bytes_ += static_cast<char>(*byte);
        }
    }

    void handOn(bool atEnd) {
        std::string text;
        bytes_.erase(0, appendLossy(text, bytes_, atEnd));
        if (!text.empty()) {
            next().push(text);
        }
    }

    std::string bytes_;
};

class ByteLevelDecoder : public Decoder {
  public:
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        return gatherIf(fused, std::make_unique<ByteLevelStep>(std::move(next)));
    }
    bool fuses(bool) const override { return true; }
};

/// Tokens <0x00>…<0xFF>. A run of them is text only when the whole run is valid UTF-8; otherwise each byte becomes a
/// U+FFFD.
class ByteFallbackStep : public Step {
  public:
    using Step::Step;
    void push(std::string_view token) override {
        if (const std::optional<unsigned char> byte = byteOfToken(token)) {
            run_ += static_cast<char>(*byte);
            return;
        }
        endRun();
        next().push(token);
    }
    void finish() override {
        endRun();
        Step::finish();
    }

  private:
    void endRun() {
        if (run_.empty()) {
            return;
        }
        if (validUtf8Length(run_) == run_.size()) {
            next().push(run_);
        } else {
            for (std::size_t i = 0; i < run_.size(); ++i) {
                next().push(replacementCharacter);
            }
        }
        run_.clear();
    }

    std::string run_;
};

class ByteFallbackDecoder : public Decoder {
  public:
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        return gatherIf(fused, std::make_unique<ByteFallbackStep>(std::move(next)));
    }
};

class FuseDecoder : public Decoder {
  public:
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool) const override { return next; }
    bool fuses(bool) const override { return true; }
};

class ReplaceDecoder : public Decoder {
  public:
    ReplaceDecoder(const files::Json& json, const std::string& what)
        : pattern_(Regex::fromJson(requireField(json, "pattern", what), what)),
          content_(requireString(json, "content", what)) {}
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        return gatherIf(fused, std::make_unique<ReplaceStep>(std::move(next), *this));
    }

  private:
    class ReplaceStep : public Step {
      public:
        ReplaceStep(std::unique_ptr<TokenSink> next, const ReplaceDecoder& decoder)
            : Step(std::move(next)), decoder_(decoder) {}
        void push(std::string_view token) override {
            const std::size_t most = std::max(maxGrownBytes, token.size());
            next().push(decoder_.pattern_.replace(token, decoder_.content_, most));
        }

      private:
        const ReplaceDecoder& decoder_;
    };
    /// Steps that each make a token longer would fill any memory.
    static constexpr std::size_t maxGrownBytes = std::size_t{64} << 10;

    Regex pattern_;
    std::string content_;
};

/// Takes up to `start` characters `content` off a token's beginning and up to `stop` off its end.
class StripDecoder : public Decoder {
  public:
    StripDecoder(const files::Json& json, const std::string& what)
        : content_(requireCharacter(json, "content", what)),
          start_(requireCount(json, "start", what)),
          stop_(requireCount(json, "stop", what)) {}
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        if (fused && stop_ == 0) {
            return std::make_unique<StripFirst>(std::move(next), *this);
        }
        return gatherIf(fused, std::make_unique<StripEach>(std::move(next), *this));
    }

  private:
    class StripEach : public Step {
      public:
        StripEach(std::unique_ptr<TokenSink> next, const StripDecoder& decoder)
            : Step(std::move(next)), decoder_(decoder) {}
        void push(std::string_view token) override {
            const std::string& content = decoder_.content_;
            for (std::size_t i = 0; i < decoder_.start_ && token.starts_with(content); ++i) {
                token.remove_prefix(content.size());
            }
            for (std::size_t i = 0; i < decoder_.stop_ && token.ends_with(content); ++i) {
                token.remove_suffix(content.size());
            }
            next().push(token);
        }

      private:
        const StripDecoder& decoder_;
    };

    /// Strips the beginning of a fused token while its parts come in.
    class StripFirst : public Step {
      public:
        StripFirst(std::unique_ptr<TokenSink> next, const StripDecoder& decoder)
            : Step(std::move(next)), content_(decoder.content_), left_(decoder.start_) {}
        void push(std::string_view token) override {
            for (; left_ > 0 && token.starts_with(content_); --left_) {
                token.remove_prefix(content_.size());
            }
            if (!token.empty()) {
                left_ = 0;
                next().push(token);
            }
        }

      private:
        std::string_view content_;
        std::size_t left_;
    };

    std::string content_;
    std::size_t start_;
    std::size_t stop_;
};

/// Metaspaces become spaces; where encoding writes one before the text, those of the first token go.
class MetaspaceDecoder : public Decoder {
  public:
    MetaspaceDecoder(const files::Json& json, const std::string& what) : metaspace_(metaspaceFromJson(json, what)) {}
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        return gatherIf(fused, std::make_unique<MetaspaceStep>(std::move(next), metaspace_));
    }

  private:
    class MetaspaceStep : public Step {
      public:
        MetaspaceStep(std::unique_ptr<TokenSink> next, const Metaspace& metaspace)
            : Step(std::move(next)), metaspace_(metaspace) {}
        void push(std::string_view token) override {
            const bool drop = isFirst_ && metaspace_.prepend != Metaspace::Prepend::Never;
            isFirst_ = false;
            next().push(replaceAll(token, metaspace_.replacement, drop ? "" : " "));
        }

      private:
        const Metaspace& metaspace_;
        bool isFirst_ = true;
    };

    Metaspace metaspace_;
};

class SequenceDecoder : public Decoder {
  public:
    SequenceDecoder(const files::Json& json, const std::string& what) {
        for (const files::Json& part : requireArray(json, "decoders", what)) {
            parts_.push_back(makeDecoder(part, what));
        }
    }
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const override {
        return attachFrom(0, std::move(next), fused);
    }
    bool fuses(bool fused) const override {
        for (const auto& part : parts_) {
            fused = part->fuses(fused);
        }
        return fused;
    }

  private:
    std::unique_ptr<TokenSink> attachFrom(std::size_t first, std::unique_ptr<TokenSink> next, bool fused) const {
        if (first == parts_.size()) {
            return next;
        }
        auto rest = attachFrom(first + 1, std::move(next), parts_[first]->fuses(fused));
        return parts_[first]->attach(std::move(rest), fused);
    }

    std::vector<std::unique_ptr<const Decoder>> parts_;
};

class SpacedDecoder : public Decoder {
  public:
    std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool) const override {
        return std::make_unique<SpaceStep>(std::move(next));
    }

  private:
    class SpaceStep : public Step {
      public:
        using Step::Step;
        void push(std::string_view token) override {
            if (any_) {
                next().push(" ");
            }
            any_ = true;
            next().push(token);
        }

      private:
        bool any_ = false;
    };
};

}  // namespace

std::unique_ptr<const Decoder> makeDecoder(const files::Json& json, const std::string& what) {
    if (json.is_null()) {
        return std::make_unique<SpacedDecoder>();
    }
    const std::string type = requireString(json, "type", what);
    if (type == "ByteLevel") {
        return std::make_unique<ByteLevelDecoder>();
    }
    if (type == "ByteFallback") {
        return std::make_unique<ByteFallbackDecoder>();
    }
    if (type == "Fuse") {
        return std::make_unique<FuseDecoder>();
    }
    if (type == "Metaspace") {
        return std::make_unique<MetaspaceDecoder>(json, what);
    }
    if (type == "Replace") {
        return std::make_unique<ReplaceDecoder>(json, what);
    }
    if (type == "Strip") {
        return std::make_unique<StripDecoder>(json, what);
    }
    if (type == "Sequence") {
        return std::make_unique<SequenceDecoder>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
