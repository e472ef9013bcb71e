#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/kv_cache.h"
#include "core/model/panel_kernels.h"
#include "core/sampling/generator.h"
#include "core/sampling/processors.h"

namespace prefbench::sampling {

/// Draws for many requests at once, which may come and go while it runs: the samples of all of them are rows of one
/// batch, and rows that have ended make room for requests that wait. What a request gets does not depend on its
/// company but for rounding. The tokenizer must outlive it. Draws from the model as it was when this was made, and
/// on a CPU from a packed copy of its matrices. Not thread-safe.
class BatchGenerator {
  public:
    /// `callbacks` are called from within `step`; their `prompt` is the request's number. At most `maxRows` samples run
    /// at once (0: as many as fit a fixed share of memory). `format`: see Transformer::forDecoding.
    BatchGenerator(const model::Transformer& model, const text::Tokenizer& tokenizer, SampleCallbacks callbacks,
                   std::int64_t maxRows = 0, model::WeightFormat format = model::WeightFormat::Float32);

    /// Queues `settings.samples` completions of a prompt and returns the request's number: 0, 1, 2, … Throws Error
    /// when settings break a rule, or the prompt is empty, too long for the model or holds ids outside the vocabulary.
    std::int64_t add(std::vector<text::TokenId> prompt, const contract::SamplingSettings& settings);

    /// Ends what is unfinished of the request: each such sample is reported, with what it has, as cancelled. A number
    /// that has ended already is ignored. Not to be called from within a callback.
    void cancel(std::int64_t request);

    /// One more token for every running sample. False when nothing is left to do.
    bool step();

  private:
    /// What is to be drawn.
    struct Plan {
        std::vector<text::TokenId> prompt;
        contract::SamplingSettings settings;
        std::uint64_t key = 0;  ///< of the prompt, for random numbers
        std::int64_t maxNewTokens = 0;
    };
    /// Prompts that have been read, a row each.
    struct Prefilled {
        model::KvCache cache;
        at::Tensor logits;  ///< [prompts, vocabulary]
    };
    struct Request {
        std::shared_ptr<const Plan> plan;
        std::int64_t started = 0;         ///< samples that have or had a row
        std::int64_t unreported = 0;      ///< samples
        std::optional<Prefilled> prefix;  ///< while some samples run and others wait for room
    };
    struct Row {
        std::shared_ptr<const Plan> plan;
        Sample sample;
        std::optional<text::StreamDecoder> decoder;  ///< where someone listens or there are stop texts
        std::string text;                            ///< decoded so far, where there are stop texts
        std::size_t told = 0;                        ///< bytes of it that the listener knows
        std::size_t stopAt = std::string::npos;      ///< where a stop text begins in it
        bool done = false;
    };

    void admit();
    std::vector<std::int64_t> nextGroup(std::int64_t room) const;
    Prefilled prefill(const std::vector<std::int64_t>& requests) const;
    void startSamples(const std::vector<std::int64_t>& requests, const Prefilled& prefixes, std::int64_t room);
    void dropDoneRows(bool always);
    void drawTokensOfRows();
    at::Tensor drawIds(const at::Tensor& logits) const;
    RowHistory historyOf(const Row& row) const;
    void take(Row& row, text::TokenId id, double logProbability);
    bool hearText(Row& row, const std::string& added);
    void finish(Row& row, contract::FinishReason reason);
    void report(Sample sample);
    std::int64_t running() const;

    model::Transformer model_;
    std::shared_ptr<const text::Tokenizer> tokenizer_;
    SampleCallbacks callbacks_;
    std::vector<text::TokenId> endIds_;
    std::int64_t maxRows_ = 0;
    std::int64_t nextRequest_ = 0;
    std::map<std::int64_t, Request> requests_;
    std::deque<std::int64_t> waiting_;  ///< requests with samples that have not started
    std::vector<Row> rows_;
    std::optional<model::KvCache> cache_;  ///< row by row as rows_
    at::Tensor logits_;                    ///< of each row's next token [rows, vocabulary]
};

}  // namespace prefbench::sampling
