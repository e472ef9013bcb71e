#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>

#include "app/engine/commands/commands.h"

namespace {

constexpr int workFailed = 1;
constexpr int callWasWrong = 2;

/// Libraries' messages may go on with stack traces; the first line says what happened.
int fail(std::string_view message) {
    std::cerr << "prefbench-engine: " << message.substr(0, message.find('\n')) << std::endl;
    return workFailed;
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    CLI::App app{"The model half of Prefbench: tokenizing, scoring, generating and training."};
    app.set_version_flag("--version", std::string("prefbench-engine ") + PREFBENCH_VERSION);
    app.require_subcommand(1);
    prefbench::engine::Work work;
    prefbench::engine::addCommands(app, work);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : callWasWrong;
    }
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail("out of memory");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}
