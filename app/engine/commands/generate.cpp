#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "app/engine/commands/commands.h"
#include "app/engine/commands/json_line_loop.h"
#include "app/engine/commands/model_options.h"
#include "app/engine/commands/prompts.h"
#include "core/files/error.h"
#include "core/sampling/batch_generator.h"

namespace prefbench::engine {

namespace {

struct GenerateOptions {
    ModelOptions model;
    LineFiles files;
    contract::SamplingSettings settings;
};

/// Lines are answered in their order, each by as many lines as there are samples, while their samples are drawn as
/// one batch.
class LineGenerator {
  public:
    LineGenerator(const LoadedModel& model, const GenerateOptions& options)
        : model_(model),
          settings_(options.settings),
          out_(options.files),
          batch_(model.transformer, *model.tokenizer,
                 {.onToken = {}, .onSample = [this](const sampling::Sample& sample) { keep(sample); }},
                 /*maxRows=*/0, model.weights) {}

    void add(std::int64_t number, const files::OrderedJson& line) {
        const bool asIds = line.is_object() && line.contains("prompt_ids");
        auto prompt = asIds ? requiredIds(line, "prompt_ids", model_.transformer.architecture())
                            : promptIds(model_.conversations, contract::promptFromJson(line));
        Line& added = lines_.emplace_back();
        added.number = number;
        try {
            byRequest_[batch_.add(std::move(prompt), settings_)] = &added;
        } catch (const Error&) {
            lines_.pop_back();
            throw;
        }
        added.samples.resize(static_cast<std::size_t>(settings_.samples));
        added.missing = settings_.samples;
        if (line.contains("id")) {
            added.id = line.at("id");
        }
        while (lines_.size() > mostWaiting) {
            batch_.step();
            writeFinished();
        }
    }

    void addBad(const files::BadLine& bad) {
        Line& added = lines_.emplace_back();
        added.number = bad.number;
        added.error = bad.reason;
        writeFinished();
    }

    void drain() {
        while (batch_.step()) {
            writeFinished();
        }
        writeFinished();
        out_.flush();
    }

    int finish() {
        drain();
        return out_.finish();
    }

  private:
    static constexpr std::size_t mostWaiting = 4096;

    struct Line {
        std::int64_t number = 0;
        std::optional<std::string> error;
        std::optional<files::OrderedJson> id;
        std::vector<sampling::Sample> samples;
        std::int64_t missing = 0;
    };

    void keep(const sampling::Sample& sample) {
        Line& line = *byRequest_.at(sample.prompt);
        line.samples[static_cast<std::size_t>(sample.index)] = sample;
        if (--line.missing == 0) {
            byRequest_.erase(sample.prompt);
        }
    }

    void writeFinished() {
        for (; !lines_.empty() && lines_.front().missing == 0; lines_.pop_front()) {
            const Line& line = lines_.front();
            if (line.error) {
                out_.fail(line.number, *line.error);
            }
            for (const sampling::Sample& sample : line.samples) {
                out_.write(answer(line, sample));
            }
        }
    }

    files::OrderedJson answer(const Line& line, const sampling::Sample& sample) const {
        files::OrderedJson answer = files::OrderedJson::object();
        if (line.id) {
            answer["id"] = *line.id;
        }
        if (settings_.samples > 1) {
            answer["sample"] = sample.index;
        }
        answer["completion"] = sample.text;
        answer["ids"] = sample.ids;
        answer["logprob"] = files::numberToJson(sample.logProbability);
        answer["finish_reason"] = contract::toString(sample.finishReason);
        return answer;
    }

    const LoadedModel& model_;
    contract::SamplingSettings settings_;
    LineWriter out_;
    std::deque<Line> lines_;
    std::map<std::int64_t, Line*> byRequest_;
    sampling::BatchGenerator batch_;
};

int run(const GenerateOptions& options) {
    const LoadedModel model = loadModel(options.model);
    LineGenerator generator(model, options);
    readLines(
        options.files, [&](std::int64_t number, const files::OrderedJson& line) { generator.add(number, line); },
        [&](const files::BadLine& bad) { generator.addBad(bad); }, [&] { generator.drain(); });
    return generator.finish();
}

}  // namespace

void addGenerate(CLI::App& app, Work& work) {
    auto options = std::make_shared<GenerateOptions>();
    CLI::App* command = app.add_subcommand(
        "generate",
        R"(JSON lines {"prompt"}, {"messages"} or {"prompt_ids"} to {"completion", "ids", "logprob", "finish_reason"})");
    options->model.decodes = true;
    addModelOptions(*command, options->model);
    contract::SamplingSettings& settings = options->settings;
    command->add_option("--temperature", settings.temperature, "0 takes the likeliest token")->capture_default_str();
    command->add_option("--top-k", settings.topK, "draw from the K likeliest (0: all)")->capture_default_str();
    command->add_option("--top-p", settings.topP, "draw from the likeliest that make up P")->capture_default_str();
    command->add_option("--min-p", settings.minP, "no token less likely than this share of the likeliest (0: off)")
        ->capture_default_str();
    command
        ->add_option("--repetition-penalty", settings.repetitionPenalty,
                     "divides the logits of tokens already there (1: off)")
        ->capture_default_str();
    command->add_option("--stop", settings.stop, "texts that end a completion, which ends before them");
    command->add_option("--min-new-tokens", settings.minNewTokens, "no end before so many")->capture_default_str();
    command->add_option("--max-new-tokens", settings.maxNewTokens, "tokens a completion")->capture_default_str();
    command->add_option("--samples", settings.samples, "completions a prompt")->capture_default_str();
    command->add_option("--seed", settings.seed, "same seed, same completions")->capture_default_str();
    addLineOptions(*command, options->files);
    command->callback([options, &work] {
        try {
            contract::check(options->settings);
        } catch (const Error& error) {
            throw CLI::ValidationError("generate", error.what());
        }
        work = [options] { return run(*options); };
    });
}

}  // namespace prefbench::engine
