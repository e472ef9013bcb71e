#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace prefbench::text {

/// What of a tokenizer.model (a Protocol Buffers message ModelProto, sentencepiece_model.proto) decoding needs.
struct SentencePieceFile {
    enum class Kind { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
    struct Piece {
        std::string text;
        float score = 0;
        Kind kind = Kind::Normal;
    };
    std::string bytes;  ///< the whole file
    std::vector<Piece> pieces;
    bool isUnigram = true;                          ///< otherwise BPE
    std::string unknownSurface = " \xE2\x81\x87 ";  ///< the text of the unknown piece
    bool addDummyPrefix = true;
    bool removeExtraWhitespaces = true;
};

/// Reads and checks a file before the sentencepiece library sees it, which trusts what it is given: 0.1.97 overflows
/// its stack on a piece of 100 KB and reads outside of a damaged character map. Errors in one line that name file,
/// field and value.
SentencePieceFile readSentencePieceFile(const std::filesystem::path& file);

}  // namespace prefbench::text
