#include <atomic>
#include <csignal>

#include "app/engine/commands/commands.h"
#include "core/training/training_run.h"

namespace prefbench::engine {

namespace {

std::atomic<bool> stopRequested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void requestStop(int) {
    stopRequested = true;
}

/// SIGTERM and SIGINT ask for a checkpoint and an orderly end. A write past a size limit or to a closed pipe is to fail
/// where it is made, with a message, not to end the process.
void installSignals() {
    struct sigaction action {};
    action.sa_handler = requestStop;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
}

struct TrainOptions {
    std::string run;
    bool resume = false;
};

}  // namespace

void addTrain(CLI::App& app, Work& work) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command = app.add_subcommand("train", "Carry out a run directory, to its end or until it is stopped");
    command->add_option("run", options->run, "run directory")->required();
    command->add_flag("--resume", options->resume, "go on from the newest whole checkpoint");
    command->callback([options, &work] {
        work = [options] {
            installSignals();
            training::runTraining({options->run}, options->resume, stopRequested);
            return 0;
        };
    });
}

}  // namespace prefbench::engine
