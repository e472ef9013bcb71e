#include <cstring>
#include <random>
#include <vector>

#include "core/text/sentencepiece_tokenizer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/tokenizer_checks.h"

using namespace prefbench;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maxSize);

/// The sentencepiece library is not instrumented, and so does not tell where the end of a vector that it filled lies.
extern "C" const char* __asan_default_options() {
    return "detect_container_overflow=0";
}

namespace {

/// A message of Protocol Buffers taken apart, so that a change of one field leaves the rest readable.
class Message {
  public:
    /// False where `bytes` are no message.
    bool read(std::string_view bytes) {
        while (!bytes.empty()) {
            Field field;
            if (!takeNumber(bytes, field.tag)) {
                return false;
            }
            std::uint64_t length = 0;
            switch (field.tag & 7) {
                case 0:
                    if (!takeNumber(bytes, field.number)) {
                        return false;
                    }
                    break;
                case 1:
                    length = 8;
                    break;
                case 2:
                    if (!takeNumber(bytes, length)) {
                        return false;
                    }
                    break;
                case 5:
                    length = 4;
                    break;
                default:
                    return false;
            }
            if (length > bytes.size()) {
                return false;
            }
            field.bytes = bytes.substr(0, length);
            bytes.remove_prefix(length);
            fields_.push_back(field);
        }
        return true;
    }

    std::string written() const {
        std::string out;
        for (const Field& field : fields_) {
            putNumber(out, field.tag);
            if ((field.tag & 7) == 0) {
                putNumber(out, field.number);
            } else if ((field.tag & 7) == 2) {
                putNumber(out, field.bytes.size());
            }
            out += field.bytes;
        }
        return out;
    }

    void mutate(std::minstd_rand& random, int depth) {
        if (fields_.empty()) {
            return;
        }
        const std::size_t at = random() % fields_.size();
        const std::size_t other = random() % fields_.size();
        switch (random() % 8) {
            case 0:
                fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            case 1:
                fields_.push_back(fields_[at]);
                break;
            case 2:
                std::swap(fields_[at], fields_[other]);
                break;
            case 3:
                fields_[at].bytes = fields_[other].bytes;
                break;
            default:
                mutateField(fields_[at], random, depth);
        }
    }

  private:
    struct Field {
        std::uint64_t tag = 0, number = 0;
        std::string bytes{};
    };

    static bool takeNumber(std::string_view& bytes, std::uint64_t& number) {
        number = 0;
        for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes.front());
            bytes.remove_prefix(1);
            number |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) {
                return true;
            }
        }
        return false;
    }

    static void putNumber(std::string& out, std::uint64_t number) {
        for (; number >= 0x80; number >>= 7) {
            out += static_cast<char>(number | 0x80);
        }
        out += static_cast<char>(number);
    }

    static void mutateField(Field& field, std::minstd_rand& random, int depth) {
        if ((field.tag & 7) == 0) {
            field.number = random() % 2 == 0 ? random() % 64 : field.number ^ std::uint64_t{1} << (random() % 64);
            return;
        }
        Message inner;
        if ((field.tag & 7) == 2 && depth > 0 && random() % 4 != 0 && inner.read(field.bytes)) {
            inner.mutate(random, depth - 1);
            field.bytes = inner.written();
            return;
        }
        const std::size_t size = field.bytes.size();
        const bool fixed = (field.tag & 7) != 2;
        field.bytes.resize(size + 64);
        const std::size_t mutated =
            LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(field.bytes.data()), size, field.bytes.size());
        field.bytes.resize(fixed ? size : mutated);
    }

    std::vector<Field> fields_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maxSize,
                                               unsigned seed) {
    std::minstd_rand random(seed);
    const std::string input(fuzz::viewOf(data, size));
    const fuzz::FileAndText parts = fuzz::split(input, {});
    Message message;
    if (random() % 4 == 0 || !message.read(parts.file)) {
        return LLVMFuzzerMutate(data, size, maxSize);
    }
    for (std::size_t count = 1 + random() % 3; count > 0; --count) {
        message.mutate(random, 1);
    }
    const std::string result = message.written() + input.substr(parts.file.size());
    if (result.size() > maxSize) {
        return LLVMFuzzerMutate(data, size, maxSize);
    }
    std::memcpy(data, result.data(), result.size());
    return result.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::FileAndText input =
        fuzz::split(fuzz::viewOf(data, size), "Hello  <s>world</s>, it's 2024 \xC3\xA9\xE2\x96\x81\xF0\x9F\x98\x80\n");
    const fuzz::MemoryFile file(input.file);
    fuzz::accepted([&] {
        const text::SentencePieceTokenizer tokenizer(file.path());
        fuzz::checkTokenizer(tokenizer, input.text);
    });
    return 0;
}
