#include "core/text/sentencepiece_file.h"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <unordered_set>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/byte_tokens.h"
#include "core/text/charsmap.h"
#include "core/text/proto_fields.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

constexpr std::uintmax_t maxFileBytes = std::uintmax_t{64} << 20;
constexpr std::size_t maxPieceBytes = 4096;
/// The library encodes these texts when it loads a model.
constexpr std::size_t maxSelfTestBytes = std::size_t{1} << 20;
/// sentencepiece keeps the user-defined pieces that begin one text in an array of 64.
constexpr std::size_t maxNestedSymbols = 64;

using Piece = SentencePieceFile::Piece;
using Kind = SentencePieceFile::Kind;

std::string excerpt(std::string_view text) {
    return files::toLine(files::Json(std::string(text.substr(0, 64))));
}

Piece readPiece(std::string_view message, const std::string& what) {
    Piece piece;
    forEachField(message, what, [&](const ProtoField& field) {
        if (field.number == 1 && field.wire == ProtoField::Wire::Bytes) {
            piece.text = field.bytes;
        } else if (field.number == 2 && field.wire == ProtoField::Wire::Fixed32) {
            piece.score = field.asFloat();
        } else if (field.number == 3 && field.wire == ProtoField::Wire::Varint) {
            if (field.value < 1 || field.value > 6) {
                throw Error(what + ": type " + std::to_string(field.value) + " is not known");
            }
            piece.kind = static_cast<Kind>(field.value);
        }
    });
    const auto fail = [&](const std::string& reason) { throw Error(what + ": " + reason); };
    if (piece.text.empty()) {
        fail("the piece is empty");
    }
    if (piece.text.size() > maxPieceBytes) {
        fail("the piece is " + std::to_string(piece.text.size()) + " bytes long, at most " +
             std::to_string(maxPieceBytes) + " are supported");
    }
    if (validUtf8Length(piece.text) != piece.text.size() || piece.text.find('\0') != std::string::npos) {
        fail("the piece " + excerpt(piece.text) + " is not valid UTF-8 without zero bytes");
    }
    if (piece.kind == Kind::Byte && !byteOfToken(piece.text)) {
        fail("the piece " + excerpt(piece.text) + " of type byte must be one of <0x00> to <0xFF>");
    }
    if (!std::isfinite(piece.score)) {
        fail("the score of " + excerpt(piece.text) + " is not a finite number");
    }
    return piece;
}

void readTrainer(std::string_view message, const std::string& what, SentencePieceFile& file) {
    forEachField(message, what, [&](const ProtoField& field) {
        if (field.number == 3 && field.value != 1 && field.value != 2) {
            throw Error(what + ": model_type " + std::to_string(field.value) + " is not supported (1 unigram, 2 BPE)");
        }
        if (field.number == 3) {
            file.isUnigram = field.value == 1;
        }
        if (field.number == 24 && field.value != 0) {
            throw Error(what + ": treat_whitespace_as_suffix is not supported");
        }
        if (field.number == 44 && field.wire == ProtoField::Wire::Bytes) {
            if (validUtf8Length(field.bytes) != field.bytes.size()) {
                throw Error(what + ": unk_surface is not valid UTF-8");
            }
            file.unknownSurface = field.bytes;
        }
    });
}

void readNormalizer(std::string_view message, const std::string& what, SentencePieceFile& file) {
    forEachField(message, what, [&](const ProtoField& field) {
        if (field.number == 2 && !field.bytes.empty()) {
            const Charsmap checked(field.bytes, what);
        } else if (field.number == 3) {
            file.addDummyPrefix = field.value != 0;
        } else if (field.number == 4) {
            file.removeExtraWhitespaces = field.value != 0;
        } else if (field.number == 5 && field.value == 0) {
            throw Error(what + ": escape_whitespaces false is not supported");
        }
    });
}

void refuseDenormalizer(std::string_view message, const std::string& what) {
    forEachField(message, what, [&](const ProtoField& field) {
        if (field.number == 2 && !field.bytes.empty()) {
            throw Error(what + ": precompiled_charsmap is not supported");
        }
    });
}

void checkPieces(const std::vector<Piece>& pieces, const std::string& what) {
    std::unordered_set<std::string_view> seen;
    std::size_t unknown = 0;
    std::vector<std::string_view> symbols;
    for (const Piece& piece : pieces) {
        if (!seen.insert(piece.text).second) {
            throw Error(what + ": pieces: " + excerpt(piece.text) + " is there twice");
        }
        unknown += piece.kind == Kind::Unknown ? 1 : 0;
        if (piece.kind == Kind::UserDefined) {
            symbols.push_back(piece.text);
        }
    }
    if (unknown != 1) {
        throw Error(what + ": pieces: " + std::to_string(unknown) + " are of type unknown, expected one");
    }
    std::sort(symbols.begin(), symbols.end());
    std::vector<std::string_view> nested;
    for (const std::string_view symbol : symbols) {
        while (!nested.empty() && !symbol.starts_with(nested.back())) {
            nested.pop_back();
        }
        nested.push_back(symbol);
        if (nested.size() > maxNestedSymbols) {
            throw Error(what + ": pieces: more than " + std::to_string(maxNestedSymbols) +
                        " user-defined symbols begin with one another, as " + excerpt(symbol) + " does");
        }
    }
}

}  // namespace

SentencePieceFile readSentencePieceFile(const std::filesystem::path& path) {
    const std::string what = path.string();
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(path, ignored);
    if (!ignored && size > maxFileBytes) {
        throw Error(what + ": " + std::to_string(size) + " bytes, at most " + std::to_string(maxFileBytes) +
                    " are supported");
    }
    SentencePieceFile file;
    file.bytes = files::readFile(path);
    std::size_t selfTestBytes = 0;
    forEachField(file.bytes, what, [&](const ProtoField& field) {
        if (field.number >= 1 && field.number <= 5 && field.wire != ProtoField::Wire::Bytes) {
            throw Error(what + ": field " + std::to_string(field.number) + " is no message");
        }
        if (field.number == 1) {
            file.pieces.push_back(readPiece(field.bytes, what + ": piece " + std::to_string(file.pieces.size())));
        } else if (field.number == 2) {
            readTrainer(field.bytes, what + ": trainer_spec", file);
        } else if (field.number == 3) {
            readNormalizer(field.bytes, what + ": normalizer_spec", file);
        } else if (field.number == 4) {
            selfTestBytes += field.bytes.size();
        } else if (field.number == 5) {
            refuseDenormalizer(field.bytes, what + ": denormalizer_spec");
        }
    });
    if (selfTestBytes > maxSelfTestBytes) {
        throw Error(what + ": self_test_data of " + std::to_string(selfTestBytes) + " bytes, at most " +
                    std::to_string(maxSelfTestBytes) + " are supported");
    }
    checkPieces(file.pieces, what);
    return file;
}

}  // namespace prefbench::text
