#include "core/training/samples.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/files/durable_file.h"
#include "core/files/json_lines.h"
#include "core/sampling/generator.h"

namespace prefbench::training {
namespace {

/// Of a line of samples.jsonl; none where the line is no sample.
std::optional<std::int64_t> stepOf(const files::OrderedJson& line) {
    const bool known = line.is_object() && line.contains("step") && line.at("step").is_number_integer();
    return known ? std::optional(line.at("step").get<std::int64_t>()) : std::nullopt;
}

}  // namespace

SampleWriter::SampleWriter(const contract::RunDirectory& run, const contract::RunSpec& spec,
                           const text::Conversations& conversations, std::int64_t maxLength, const Dataset& source)
    : file_(run.samples()), settings_(spec.sampling), tokenizer_(conversations.tokenizer()) {
    settings_.samples = 1;
    const auto wanted = static_cast<std::size_t>(spec.hyperparameters.evalSamples);
    for (const Example& example : source.examples) {
        if (asked_.size() >= wanted) {
            break;
        }
        std::vector<text::TokenId> ids = example.asked.isConversation()
                                             ? conversations.promptIds(example.asked.messages)
                                             : tokenizer_.encode(example.asked.text, true);
        const bool isNew = std::find(asked_.begin(), asked_.end(), example.asked) == asked_.end();
        const bool fits = maxLength == 0 || static_cast<std::int64_t>(ids.size()) < maxLength;
        if (isNew && fits && !ids.empty()) {
            asked_.push_back(example.asked);
            prompts_.push_back(std::move(ids));
        }
    }
}

std::vector<std::string> SampleWriter::answer(const model::Transformer& policy, std::int64_t step,
                                              const std::function<bool()>& goOn) const {
    std::vector<std::string> lines(prompts_.size());
    if (lines.empty()) {
        return lines;
    }
    sampling::SampleCallbacks callbacks;
    callbacks.onToken = [&](std::int64_t, std::int64_t, const std::string&) { return goOn(); };
    callbacks.onSample = [&](const sampling::Sample& sample) {
        const auto index = static_cast<std::size_t>(sample.prompt);
        lines[index] = files::toLine(files::OrderedJson{{"step", step},
                                                        {"prompt", contract::toJson(asked_[index])},
                                                        {"completion", sample.text},
                                                        {"finish_reason", contract::toString(sample.finishReason)},
                                                        {"logprob", files::numberToJson(sample.logProbability)}});
    };
    const at::NoGradGuard noGradients;
    sampling::generate(policy, tokenizer_, prompts_, settings_, callbacks);
    return lines;
}

void SampleWriter::write(const std::vector<std::string>& lines) {
    if (lines.empty()) {
        return;
    }
    files::LineAppender file(file_);
    for (const std::string& line : lines) {
        file.append(line);
    }
    file.sync();
}

bool SampleWriter::has(std::int64_t step) const {
    std::size_t found = 0;
    if (std::filesystem::exists(file_)) {
        files::readJsonLinesFile(
            file_, [&](std::int64_t, const files::OrderedJson& line) { found += stepOf(line) == step ? 1 : 0; },
            [](const files::BadLine&) {});
    }
    return found >= prompts_.size();
}

void SampleWriter::dropAfter(std::int64_t step) {
    if (!std::filesystem::exists(file_)) {
        return;
    }
    std::string kept;
    files::readJsonLinesFile(
        file_,
        [&](std::int64_t, const files::OrderedJson& line) {
            if (const auto written = stepOf(line); written && *written <= step) {
                kept += files::toLine(line) + "\n";
            }
        },
        [](const files::BadLine&) {});
    files::writeDurably(file_, kept);
}

}  // namespace prefbench::training
