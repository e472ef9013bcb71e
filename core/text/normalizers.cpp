#include "core/text/normalizers.h"

#include <algorithm>
#include <vector>

#include "core/text/base64.h"
#include "core/text/charsmap.h"
#include "core/text/json_fields.h"
#include "core/text/regex.h"
#include "core/text/unicode_forms.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

class PrependNormalizer : public Normalizer {
  public:
    PrependNormalizer(const files::Json& json, const std::string& what)
        : prefix_(requireString(json, "prepend", what)) {}
    std::string apply(std::string_view text, bool&, const GrowthLimit& limit) const override {
        limit.check(prefix_.size() + text.size());
        return text.empty() ? std::string() : prefix_ + std::string(text);
    }

    bool mayExpand() const override { return true; }
    bool mayDropStart() const override { return false; }

  private:
    std::string prefix_;
};

class ReplaceNormalizer : public Normalizer {
  public:
    ReplaceNormalizer(const files::Json& json, const std::string& what)
        : pattern_(Regex::fromJson(requireField(json, "pattern", what), what)),
          takesOneCharacter_(json["pattern"].contains("String") && isOneCharacter(json["pattern"]["String"])),
          content_(requireString(json, "content", what)) {}
    std::string apply(std::string_view text, bool& keepsStart, const GrowthLimit& limit) const override {
        std::vector<Span> spans;
        pattern_.cut(text, spans);
        // What replaces several characters counts as coming from the last of them.
        if (!spans.empty() && spans.front().isMatch && spans.front().end > 0) {
            const std::size_t first = validCharacterLength(text);
            keepsStart = keepsStart && !content_.empty() && spans.front().end == first;
        }
        std::string result;
        result.reserve(text.size());
        for (const Span& span : spans) {
            result += span.isMatch ? std::string_view(content_) : text.substr(span.begin, span.end - span.begin);
            limit.check(result.size());
        }
        return result;
    }

    bool mayExpand() const override { return true; }
    bool mayDropStart() const override { return !takesOneCharacter_ || content_.empty(); }

  private:
    static bool isOneCharacter(const files::Json& text) {
        return validCharacterLength(text.get_ref<const std::string&>()) == text.get_ref<const std::string&>().size();
    }

    Regex pattern_;
    bool takesOneCharacter_;
    std::string content_;
};

class StripNormalizer : public Normalizer {
  public:
    StripNormalizer(const files::Json& json, const std::string& what)
        : left_(requireBool(json, "strip_left", what)), right_(requireBool(json, "strip_right", what)) {}
    std::string apply(std::string_view text, bool& keepsStart, const GrowthLimit&) const override {
        for (std::string_view rest = text; left_ && !rest.empty() && isWhiteSpace(takeCharacter(rest)); text = rest) {
            keepsStart = false;
        }
        for (std::string_view rest = text; right_ && !rest.empty() && isWhiteSpace(takeLastCharacter(rest));) {
            text = rest;
        }
        return std::string(text);
    }

    bool mayExpand() const override { return false; }
    bool mayDropStart() const override { return left_; }

  private:
    bool left_, right_;
};

class FormNormalizer : public Normalizer {
  public:
    explicit FormNormalizer(NormalForm form) : form_(form) {}
    std::string apply(std::string_view text, bool&, const GrowthLimit& limit) const override {
        std::string result = normalForm(text, form_);
        limit.check(result.size());
        return result;
    }

    bool mayExpand() const override { return true; }
    bool mayDropStart() const override { return false; }

  private:
    NormalForm form_;
};

class LowercaseNormalizer : public Normalizer {
  public:
    std::string apply(std::string_view text, bool&, const GrowthLimit& limit) const override {
        std::string result = lowerCase(text);
        limit.check(result.size());
        return result;
    }
    bool mayExpand() const override { return true; }
    bool mayDropStart() const override { return false; }
};

class PrecompiledNormalizer : public Normalizer {
  public:
    PrecompiledNormalizer(const files::Json& json, const std::string& what) : charsmap_(bytesOf(json, what), what) {}
    std::string apply(std::string_view text, bool&, const GrowthLimit& limit) const override {
        return charsmap_.apply(text, limit);
    }

    bool mayExpand() const override { return true; }
    bool mayDropStart() const override { return false; }

  private:
    static std::string bytesOf(const files::Json& json, const std::string& what) {
        const auto bytes = decodeBase64(requireString(json, "precompiled_charsmap", what));
        if (!bytes) {
            throw Error(what + ": precompiled_charsmap is not base 64");
        }
        return *bytes;
    }

    Charsmap charsmap_;
};

class SequenceNormalizer : public Normalizer {
  public:
    SequenceNormalizer(const files::Json& json, const std::string& what) {
        for (const files::Json& part : requireArray(json, "normalizers", what)) {
            if (auto normalizer = makeNormalizer(part, what)) {
                parts_.push_back(std::move(normalizer));
            }
        }
    }
    std::string apply(std::string_view text, bool& keepsStart, const GrowthLimit& limit) const override {
        std::string result(text);
        for (const auto& part : parts_) {
            result = part->apply(result, keepsStart, limit);
        }
        return result;
    }
    bool mayExpand() const override {
        return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->mayExpand(); });
    }
    bool mayDropStart() const override {
        return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->mayDropStart(); });
    }
    bool followsStart() const override {
        bool expanded = false;
        for (const auto& part : parts_) {
            if (!part->followsStart() || (expanded && part->mayDropStart())) {
                return false;
            }
            expanded = expanded || part->mayExpand();
        }
        return true;
    }

  private:
    std::vector<std::unique_ptr<const Normalizer>> parts_;
};

}  // namespace

std::unique_ptr<const Normalizer> makeNormalizer(const files::Json& json, const std::string& what) {
    if (json.is_null()) {
        return nullptr;
    }
    const std::string type = requireString(json, "type", what);
    if (type == "Prepend") {
        return std::make_unique<PrependNormalizer>(json, what);
    }
    if (type == "Replace") {
        return std::make_unique<ReplaceNormalizer>(json, what);
    }
    static constexpr std::pair<std::string_view, NormalForm> forms[] = {
        {"NFC", NormalForm::C}, {"NFD", NormalForm::D}, {"NFKC", NormalForm::KC}, {"NFKD", NormalForm::KD}};
    for (const auto& [name, form] : forms) {
        if (type == name) {
            return std::make_unique<FormNormalizer>(form);
        }
    }
    if (type == "Lowercase") {
        return std::make_unique<LowercaseNormalizer>();
    }
    if (type == "Strip") {
        return std::make_unique<StripNormalizer>(json, what);
    }
    if (type == "Precompiled") {
        return std::make_unique<PrecompiledNormalizer>(json, what);
    }
    if (type == "Sequence") {
        return std::make_unique<SequenceNormalizer>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
