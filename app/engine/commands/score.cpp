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

text::TokenizedCompletion idsOf(const LoadedModel& model, const files::OrderedJson& line) {
    const model::Architecture& architecture = model.transformer.architecture();
    if (line.is_object() && line.contains("prompt_ids")) {
        return {requiredIds(line, "prompt_ids", architecture), requiredIds(line, "completion_ids", architecture)};
    }
    const contract::Passage prompt = contract::promptFromJson(line);
    const std::string completion = requiredText(line, "completion");
    if (!prompt.isConversation()) {
        return text::tokenizeCompletion(*model.tokenizer, prompt.text, completion, flagOr(line, "append_eos", false));
    }
    if (line.contains("append_eos")) {
        throw Error("\"append_eos\" is for plain text: the chat template ends the answers of a conversation");
    }
    return model.conversations.tokenizeCompletion(prompt.messages, contract::answerTo(prompt, completion).messages);
}

int run(const ScoreOptions& options) {
    const LoadedModel model = loadModel(options.model);
    return answerLines(options.files, [&](const files::OrderedJson& line) {
        files::OrderedJson answer = files::OrderedJson::object();
        if (line.is_object() && line.contains("id")) {
            answer["id"] = line.at("id");
        }
        answer.update(score(model, line));
        return answer;
    });
}

}  // namespace

files::OrderedJson score(const LoadedModel& model, const files::OrderedJson& line) {
    const c10::InferenceMode inference;
    text::TokenizedCompletion ids = idsOf(model, line);
    std::vector<double> tokens;
    if (!ids.completion.empty()) {
        const auto batch = model::PackedBatch::pack({{std::move(ids.prompt), {std::move(ids.completion)}}},
                                                    model.transformer.device());
        const at::Tensor values = branchTokenLogProbs(model.transformer, batch).to(at::kCPU, at::kDouble).contiguous();
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
    CLI::App* command = app.add_subcommand("score",
                                           "JSON lines {\"prompt\", \"completion\"}, {\"messages\", \"completion\"} or "
                                           "{\"prompt_ids\", \"completion_ids\"} to "
                                           "{\"logprob\", \"token_logprobs\"}");
    addModelOptions(*command, options->model);
    addLineOptions(*command, options->files);
    command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace prefbench::engine
