#include <condition_variable>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "app/engine/commands/commands.h"
#include "app/engine/commands/model_options.h"
#include "app/engine/commands/prompts.h"
#include "app/engine/commands/scoring.h"
#include "core/contract/messages.h"
#include "core/files/error.h"
#include "core/sampling/batch_generator.h"

namespace prefbench::engine {

namespace {

using contract::EngineEvent;
using Kind = EngineEvent::Kind;

/// Lines of standard input, read on a thread of their own so that a cancel is seen while tokens are drawn.
class InputLines {
  public:
    struct Taken {
        std::deque<std::string> lines;
        bool ended = false;
    };

    /// The thread owns what it shares: it may be left waiting for input when the process ends.
    InputLines() {
        std::thread([shared = shared_] { read(*shared); }).detach();
    }

    /// What has arrived; waits for something, or for the end of input, where `wait`.
    Taken take(bool wait) {
        std::unique_lock lock(shared_->mutex);
        if (wait) {
            shared_->arrived.wait(lock, [&] { return !shared_->lines.empty() || shared_->ended; });
        }
        return {std::exchange(shared_->lines, {}), shared_->ended};
    }

  private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable arrived;
        std::deque<std::string> lines;
        bool ended = false;
    };

    static void read(Shared& shared) {
        std::string line;
        while (std::getline(std::cin, line)) {
            const std::lock_guard lock(shared.mutex);
            shared.lines.push_back(std::move(line));
            shared.arrived.notify_one();
        }
        const std::lock_guard lock(shared.mutex);
        shared.ended = true;
        shared.arrived.notify_one();
    }

    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

void say(const files::Json& message) {
    std::cout << files::toLine(message) << '\n';
}

void sayError(std::int64_t id, const std::string& message) {
    EngineEvent event;
    event.kind = Kind::Error;
    event.id = id;
    event.text = message;
    say(toJson(event));
}

void sayDone(std::int64_t id) {
    EngineEvent event;
    event.kind = Kind::Done;
    event.id = id;
    say(toJson(event));
}

/// The whole answer to a request.
void sayResult(std::int64_t id, files::Json result) {
    result["id"] = id;
    result["event"] = "result";
    say(result);
    sayDone(id);
}

/// Answers requests; those that generate run together as one batch.
class Server {
  public:
    explicit Server(const LoadedModel& model)
        : model_(model),
          batch_(model.transformer, *model.tokenizer,
                 {.onToken = [this](std::int64_t request, std::int64_t sample,
                                    const std::string& text) { return onToken(request, sample, text); },
                  .onSample = [this](const sampling::Sample& sample) { onSample(sample); }},
                 /*maxRows=*/0, model.weights) {}

    /// Until input has ended and everything asked for is done.
    void run() {
        InputLines input;
        bool busy = false;
        while (true) {
            const InputLines::Taken taken = input.take(/*wait=*/!busy);
            for (const std::string& line : taken.lines) {
                handle(line);
            }
            busy = batch_.step();
            std::cout.flush();
            if (!std::cout) {
                throw Error("standard output cannot be written");
            }
            if (taken.ended && !busy) {
                return;
            }
        }
    }

  private:
    struct Running {
        std::int64_t id = 0;       ///< as the client calls it
        std::int64_t missing = 0;  ///< samples
    };

    void handle(const std::string& line) {
        std::int64_t id = 0;
        try {
            const files::OrderedJson request = files::parseOrderedJson(line, "request");
            if (!request.is_object()) {
                throw Error("request: must be a JSON object");
            }
            id = integer(request, "id");
            const auto op = request.find("op");
            if (op == request.end() || !op->is_string()) {
                throw Error(R"(request: "op" must be "generate", "score", "render" or "cancel")");
            }
            answer(id, op->get<std::string>(), request);
        } catch (const std::exception& error) {
            sayError(id, error.what());
        }
    }

    void answer(std::int64_t id, const std::string& op, const files::OrderedJson& request) {
        if (op == "generate") {
            generate(contract::generateRequestFromJson(request));
        } else if (op == "score") {
            sayResult(id, score(model_, request));
        } else if (op == "render") {
            sayResult(id, toJson(rendering(model_.conversations, contract::promptFromJson(request))));
        } else if (op == "cancel") {
            cancel(integer(request, "target"));
            sayDone(id);
        } else {
            throw Error("request: op is \"" + op + "\", must be generate, score, render or cancel");
        }
    }

    static std::int64_t integer(const files::OrderedJson& request, const char* key) {
        const auto found = request.find(key);
        if (found == request.end() || !found->is_number_integer()) {
            throw Error(std::string("request: \"") + key + "\" must be a whole number");
        }
        return found->get<std::int64_t>();
    }

    void generate(const contract::GenerateRequest& request) {
        const std::int64_t number = batch_.add(promptIds(model_.conversations, request.prompt), request.settings);
        running_[number] = {request.id, request.settings.samples};
    }

    /// A target that has ended already, or never was, needs nothing more.
    void cancel(std::int64_t target) {
        std::vector<std::int64_t> numbers;
        for (const auto& [number, request] : running_) {
            if (request.id == target) {
                numbers.push_back(number);
            }
        }
        for (const std::int64_t number : numbers) {
            batch_.cancel(number);
        }
    }

    bool onToken(std::int64_t request, std::int64_t sample, const std::string& text) {
        if (!text.empty()) {
            EngineEvent event;
            event.kind = Kind::Token;
            event.id = running_.at(request).id;
            event.sample = sample;
            event.text = text;
            say(toJson(event));
        }
        return true;
    }

    void onSample(const sampling::Sample& sample) {
        Running& request = running_.at(sample.prompt);
        EngineEvent event;
        event.kind = Kind::Result;
        event.id = request.id;
        event.sample = sample.index;
        event.text = sample.text;
        event.ids = sample.ids;
        event.logProbability = sample.logProbability;
        event.finishReason = sample.finishReason;
        say(toJson(event));
        if (--request.missing == 0) {
            sayDone(request.id);
            running_.erase(sample.prompt);
        }
    }

    const LoadedModel& model_;
    std::map<std::int64_t, Running> running_;  ///< by the batch's number
    sampling::BatchGenerator batch_;
};

int run(const ModelOptions& options) {
    std::optional<LoadedModel> model;
    try {
        model.emplace(loadModel(options));
    } catch (const std::exception& error) {
        const std::string message = error.what();
        std::cout << files::toLine(files::Json{{"event", "error"}, {"message", message.substr(0, message.find('\n'))}})
                  << std::endl;
        throw;
    }
    std::cout << files::toLine(files::Json{{"event", "ready"},
                                           {"model", options.folder},
                                           {"dtype", options.dtype},
                                           {"vocabulary", model->transformer.architecture().vocabulary}})
              << std::endl;
    Server(*model).run();
    return 0;
}

}  // namespace

void addServe(CLI::App& app, Work& work) {
    auto options = std::make_shared<ModelOptions>();
    CLI::App* command = app.add_subcommand(
        "serve",
        R"(answers {"id", "op": "generate" | "score" | "render" | "cancel", …} lines until standard input ends)");
    options->decodes = true;
    addModelOptions(*command, *options);
    command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace prefbench::engine
