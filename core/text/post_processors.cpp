#include "core/text/post_processors.h"

#include <cstdint>
#include <limits>

#include "core/text/json_fields.h"

namespace prefbench::text {

namespace {

constexpr std::size_t maxTokens = 1000;

/// The template for one text: special tokens before, the text, special tokens after.
class TemplateProcessor : public PostProcessor {
  public:
    TemplateProcessor(const files::Json& json, const std::string& what) {
        bool textSeen = false;
        for (const files::Json& part : requireArray(json, "single", what)) {
            if (part.is_object() && part.contains("Sequence")) {
                if (textSeen || requireString(part["Sequence"], "id", what) != "A") {
                    throw Error(what + ": the template for one text must hold sequence A once");
                }
                textSeen = true;
                continue;
            }
            const std::string name = requireString(requireField(part, "SpecialToken", what), "id", what);
            const files::Json& special = requireField(requireField(json, "special_tokens", what), name.c_str(), what);
            for (const files::Json& id : requireArray(special, "ids", what)) {
                if (!id.is_number_unsigned()) {
                    throw Error(what + ": special_tokens \"" + name + "\": " + files::toLine(id) + " is no id");
                }
                if (id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
                    throw Error(what + ": special_tokens \"" + name + "\": " + files::toLine(id) +
                                " is no id, they are below 2^31");
                }
                (textSeen ? after_ : before_).push_back(id.get<TokenId>());
            }
            if (before_.size() + after_.size() > maxTokens) {
                throw Error(what + ": the template holds more than " + std::to_string(maxTokens) + " special tokens");
            }
        }
        if (!textSeen) {
            throw Error(what + ": the template for one text must hold sequence A once");
        }
    }
    void apply(std::vector<TokenId>& ids) const override {
        ids.insert(ids.begin(), before_.begin(), before_.end());
        ids.insert(ids.end(), after_.begin(), after_.end());
    }

  private:
    std::vector<TokenId> before_, after_;
};

class SequenceProcessor : public PostProcessor {
  public:
    SequenceProcessor(const files::Json& json, const std::string& what) {
        for (const files::Json& part : requireArray(json, "processors", what)) {
            if (auto processor = makePostProcessor(part, what)) {
                parts_.push_back(std::move(processor));
            }
        }
    }
    void apply(std::vector<TokenId>& ids) const override {
        for (const auto& part : parts_) {
            part->apply(ids);
        }
    }

  private:
    std::vector<std::unique_ptr<const PostProcessor>> parts_;
};

}  // namespace

std::unique_ptr<const PostProcessor> makePostProcessor(const files::Json& json, const std::string& what) {
    if (json.is_null()) {
        return nullptr;
    }
    const std::string type = requireString(json, "type", what);
    if (type == "ByteLevel") {
        return nullptr;  // It moves character offsets, never ids.
    }
    if (type == "TemplateProcessing") {
        return std::make_unique<TemplateProcessor>(json, what);
    }
    if (type == "Sequence") {
        return std::make_unique<SequenceProcessor>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
