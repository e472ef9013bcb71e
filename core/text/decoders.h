#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/files/json.h"

namespace prefbench::text {

/// One decoding under way: tokens go in one by one, and each is handed on as soon as no later token can change it.
class TokenSink {
  public:
    virtual ~TokenSink() = default;
    virtual void push(std::string_view token) = 0;
    virtual void finish() = 0;
};

/// A step from tokens to text. Immutable; attach() starts a decoding.
class Decoder {
  public:
    virtual ~Decoder() = default;
    /// A sink that does this step and hands on to `next`. `fused` tells that what comes in are the parts of one token.
    virtual std::unique_ptr<TokenSink> attach(std::unique_ptr<TokenSink> next, bool fused) const = 0;
    /// Whether what comes out are the parts of one token.
    virtual bool fuses(bool fusedBefore) const { return fusedBefore; }
};

/// tokenizer.json's "decoder": ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, Sequence, and for null the
/// tokens with spaces between them. Another type is an Error.
std::unique_ptr<const Decoder> makeDecoder(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
