#pragma once

#include <QTemporaryDir>
#include <filesystem>
#include <memory>
#include <string>

#include "core/files/durable_file.h"
#include "core/files/json.h"
#include "core/text/tokenizer.h"

/// A small tokenizer.json to change and load: characters and a few merges, byte fallback for "é", no splitting.
/// Ids: <unk> 0, <s> 1, </s> 2, a–e 3–7, space 8, ab 9, abc 10, "e " 11, <0xC3> 12, <0xA9> 13, aa 14, aaaa 15.
inline prefbench::files::Json miniTokenizer() {
    return prefbench::files::parseJson(R"({
      "version": "1.0", "truncation": null, "padding": null,
      "added_tokens": [
        {"id": 0, "content": "<unk>", "special": true, "normalized": false},
        {"id": 1, "content": "<s>", "special": true, "normalized": false},
        {"id": 2, "content": "</s>", "special": true, "normalized": false}],
      "normalizer": null, "pre_tokenizer": null,
      "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
      "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
      "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": "",
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4, "c": 5, "d": 6, "e": 7, " ": 8, "ab": 9, "abc": 10,
                  "e ": 11, "<0xC3>": 12, "<0xA9>": 13, "aa": 14, "aaaa": 15},
        "merges": [["a", "b"], ["ab", "c"], ["e", " "], ["a", "a"], ["aa", "aa"]]}})",
                                       "mini tokenizer");
}

/// A folder with tokenizer.json and, unless null, tokenizer_config.json.
class TokenizerFolder {
  public:
    explicit TokenizerFolder(const prefbench::files::Json& tokenizer, const prefbench::files::Json& config = nullptr) {
        prefbench::files::writeAtomically(path() / "tokenizer.json", tokenizer.dump());
        if (!config.is_null()) {
            prefbench::files::writeAtomically(path() / "tokenizer_config.json", config.dump());
        }
    }
    std::filesystem::path path() const { return dir_.path().toStdString(); }
    std::shared_ptr<const prefbench::text::Tokenizer> load() const { return prefbench::text::Tokenizer::load(path()); }

  private:
    QTemporaryDir dir_;
};
