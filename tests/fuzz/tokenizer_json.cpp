#include "core/files/json.h"
#include "core/text/json_tokenizer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/tokenizer_checks.h"

using namespace prefbench;

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maxSize,
                                               unsigned seed) {
    return fuzz::mutateJson(data, size, maxSize, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::FileAndText input =
        fuzz::split(fuzz::viewOf(data, size), "Hello  <s>world</s>, it's 2024 \xC3\xA9\xE2\x96\x81\xF0\x9F\x98\x80\n");
    fuzz::accepted([&] {
        const files::Json json = files::parseJson(input.file, "tokenizer.json");
        const text::JsonTokenizer tokenizer(json, "tokenizer.json");
        fuzz::checkTokenizer(tokenizer, input.text);
    });
    return 0;
}
