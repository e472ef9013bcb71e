#include "core/text/normalizers.h"

#include <vector>

#include "core/text/json_fields.h"
#include "core/text/regex.h"

namespace prefbench::text {

namespace {

class PrependNormalizer : public Normalizer {
  public:
    PrependNormalizer(const files::Json& json, const std::string& what)
        : prefix_(requireString(json, "prepend", what)) {}
    std::string apply(std::string_view text) const override {
        return text.empty() ? std::string() : prefix_ + std::string(text);
    }

  private:
    std::string prefix_;
};

class ReplaceNormalizer : public Normalizer {
  public:
    ReplaceNormalizer(const files::Json& json, const std::string& what)
        : pattern_(Regex::fromJson(requireField(json, "pattern", what), what)),
          content_(requireString(json, "content", what)) {}
    std::string apply(std::string_view text) const override { return pattern_.replace(text, content_); }

  private:
    Regex pattern_;
    std::string content_;
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
    std::string apply(std::string_view text) const override {
        std::string result(text);
        for (const auto& part : parts_) {
            result = part->apply(result);
        }
        return result;
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
    if (type == "Sequence") {
        return std::make_unique<SequenceNormalizer>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
