#include "core/text/model.h"

#include "core/text/bpe.h"
#include "core/text/json_fields.h"
#include "core/text/unigram.h"
#include "core/text/word_level.h"

namespace prefbench::text {

std::unique_ptr<const Model> makeModel(const files::Json& json, const std::string& what) {
    // Files from before model types were written hold a BPE.
    const std::string type =
        json.is_object() && json.contains("type") ? requireString(json, "type", what) : std::string("BPE");
    if (type == "BPE") {
        return std::make_unique<BpeModel>(json, what);
    }
    if (type == "Unigram") {
        return std::make_unique<UnigramModel>(json, what);
    }
    if (type == "WordLevel") {
        return std::make_unique<WordLevelModel>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
