#include <CLI/CLI.hpp>
#include <QApplication>
#include <QTemporaryDir>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "app/cli/commands/commands.h"

namespace {

constexpr int workFailed = 1;
constexpr int callWasWrong = 2;

/// Errors are one line.
int fail(int status, std::string_view message) {
    const std::string line(message.substr(0, message.find('\n')));
    std::fflush(stdout);
    std::fprintf(stderr, "prefbench-cli: %s\n", line.c_str());
    return status;
}

bool isUnknownCommand(const CLI::App& app, int argc, char** argv) {
    const auto isNamed = [argv](const CLI::App* command) { return command->check_name(argv[1]); };
    return argc > 1 && argv[1][0] != '-' && app.get_subcommands(isNamed).empty();
}

/// Even offscreen, Qt asks for a runtime folder and complains where no session gives one.
std::unique_ptr<QTemporaryDir> lendRuntimeFolder() {
    if (qEnvironmentVariableIsSet("XDG_RUNTIME_DIR")) {
        return nullptr;
    }
    auto folder = std::make_unique<QTemporaryDir>();
    qputenv("XDG_RUNTIME_DIR", folder->path().toLocal8Bit());
    return folder;
}

/// Charts are widgets, drawn without a display; every other command needs no platform plugin.
std::unique_ptr<QCoreApplication> makeApplication(int& argc, char** argv) {
    const std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "plot" || command == "demo") {
        qputenv("QT_QPA_PLATFORM", "offscreen");
        return std::make_unique<QApplication>(argc, argv);
    }
    return std::make_unique<QCoreApplication>(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
    const std::unique_ptr<QTemporaryDir> runtimeFolder = lendRuntimeFolder();
    const std::unique_ptr<QCoreApplication> application = makeApplication(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("prefbench"));
    QCoreApplication::setApplicationVersion(QStringLiteral(PREFBENCH_VERSION));
    CLI::App app{"The whole of Prefbench without a window: projects, sampling, labels, training."};
    app.set_version_flag("--version", std::string("prefbench-cli ") + PREFBENCH_VERSION);
    app.require_subcommand(1);
    prefbench::cli::addCommands(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {
        return app.exit(request);
    } catch (const CLI::ParseError& error) {
        return fail(callWasWrong, isUnknownCommand(app, argc, argv)
                                      ? "there is no command \"" + std::string(argv[1]) + "\"; --help lists them"
                                      : error.what());
    } catch (const std::bad_alloc&) {
        return fail(workFailed, "out of memory");
    } catch (const std::exception& error) {
        return fail(workFailed, error.what());
    }
    return 0;
}
