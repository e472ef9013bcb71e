#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>
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

/// Sets a variable unless it, or another that decides the same, is set already. True where it did.
bool setDefault(const char* variable, const char* value, const char* alternative = nullptr) {
    const bool decided =
        std::getenv(variable) != nullptr || (alternative != nullptr && std::getenv(alternative) != nullptr);
    return !decided && ::setenv(variable, value, 1) == 0;
}

/// What libgomp and malloc read before main, so that the program is started anew with it; the process stays the same.
/// Whoever sets the variables has decided otherwise. docs/performance.md has the figures.
/// - OpenMP threads that wait for each other in a loop cost a small model 40 times its run time as soon as another
///   program wants the cores.
/// - Large blocks go back to the system whenever they are freed, and every step would fault its pages in anew; and
///   they are to lie in huge pages.
void startWithSettings(char** argv) {
    const bool spinning = setDefault("GOMP_SPINCOUNT", "4000", "OMP_WAIT_POLICY");
    const bool memory = setDefault("GLIBC_TUNABLES",
                                   "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.top_pad=67108864:"
                                   "glibc.malloc.trim_threshold=17179869184");
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if ((spinning || memory) && !error) {
        ::execv(program.c_str(), argv);  // returns only where it failed; then it costs what it costs
    }
}

}  // namespace

int main(int argc, char** argv) {
    startWithSettings(argv);
    std::ios::sync_with_stdio(false);
    // Reading must not flush: `serve` reads on a thread of its own, and two threads in one buffer write a line twice.
    std::cin.tie(nullptr);
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
