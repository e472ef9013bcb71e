#include <memory>

#include "app/engine/commands/commands.h"
#include "app/engine/commands/json_line_loop.h"
#include "app/engine/commands/model_options.h"
#include "app/engine/commands/prompts.h"
#include "app/engine/commands/scoring.h"
#include "core/files/error.h"
#include "core/model/log_probs.h"

namespace prefbench::engine {

namespace {

struct ScoreOptions {
    ModelOptions model;
    LineFiles files;
};

text::TokenizedCompletion idsOf(const model::Transformer& model, const text::Tokenizer& tokenizer,
                                const files::OrderedJson& line) {
    if (line.is_object() && line.contains("prompt_ids")) {
        return {requiredIds(line, "prompt_ids", model.architecture()),
                requiredIds(line, "completion_ids", model.architecture())};
    }
    const std::string prompt = requiredText(line, "prompt"), completion = requiredText(line, "completion");
    return text::tokenizeCompletion(tokenizer, prompt, completion, flagOr(line, "append_eos", false));
}

int run(const ScoreOptions& options) {
    const LoadedModel model = loadModel(options.model);
    return answerLines(options.files, [&](const files::OrderedJson& line) {
        files::OrderedJson answer = files::OrderedJson::object();
        if (line.is_object() && line.contains("id")) {
            answer["id"] = line.at("id");
        }
        answer.update(score(model.transformer, *model.tokenizer, line));
        return answer;
    });
}

}  // namespace

files::OrderedJson score(const model::Transformer& model, const text::Tokenizer& tokenizer,
                         const files::OrderedJson& line) {
    const c10::InferenceMode inference;
    text::TokenizedCompletion ids = idsOf(model, tokenizer, line);
    std::vector<double> tokens;
    if (!ids.completion.empty()) {
        const auto batch =
            model::PackedBatch::pack({{std::move(ids.prompt), {std::move(ids.completion)}}}, model.device());
        const at::Tensor values = branchTokenLogProbs(model, batch).to(at::kCPU, at::kDouble).contiguous();
        tokens.assign(values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel());
    }
    double sum = 0;
    files::OrderedJson list = files::OrderedJson::array();
    for (const double value : tokens) {
        sum += value;
        list.emplace_back(files::numberToJson(value));
    }
    return {{"logprob", files::numberToJson(sum)}, {"token_logprobs", list}};
}

void addScore(CLI::App& app, Work& work) {
    auto options = std::make_shared<ScoreOptions>();
    CLI::App* command = app.add_subcommand(
        "score",
        R"(JSON lines {"prompt", "completion"} or {"prompt_ids", "completion_ids"} to {"logprob", "token_logprobs"})");
    addModelOptions(*command, options->model);
    addLineOptions(*command, options->files);
    command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace prefbench::engine
