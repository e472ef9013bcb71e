#include "core/sampling/batch_generator.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "core/files/available_memory.h"
#include "core/files/error.h"
#include "core/sampling/philox.h"
#include "core/sampling/processors.h"

namespace prefbench::sampling {
namespace {

using contract::FinishReason;
using contract::SamplingSettings;
using text::TokenId;

constexpr std::int64_t prefillTokens = 8192;  ///< padded tokens of prompts that are read at once

/// 64-bit FNV-1a over the ids, eight little-endian bytes each.
std::uint64_t promptKey(std::span<const TokenId> ids) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const TokenId id : ids) {
        for (int byte = 0; byte < 8; ++byte) {
            hash = (hash ^ (static_cast<std::uint64_t>(id) >> (8 * byte) & 0xff)) * 0x100000001b3;
        }
    }
    return hash;
}

/// Rows whose cache fits about a gibibyte (four on a GPU) when they are a few hundred tokens long.
std::int64_t rowsThatFit(const model::Transformer& model) {
    const model::Architecture& a = model.architecture();
    const std::int64_t bytesPerToken =
        2 * a.layers * a.kvHeads * a.headDim * static_cast<std::int64_t>(c10::elementSize(model.computeType()));
    const std::int64_t tokens = std::min<std::int64_t>(a.maxPositions, 512);
    const std::int64_t budget = std::int64_t{1} << (model.device().is_cuda() ? 32 : 30);
    return std::clamp<std::int64_t>(budget / (bytesPerToken * tokens), 8, model.device().is_cuda() ? 512 : 128);
}

/// Whether they treat logits alike.
bool drawAlike(SamplingSettings a, const SamplingSettings& b) {
    a.samples = b.samples;
    a.minNewTokens = b.minNewTokens;
    a.maxNewTokens = b.maxNewTokens;
    a.stop = b.stop;
    a.seed = b.seed;
    return a == b;
}

at::Tensor drawWith(const at::Tensor& logits, const SamplingSettings& settings,
                    const std::vector<RowHistory>& histories, const at::Tensor& uniforms) {
    const at::Tensor processed = processLogits(logits, settings, histories);
    return settings.temperature == 0 ? processed.argmax(-1) : drawTokens(processed, uniforms);
}

/// Where the earliest of the stop texts begins in `text`, searched from `from`; npos where none stands.
std::size_t findStop(const std::string& text, std::size_t from, const std::vector<std::string>& stops) {
    std::size_t earliest = std::string::npos;
    for (const std::string& stop : stops) {
        earliest = std::min(earliest, text.find(stop, from));
    }
    return earliest;
}

/// Bytes at the end of `text` that may become a stop text.
std::size_t heldBack(const std::string& text, const std::vector<std::string>& stops) {
    std::size_t held = 0;
    for (const std::string& stop : stops) {
        for (std::size_t length = std::min(stop.size() - 1, text.size()); length > held; --length) {
            if (std::string_view(text).ends_with(std::string_view(stop).substr(0, length))) {
                held = length;
            }
        }
    }
    return held;
}

}  // namespace

BatchGenerator::BatchGenerator(const model::Transformer& model, const text::Tokenizer& tokenizer,
                               SampleCallbacks callbacks, std::int64_t maxRows, model::WeightFormat format)
    : model_(model.forDecoding(format, files::availableMemory().left() / 2)),
      tokenizer_(std::shared_ptr<const text::Tokenizer>(), &tokenizer),
      callbacks_(std::move(callbacks)),
      endIds_(model.architecture().eosIds),
      maxRows_(maxRows > 0 ? maxRows : rowsThatFit(model)) {
    if (endIds_.empty() && tokenizer.eosId()) {
        endIds_.push_back(*tokenizer.eosId());
    }
}

std::int64_t BatchGenerator::add(std::vector<TokenId> prompt, const SamplingSettings& settings) {
    contract::check(settings);
    const model::Architecture& a = model_.architecture();
    const auto length = static_cast<std::int64_t>(prompt.size());
    if (prompt.empty()) {
        throw Error("prompt has no tokens: there is nothing to continue");
    }
    for (const TokenId id : prompt) {
        if (id < 0 || id >= a.vocabulary) {
            throw Error("prompt has the id " + std::to_string(id) + ", must be below the vocabulary's size " +
                        std::to_string(a.vocabulary));
        }
    }
    Plan plan;
    plan.maxNewTokens = settings.maxNewTokens;
    if (a.positions == model::Positions::Learned) {
        if (length >= a.maxPositions) {
            throw Error("prompt has " + std::to_string(length) + " tokens, must be fewer than the model's " +
                        std::to_string(a.maxPositions) + " positions");
        }
        plan.maxNewTokens = std::min(plan.maxNewTokens, a.maxPositions - length);
    }
    plan.key = promptKey(prompt);
    plan.prompt = std::move(prompt);
    plan.settings = settings;
    Request& request = requests_[nextRequest_];
    request.plan = std::make_shared<const Plan>(std::move(plan));
    request.unreported = settings.samples;
    waiting_.push_back(nextRequest_);
    return nextRequest_++;
}

void BatchGenerator::cancel(std::int64_t number) {
    const auto found = requests_.find(number);
    if (found == requests_.end()) {
        return;
    }
    const std::int64_t started = found->second.started, samples = found->second.plan->settings.samples;
    std::erase(waiting_, number);
    for (Row& row : rows_) {
        if (!row.done && row.sample.prompt == number) {
            finish(row, FinishReason::Cancelled);
        }
    }
    for (std::int64_t index = started; index < samples; ++index) {
        Sample sample;
        sample.prompt = number;
        sample.index = index;
        sample.finishReason = FinishReason::Cancelled;
        report(std::move(sample));
    }
}

bool BatchGenerator::step() {
    const c10::InferenceMode inference;
    admit();
    if (rows_.empty()) {
        return false;
    }
    drawTokensOfRows();
    dropDoneRows(false);
    if (!rows_.empty()) {
        std::vector<TokenId> last;
        for (const Row& row : rows_) {
            last.push_back(row.done ? 0 : row.sample.ids.back());
        }
        const at::Tensor tokens = at::tensor(last, at::kLong).to(model_.device()).unsqueeze(1);
        logits_ = model_.logits(model_.forwardCached(tokens, *cache_).squeeze(1));
    }
    return !rows_.empty() || !waiting_.empty();
}

std::int64_t BatchGenerator::running() const {
    return std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return !row.done; });
}

/// Fills free rows once so many are free that rebuilding the batch pays.
void BatchGenerator::admit() {
    const std::int64_t room = maxRows_ - running();
    if (waiting_.empty() || (room < maxRows_ && room < std::max<std::int64_t>(maxRows_ / 8, 1))) {
        return;
    }
    dropDoneRows(true);
    Request& first = requests_.at(waiting_.front());
    if (first.prefix) {
        const Prefilled prefix = *std::exchange(first.prefix, std::nullopt);
        startSamples({waiting_.front()}, prefix, room);
    } else {
        const std::vector<std::int64_t> group = nextGroup(room);
        startSamples(group, prefill(group), room);
    }
}

/// The requests at the head of the queue that fit; at least one.
std::vector<std::int64_t> BatchGenerator::nextGroup(std::int64_t room) const {
    std::vector<std::int64_t> group;
    std::size_t longest = 0;
    for (const std::int64_t number : waiting_) {
        const Plan& plan = *requests_.at(number).plan;
        longest = std::max(longest, plan.prompt.size());
        const bool tooManyTokens = static_cast<std::int64_t>(longest * (group.size() + 1)) > prefillTokens;
        if (!group.empty() && (room <= 0 || tooManyTokens)) {
            break;
        }
        group.push_back(number);
        room -= plan.settings.samples;
    }
    return group;
}

BatchGenerator::Prefilled BatchGenerator::prefill(const std::vector<std::int64_t>& requests) const {
    std::vector<std::int64_t> lengths, lastTokens;
    for (const std::int64_t number : requests) {
        lengths.push_back(static_cast<std::int64_t>(requests_.at(number).plan->prompt.size()));
        lastTokens.push_back(lengths.back() - 1);
    }
    // Padded on the right: causal attention keeps the padding from the tokens before it.
    const auto count = static_cast<std::int64_t>(requests.size());
    const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    at::Tensor tokens = at::zeros({count, longest}, at::kLong);
    for (std::int64_t row = 0; row < count; ++row) {
        const auto index = static_cast<std::size_t>(row);
        tokens[row]
            .narrow(0, 0, lengths[index])
            .copy_(at::tensor(requests_.at(requests[index]).plan->prompt, at::kLong));
    }
    model::KvCache cache(model_, count, longest);
    const at::Tensor hidden = model_.forwardCached(tokens.to(model_.device()), cache);
    cache.truncate(lengths);
    const at::Tensor last = at::tensor(lastTokens, at::kLong).to(model_.device()).view({count, 1, 1});
    const at::Tensor lastHidden = hidden.gather(1, last.expand({count, 1, hidden.size(2)})).squeeze(1);
    return {std::move(cache), model_.logits(lastHidden)};
}

/// Gives samples of the requests rows, as far as there is room; each request continues its row of `prefixes`.
void BatchGenerator::startSamples(const std::vector<std::int64_t>& requests, const Prefilled& prefixes,
                                  std::int64_t room) {
    std::vector<std::int64_t> origins;  // of each new row, among the prefixes
    for (std::size_t i = 0; i < requests.size(); ++i) {
        Request& request = requests_.at(requests[i]);
        const std::int64_t samples = request.plan->settings.samples;
        for (; request.started < samples && room > 0; ++request.started, --room) {
            Row& row = rows_.emplace_back();
            row.plan = request.plan;
            row.sample.prompt = requests[i];
            row.sample.index = request.started;
            if (callbacks_.onToken || !row.plan->settings.stop.empty()) {
                row.decoder.emplace(tokenizer_);
            }
            origins.push_back(static_cast<std::int64_t>(i));
        }
        if (request.started == samples) {
            std::erase(waiting_, requests[i]);
        } else {
            const auto row = static_cast<std::int64_t>(i);
            request.prefix = Prefilled{prefixes.cache.select({row}), prefixes.logits.narrow(0, row, 1)};
        }
    }
    model::KvCache added = prefixes.cache.select(origins);
    const at::Tensor logits =
        prefixes.logits.index_select(0, at::tensor(origins, at::kLong).to(prefixes.logits.device()));
    if (cache_) {
        cache_->join(added);
        logits_ = at::cat({logits_, logits});
    } else {
        cache_ = std::move(added);
        logits_ = logits;
    }
}

/// Takes rows that have ended out of the batch: when they are many enough for the copying to pay, or `always`. Those
/// that stay are emptied, so that they cost little and never reach the end of the model's positions.
void BatchGenerator::dropDoneRows(bool always) {
    std::vector<std::int64_t> kept, lengths;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        lengths.push_back(rows_[i].done ? 0 : cache_->lengths()[i]);
        if (!rows_[i].done) {
            kept.push_back(static_cast<std::int64_t>(i));
        }
    }
    const std::size_t done = rows_.size() - kept.size();
    if (kept.empty()) {
        rows_.clear();
        cache_.reset();
        logits_.reset();
    } else if (done > 0 && (always || done * 4 >= rows_.size())) {
        cache_ = cache_->select(kept);
        logits_ = logits_.index_select(0, at::tensor(kept, at::kLong).to(logits_.device()));
        std::erase_if(rows_, [](const Row& row) { return row.done; });
    } else if (done > 0) {
        cache_->truncate(lengths);
    }
}

/// One token a row, with its log-probability before the settings changed it; one copy to the host for all.
void BatchGenerator::drawTokensOfRows() {
    const at::Tensor logits = logits_.scalar_type() == at::kDouble ? logits_ : logits_.to(at::kFloat);
    const at::Tensor ids = drawIds(logits);
    const at::Tensor drawn = at::stack({ids.to(at::kDouble), logProbabilities(logits, ids)}).to(at::kCPU);
    const auto values = drawn.accessor<double, 2>();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i);
        if (rows_[i].done) {
            continue;
        }
        if (!std::isfinite(values[1][row])) {
            throw Error("the model's logits are not finite: its weights are damaged or its numbers too large for " +
                        std::string(c10::toString(model_.computeType())) + " (--dtype float32 holds larger ones)");
        }
        take(rows_[i], static_cast<TokenId>(values[0][row]), values[1][row]);
    }
}

at::Tensor BatchGenerator::drawIds(const at::Tensor& logits) const {
    struct Group {
        const SamplingSettings* settings;
        std::vector<std::int64_t> rows;
        std::vector<RowHistory> histories;
    };
    std::vector<double> numbers;
    std::vector<Group> groups;
    for (const Row& row : rows_) {
        const SamplingSettings& settings = row.plan->settings;
        const auto same = [&](const Group& group) { return drawAlike(*group.settings, settings); };
        auto group = std::find_if(groups.begin(), groups.end(), same);
        if (group == groups.end()) {
            group = groups.insert(groups.end(), {&settings, {}, {}});
        }
        group->rows.push_back(static_cast<std::int64_t>(numbers.size()));
        group->histories.push_back(historyOf(row));
        numbers.push_back(uniform(settings.seed, row.plan->key, static_cast<std::uint32_t>(row.sample.index),
                                  static_cast<std::uint32_t>(row.sample.ids.size())));
    }
    const at::Tensor uniforms = at::tensor(numbers, at::kDouble).to(logits.device());
    if (groups.size() == 1) {
        return drawWith(logits, *groups.front().settings, groups.front().histories, uniforms);
    }
    at::Tensor ids = at::zeros({logits.size(0)}, logits.options().dtype(at::kLong));
    for (const Group& group : groups) {
        const at::Tensor rows = at::tensor(group.rows, at::kLong).to(logits.device());
        ids.index_copy_(
            0, rows,
            drawWith(logits.index_select(0, rows), *group.settings, group.histories, uniforms.index_select(0, rows)));
    }
    return ids;
}

RowHistory BatchGenerator::historyOf(const Row& row) const {
    const SamplingSettings& settings = row.plan->settings;
    RowHistory history;
    if (needsHistory(settings)) {
        history.ids = row.plan->prompt;
        history.ids.insert(history.ids.end(), row.sample.ids.begin(), row.sample.ids.end());
    }
    if (static_cast<std::int64_t>(row.sample.ids.size()) < settings.minNewTokens) {
        history.forbidden = endIds_;
    }
    return history;
}

void BatchGenerator::take(Row& row, TokenId id, double logProbability) {
    row.sample.logProbability += logProbability;
    if (std::find(endIds_.begin(), endIds_.end(), id) != endIds_.end()) {
        finish(row, FinishReason::Stop);
        return;
    }
    row.sample.ids.push_back(id);
    const bool listened = hearText(row, row.decoder ? row.decoder->push(id) : std::string());
    if (row.stopAt != std::string::npos) {
        finish(row, FinishReason::Stop);
    } else if (!listened) {
        finish(row, FinishReason::Cancelled);
    } else if (static_cast<std::int64_t>(row.sample.ids.size()) >= row.plan->maxNewTokens) {
        finish(row, FinishReason::Length);
    }
}

/// Looks for stop texts and tells the listener what can no longer be part of one. False when it wants no more.
bool BatchGenerator::hearText(Row& row, const std::string& added) {
    const std::vector<std::string>& stops = row.plan->settings.stop;
    if (stops.empty()) {
        return !callbacks_.onToken || callbacks_.onToken(row.sample.prompt, row.sample.index, added);
    }
    // Nothing before what was held back can be part of a stop text.
    row.text += added;
    row.stopAt = findStop(row.text, row.told, stops);
    const std::size_t settled =
        row.stopAt != std::string::npos ? row.stopAt : row.text.size() - heldBack(row.text, stops);
    const std::string news = settled > row.told ? row.text.substr(row.told, settled - row.told) : std::string();
    row.told = std::max(row.told, settled);
    return !callbacks_.onToken || callbacks_.onToken(row.sample.prompt, row.sample.index, news);
}

void BatchGenerator::finish(Row& row, FinishReason reason) {
    row.done = true;
    row.sample.finishReason = reason;
    row.sample.text = row.stopAt != std::string::npos ? row.text.substr(0, row.stopAt)
                                                      : tokenizer_->decode(row.sample.ids, /*skipSpecialTokens=*/true);
    if (row.decoder && callbacks_.onToken && row.stopAt == std::string::npos) {
        if (const std::string rest = row.text.substr(row.told) + row.decoder->finish(); !rest.empty()) {
            callbacks_.onToken(row.sample.prompt, row.sample.index, rest);
        }
    }
    report(std::move(row.sample));
}

void BatchGenerator::report(Sample sample) {
    const auto request = requests_.find(sample.prompt);
    if (--request->second.unreported == 0) {
        requests_.erase(request);
    }
    if (callbacks_.onSample) {
        callbacks_.onSample(sample);
    }
}

}  // namespace prefbench::sampling
