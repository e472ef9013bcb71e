#include "core/text/tokenizer.h"

namespace prefbench::text {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skipSpecialTokens)
    : tokenizer_(std::move(tokenizer)), decoding_(tokenizer_->startDecoding(skipSpecialTokens)) {}

std::string StreamDecoder::push(TokenId id) {
    return decoding_->push(id);
}

std::string StreamDecoder::finish() {
    return decoding_->finish();
}

}  // namespace prefbench::text
