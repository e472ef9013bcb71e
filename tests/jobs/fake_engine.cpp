// A test double for what prefbench-engine's process can do wrong; $FAKE_ENGINE_MODE says what. It holds no model.

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "core/contract/messages.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/json.h"

using namespace prefbench;

namespace {

void say(const contract::EngineEvent& event) {
    std::cout << files::toLine(contract::toJson(event)) << std::endl;
}

contract::EngineEvent answer(contract::EngineEvent::Kind kind, std::int64_t id, const std::string& text = {},
                             std::int64_t sample = 0) {
    contract::EngineEvent event;
    event.kind = kind;
    event.id = id;
    event.sample = sample;
    event.text = text;
    return event;
}

using Kind = contract::EngineEvent::Kind;

/// Answers every request with texts made of the prompt (of a conversation its JSON), the request's seed and the
/// sample's number; samples and requests end in reverse order within a batch, as a real engine's may.
int serve() {
    say(answer(Kind::Ready, 0));
    for (std::string line; std::getline(std::cin, line);) {
        const files::OrderedJson request = files::parseOrderedJson(line, "request");
        const std::int64_t id = request.at("id");
        if (request.at("op") == "cancel") {
            say(answer(Kind::Done, request.at("target")));
            say(answer(Kind::Done, id));
            continue;
        }
        const contract::Passage asked = contract::promptFromJson(request);
        const std::string prompt = asked.isConversation() ? files::toLine(asked.messages) : asked.text;
        if (prompt.find("too long") != std::string::npos) {
            say(answer(Kind::Error, id, "prompt: 9000 tokens, the model takes 1024"));
            continue;
        }
        if (prompt.find("crash") != std::string::npos) {
            std::cerr << "out of memory in layer 3" << std::endl;
            std::abort();
        }
        if (prompt.find("hang") != std::string::npos) {
            continue;
        }
        for (std::int64_t sample = request.at("samples").get<std::int64_t>() - 1; sample >= 0; --sample) {
            const std::string text = prompt + " " + std::to_string(request.at("seed").get<std::uint64_t>()) + " " +
                                     std::to_string(prompt.find("same") != std::string::npos ? 0 : sample);
            say(answer(Kind::Token, id, text, sample));
            contract::EngineEvent result = answer(Kind::Result, id, text, sample);
            result.ids = {1, 2, sample};
            result.logProbability = -1.5;
            say(result);
        }
        say(answer(Kind::Done, id));
    }
    return 0;
}

/// `render --tokens` of one line: each character a token.
int render(const std::string& mode) {
    std::string line;
    std::getline(std::cin, line);
    if (mode == "refuse") {
        std::cerr << "prefbench-engine: line 1: /m: the model has no chat template" << std::endl;
        return 1;
    }
    if (mode == "slow") {
        std::this_thread::sleep_for(std::chrono::hours(1));
    }
    contract::Rendering rendering;
    rendering.text = contract::promptFromJson(files::parseOrderedJson(line, "request")).text;
    for (const char character : rendering.text) {
        rendering.tokens.push_back({character, std::string(1, character), false});
    }
    std::cout << files::toLine(contract::toJson(rendering)) << std::endl;
    return 0;
}

int train(const contract::RunDirectory& run, const std::string& mode) {
    if (mode == "refuse") {
        std::cerr << "first line\nmodel.safetensors: tensor wte is missing\n";
        return 1;
    }
    if (mode == "silent") {
        return 1;
    }
    const auto lock = contract::RunLock::tryAcquire(run);
    contract::RunStatus status = contract::readStatus(run);
    status.state = contract::RunState::Running;
    contract::writeStatus(run, status);
    files::writeAtomically(
        run.path / "process.json",
        files::toLine(files::Json{
            {"pid", getpid()}, {"session", getsid(0)}, {"folder", std::filesystem::current_path().string()}}));
    std::cout << "out" << std::endl;
    std::cerr << "err" << std::endl;
    std::string line;
    std::getline(std::cin, line);  // /dev/null: returns at once
    std::this_thread::sleep_for(std::chrono::seconds(1));
    status.state = contract::RunState::Finished;
    contract::writeStatus(run, status);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const char* variable = std::getenv("FAKE_ENGINE_MODE");
    const std::string mode = variable ? variable : "";
    const std::string command = argc > 1 ? argv[1] : "";
    if (mode == "crash") {
        std::cerr << "loading weights\nout of memory in layer 3" << std::endl;
        std::abort();
    }
    if (mode == "exit") {
        std::cerr << "no such option" << std::endl;
        return 3;
    }
    if (mode == "garbage") {
        std::cout << "Warning: something was printed here" << std::endl;
    }
    if (mode == "stubborn") {
        std::signal(SIGTERM, SIG_IGN);
        files::writeAtomically(std::getenv("FAKE_ENGINE_PID_FILE"), std::to_string(getpid()));
        std::this_thread::sleep_for(std::chrono::hours(1));
    }
    if (mode == "model-refused") {
        say(answer(Kind::Error, 0, "/m/config.json: no model_type"));
        return 1;
    }
    if (command == "render") {
        return render(mode);
    }
    return command == "train" ? train({argv[2]}, mode) : serve();
}
